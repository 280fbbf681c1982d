//! In a bucket: cut links, restarts, other processes, what a crash has left.

use hazard_tests::server::{TestServer, village};
use sync_core::people::Role;

use crate::phone::{Phone, checksum, hash, header, refused, sample};

const MIB: usize = 1024 * 1024;

/// The names of the objects of a phone's unfinished upload, sorted.
fn objects(phone: &Phone<'_>, hash: &str) -> Vec<String> {
    let folder = phone.part(hash, 0);
    let Ok(entries) = std::fs::read_dir(folder.parent().unwrap()) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// A photo of many slots: real bytes, again and again.
fn panorama(bytes: usize) -> Vec<u8> {
    sample("phones/jolla.jpg").into_iter().cycle().take(bytes).collect()
}

#[tokio::test]
async fn bytes_that_came_before_a_cut_are_kept_in_few_objects() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let bytes = panorama(2 * MIB + 5);
    let hash = hash(&bytes);
    phone.create(&hash, bytes.len()).await;
    let mut at = 0;
    for end in [1, 12_345, 12_346, 30_000] {
        let socket = phone.begin_by_hand(&hash, at, bytes.len() - at, &bytes[at..end]).await;
        drop(socket);
        phone.until_offset(&hash, end).await;
        at = end;
    }
    assert_eq!(objects(&phone, &hash), ["0-30000"], "each cut has replaced what was there");
    for end in [MIB - 1, MIB, MIB + 1, 2 * MIB + 1] {
        assert_eq!(phone.send(&hash, at, &bytes[at..end]).await.status(), 204);
        at = end;
    }
    assert_eq!(objects(&phone, &hash), ["0-1048576", "1048576-2097152", "2097152-2097153"]);
    assert_eq!(phone.send(&hash, at, &bytes[at..]).await.status(), 204);
    let shown = phone.show(&hash, "?variant=original").send().await.unwrap();
    assert_eq!(shown.bytes().await.unwrap(), bytes);
    assert_eq!(objects(&phone, &hash), [""; 0], "nothing of the upload is left");
}

#[tokio::test]
async fn another_process_with_another_disk_goes_on_at_the_byte() {
    let mut server = crate::start().await;
    let session = server.enlist("wang", Role::Inspector, &[village(0)]).await;
    let bytes = panorama(MIB + 700_000);
    let hash = hash(&bytes);
    Phone::new(&server, session.clone()).create_with(&hash, bytes.len(), &bytes[..MIB + 500_000]).await;
    let disk = tempfile::tempdir().unwrap();
    let keys = server.data_dir().join("keys");
    std::fs::create_dir(disk.path().join("keys")).unwrap();
    std::fs::copy(keys.join("token.key"), disk.path().join("keys/token.key")).unwrap();
    let elsewhere = disk.path().to_path_buf();
    server.restart_with(move |settings| settings.data_dir = elsewhere).await.unwrap();
    let phone = Phone::new(&server, session);
    assert_eq!(phone.offset(&hash).await, MIB + 500_000);
    assert_eq!(phone.send(&hash, MIB + 500_000, &bytes[MIB + 500_000..]).await.status(), 204);
    let shown = phone.show(&hash, "?variant=original").send().await.unwrap();
    assert_eq!(shown.bytes().await.unwrap(), bytes);
}

/// What a process that was killed leaves: objects that were never recorded, perhaps damaged.
#[tokio::test]
async fn objects_that_a_crash_left_unrecorded_do_no_harm() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let bytes = panorama(MIB + 700_000);
    let hash = hash(&bytes);
    phone.create_with(&hash, bytes.len(), &bytes[..1000]).await;
    std::fs::write(phone.part(&hash, 1500), [0; 1500]).unwrap();
    std::fs::write(phone.part(&hash, MIB), vec![0; MIB]).unwrap();
    assert_eq!(phone.offset(&hash).await, 1000);
    assert_eq!(phone.send(&hash, 1000, &bytes[1000..MIB + 9]).await.status(), 204);
    assert_eq!(phone.send(&hash, MIB + 9, &bytes[MIB + 9..]).await.status(), 204);
    assert_eq!(phone.offset(&hash).await, bytes.len());
}

#[tokio::test]
async fn the_offset_never_exceeds_what_the_bucket_holds() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let bytes = sample("gps/DSCN0010.jpg");
    let hash = hash(&bytes);
    phone.create_with(&hash, bytes.len(), &bytes[..1000]).await;
    std::fs::remove_file(phone.part(&hash, 1000)).unwrap();
    assert_eq!(phone.offset(&hash).await, 0);
    assert_eq!(refused(phone.send(&hash, 1000, &bytes[1000..]).await).await.1, "upload_offset_mismatch");
    assert_eq!(phone.send(&hash, 0, &bytes).await.status(), 204);
}

#[tokio::test]
async fn a_damaged_chunk_of_several_slots_leaves_the_upload_where_it_was() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let bytes = panorama(3 * MIB);
    let hash = hash(&bytes);
    phone.create_with(&hash, bytes.len(), &bytes[..1000]).await;
    let chunk = &bytes[1000..2 * MIB + 7];
    let mut damaged = chunk.to_vec();
    damaged[MIB] ^= 1;
    let sent = phone.patch(&hash, 1000, &damaged).header("Upload-Checksum", checksum(chunk)).send().await.unwrap();
    assert_eq!((sent.status().as_u16(), header(&sent, "upload-offset")), (460, "1000"));
    assert_eq!(phone.offset(&hash).await, 1000);
    let sent = phone.patch(&hash, 1000, chunk).header("Upload-Checksum", checksum(chunk)).send().await.unwrap();
    assert_eq!(sent.status(), 204);
    assert_eq!(phone.send(&hash, 2 * MIB + 7, &bytes[2 * MIB + 7..]).await.status(), 204);
}

#[tokio::test]
async fn the_largest_photo_is_sent_to_the_bucket_in_parts() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let bytes = panorama(32 * MIB);
    let hash = phone.upload(&bytes).await;
    let middle =
        phone.show(&hash, "?variant=original").header("Range", "bytes=20000000-20000009").send().await.unwrap();
    assert_eq!(middle.status(), 206);
    assert_eq!(middle.bytes().await.unwrap(), bytes[20_000_000..20_000_010]);
    let whole = phone.show(&hash, "?variant=original").send().await.unwrap();
    assert_eq!(whole.bytes().await.unwrap(), bytes);
}

#[tokio::test]
async fn keys_that_the_bucket_refuses_keep_the_server_from_starting() {
    let mut server: TestServer = crate::start().await;
    let mut wrong = crate::bucket();
    wrong.keys.as_mut().unwrap().secret_key = "another".to_owned();
    let refusal = server.restart_with(move |settings| settings.photos = Some(wrong)).await.unwrap_err();
    assert!(refusal.to_string().contains("--photos-url"), "{refusal}");
}
