//! A ledger in a folder whose photos are in a bucket: backed up, destroyed with its bucket, and restored.

use std::fs;

use hazard_tests::server::{TestServer, village};
use hazard_tests::story::Phone;
use server::config::{S3Options, Settings};
use sync_core::people::Role;

use crate::office::{find_hazard, findings, photo, run, states, temporary};

/// The bucket in the words of a command.
fn words(bucket: &S3Options) -> Vec<String> {
    let url = format!("s3://{}/{}", bucket.bucket, bucket.prefix);
    ["--photos-url", &url, "--photos-endpoint", bucket.endpoint.as_deref().unwrap()].map(str::to_owned).into()
}

#[tokio::test]
async fn a_ledger_whose_photos_are_in_a_bucket_comes_back_equal_from_its_backup() {
    let bucket = crate::bucket();
    let options = bucket.clone();
    let mut server = TestServer::start_on(None, move |settings| settings.photos = Some(options)).await;
    let mut one = Phone::of(&server, "one", Role::Inspector, &[village(0)]).await;
    let (_, hash, bytes) = find_hazard(&server, &mut one).await;
    let before = states(&server, &one.session).await;
    let (folder, data_dir, there) = (temporary(), server.data_dir(), words(&bucket));
    let to = folder.path().to_str().unwrap();
    let command = |rest: &[&'static str]| {
        let path = rest.iter().map(|word| (*word).to_owned()).chain([to.to_owned()]);
        path.chain(there.clone()).collect::<Vec<_>>()
    };
    let run = async |name: &str, words: Vec<String>| {
        run(&data_dir, name, &words.iter().map(String::as_str).collect::<Vec<_>>()).await
    };
    let said = run("backup", command(&["--to"])).await.unwrap();
    assert!(said.contains("1 photos (1 new"), "{said}");
    let said = run("backup", command(&["--to"])).await.unwrap();
    assert!(said.contains("1 photos (0 new"), "{said}");

    server.stop().await;
    let objects = crate::photos_in(&bucket);
    assert!(!crate::office::files(&objects).is_empty());
    fs::remove_dir_all(&data_dir).unwrap();
    fs::remove_dir_all(&objects).unwrap();
    let said = run("restore", command(&["--from"])).await.unwrap();
    assert!(said.contains("1 photos"), "{said}");
    let rest: Vec<&str> = there.iter().map(String::as_str).collect();
    assert_eq!(findings(&data_dir, &rest).await, []);
    let restored = Settings { photos: Some(bucket), ..Settings::local(data_dir.clone()) };
    let change = |settings: &mut Settings| *settings = restored;
    let mut again = TestServer::start_on(None, change).await;
    assert_eq!(states(&again, &one.session).await, before);
    assert!(photo(&again, &one.session, &hash).await == (200, bytes), "the photo is there again");

    again.stop().await;
    crate::office::files(&objects).iter().for_each(|object| fs::remove_file(object).unwrap());
    let found = findings(&data_dir, &rest).await;
    assert!(found.iter().any(|finding| finding.to_string().contains(&hash)), "{found:?}");
}
