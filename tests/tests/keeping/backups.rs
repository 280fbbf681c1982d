//! Backups that are whole or none, and servers that come back from them.

use std::fs;
use std::path::{Path, PathBuf};

use hazard_tests::server::{township as township_id, village};
use hazard_tests::story::{change, hazard, reinspection};
use serde_json::json;
use server::db::scratch::{self, Scratch};
use server::db::{Database, DatabaseOptions, DbError};
use server::demo;
use server::photos::hash::ContentHash;

use crate::office::*;

#[actix_web::test]
async fn a_destroyed_data_directory_comes_back_equal_from_its_backup() {
    let (mut server, mut one, mut office) = township().await;
    let (found, hash, bytes) = find_hazard(&server, &mut one).await;
    office.sync(&server).await;
    office.save(change(found, village(0), &[("level", json!("major"))]));
    office.sync(&server).await;
    let at_backup = states(&server, &office.session).await;
    let folder = temporary();
    let words = back_up(&server, folder.path()).await;
    assert!(words.contains("2 records, 3 versions, 1 photos (1 new"), "{words}");

    let later = one.save(hazard(village(0)));
    one.save(change(found, village(0), &[("place", json!("备份之后"))]));
    one.sync(&server).await;
    office.sync(&server).await;
    let at_the_end = states(&server, &office.session).await;
    let epoch = server.app().database.read(|tx| tx.epoch()).await.unwrap();

    server.stop().await;
    fs::remove_dir_all(server.data_dir()).unwrap();
    let words = restore(folder.path(), &server.data_dir()).await.unwrap();
    assert!(words.contains("2 records, 3 versions, 1 photos") && words.contains("new epoch"), "{words}");
    server.start_again().await;
    assert_ne!(server.app().database.read(|tx| tx.epoch()).await.unwrap(), epoch);
    assert_eq!(states(&server, &office.session).await, at_backup, "what the backup holds, and sessions go on");
    assert_eq!(photo(&server, &office.session, &hash).await, (200, bytes));

    one.sync(&server).await;
    office.sync(&server).await;
    assert_eq!(states(&server, &office.session).await, at_the_end, "the phones have offered again what was after it");
    assert!(office.sees(later).is_some() && office.client.is_proved_equal() && one.client.is_proved_equal());
}

#[actix_web::test]
async fn a_restore_goes_back_to_the_time_that_was_asked_for() {
    let (server, mut one, _) = township().await;
    let folder = temporary();
    find_hazard(&server, &mut one).await;
    back_up(&server, folder.path()).await;
    let first = newest(folder.path());
    find_hazard(&server, &mut one).await;
    back_up(&server, folder.path()).await;
    let (home, from) = (temporary(), folder.path().to_str().unwrap().to_owned());
    let name = first.file_name().unwrap().to_str().unwrap();
    let earlier = run(&home.path().join("earlier"), "restore", &["--from", &from, "--at", name]).await.unwrap();
    assert!(earlier.contains("2 records"), "{earlier}");
    let latest = run(&home.path().join("latest"), "restore", &["--from", &from]).await.unwrap();
    assert!(latest.contains("4 records"), "{latest}");
}

#[actix_web::test]
async fn a_restore_never_touches_a_folder_that_holds_something() {
    let (server, _, _) = township().await;
    let folder = temporary();
    back_up(&server, folder.path()).await;
    let before = files(&server.data_dir());
    let refusal = restore(folder.path(), &server.data_dir()).await.unwrap_err().to_string();
    assert!(refusal.contains("is not empty"), "{refusal}");
    assert_eq!(files(&server.data_dir()), before);
}

#[actix_web::test]
async fn a_cut_backup_is_not_taken_for_one() {
    let (server, mut one, _) = township().await;
    let folder = temporary();
    back_up(&server, folder.path()).await;
    let whole = newest(folder.path());
    find_hazard(&server, &mut one).await;
    back_up(&server, folder.path()).await;
    // As far as it had come when the power failed: everything but the manifest, and everything but the name.
    let cut = newest(folder.path());
    let (without_name, without_manifest) = (cut.with_extension("000Z.unfinished"), cut.clone());
    fs::create_dir(&without_name).unwrap();
    for file in files(&cut).iter().filter(|file| file.parent() == Some(cut.as_path())) {
        fs::copy(file, without_name.join(file.file_name().unwrap())).unwrap();
    }
    fs::remove_file(without_manifest.join("manifest.json")).unwrap();
    assert_eq!(newest(folder.path()).file_name(), without_name.file_name(), "it has all files");

    let home = temporary();
    let words = restore(folder.path(), &home.path().join("data")).await.unwrap();
    assert!(words.contains("0 records"), "the last whole one is {}: {words}", whole.display());
    back_up(&server, folder.path()).await;
    assert!(!without_name.exists(), "the next backup clears it away");
}

#[actix_web::test]
async fn a_backup_that_cannot_be_written_says_so_and_the_server_goes_on() {
    let (server, mut one, _) = township().await;
    let folder = temporary();
    let file = folder.path().join("a file");
    fs::write(&file, "").unwrap();
    let refusal = run(&server.data_dir(), "backup", &["--to", file.to_str().unwrap()]).await.unwrap_err().to_string();
    assert!(refusal.contains("a file"), "{refusal}");
    // The store of photos is in the way: the ledger is copied before the failure, and nothing of it stays.
    let pool = folder.path().join("backup/photos");
    fs::create_dir_all(pool.parent().unwrap()).unwrap();
    fs::write(&pool, "").unwrap();
    find_hazard(&server, &mut one).await;
    let to = folder.path().join("backup");
    run(&server.data_dir(), "backup", &["--to", to.to_str().unwrap()]).await.unwrap_err();
    let left: Vec<_> = fs::read_dir(&to).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "the file that was there and the lock: {left:?}");
    find_hazard(&server, &mut one).await;
}

#[actix_web::test]
async fn a_backup_with_a_flipped_bit_is_refused() {
    let (server, mut one, _) = township().await;
    find_hazard(&server, &mut one).await;
    let (folder, home) = (temporary(), temporary());
    back_up(&server, folder.path()).await;
    let target = home.path().join("data");
    let parts: Vec<PathBuf> = files(folder.path())
        .into_iter()
        .filter(|file| !file.ends_with("manifest.json") && !file.ends_with(".lock"))
        .collect();
    assert_eq!(parts.len(), 4, "ledger, list, key, photo: {parts:?}");
    for part in parts {
        let whole = fs::read(&part).unwrap();
        let mut flipped = whole.clone();
        let middle = flipped.len() / 2;
        flipped[middle] ^= 1;
        for damaged in [flipped, whole[..whole.len() - 1].to_vec()] {
            fs::write(&part, damaged).unwrap();
            let refusal = restore(folder.path(), &target).await.unwrap_err().to_string();
            let name = part.file_name().unwrap().to_str().unwrap();
            assert!(refusal.contains(name) && refusal.contains("damaged"), "{refusal}");
            assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0, "nothing is left behind");
        }
        fs::write(&part, whole).unwrap();
    }
    restore(folder.path(), &target).await.unwrap();
}

#[actix_web::test]
async fn a_backup_whose_photos_are_damaged_can_be_restored_without_them() {
    let (server, mut one, _) = township().await;
    let lost = [find_hazard(&server, &mut one).await.1, find_hazard(&server, &mut one).await.1];
    find_hazard(&server, &mut one).await;
    let (folder, home) = (temporary(), temporary());
    back_up(&server, folder.path()).await;
    let pool = |hash: &String| files(folder.path()).into_iter().find(|file| file.ends_with(hash)).unwrap();
    fs::remove_file(pool(&lost[0])).unwrap();
    fs::write(pool(&lost[1]), "spoilt").unwrap();
    let (target, from) = (home.path().join("data"), folder.path().to_str().unwrap());
    let refusal = run(&target, "restore", &["--from", from]).await.unwrap_err().to_string();
    assert!(lost.iter().all(|hash| refusal.contains(hash)), "all at once: {refusal}");
    let words = run(&target, "restore", &["--from", from, "--without-damaged-photos"]).await.unwrap();
    assert!(lost.iter().all(|hash| words.contains(hash)) && words.contains("1 photos"), "{words}");
    assert_eq!(findings(&target, &[]).await, [], "the ledger does not say that it has them");
}

#[actix_web::test]
async fn a_second_backup_copies_only_new_photos() {
    let (server, mut one, _) = township().await;
    let (_, first, _) = find_hazard(&server, &mut one).await;
    let folder = temporary();
    back_up(&server, folder.path()).await;
    let pool = folder.path().join("photos");
    let before = fs::metadata(&files(&pool)[0]).unwrap().modified().unwrap();
    let (_, second, _) = find_hazard(&server, &mut one).await;
    let words = back_up(&server, folder.path()).await;
    assert!(words.contains("2 photos (1 new"), "{words}");
    assert_eq!(files(&pool).len(), 2);
    let kept = files(&pool).into_iter().find(|file| file.ends_with(&first)).unwrap();
    assert_eq!(fs::metadata(kept).unwrap().modified().unwrap(), before);

    sql(&server.data_dir().join("ledger.sqlite3"), &format!("DELETE FROM blobs WHERE hash = x'{first}'"));
    let to = folder.path().to_str().unwrap();
    let words = run(&server.data_dir(), "backup", &["--to", to, "--keep", "1"]).await.unwrap();
    assert!(words.contains("2 older backups removed, with 1 photos"), "{words}");
    assert_eq!(files(&pool), files(&pool).into_iter().filter(|file| file.ends_with(&second)).collect::<Vec<_>>());
    let home = temporary();
    assert!(restore(folder.path(), &home.path().join("data")).await.unwrap().contains("1 photos"));
}

#[actix_web::test]
async fn a_backup_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let (server, mut one, _) = township().await;
    find_hazard(&server, &mut one).await;
    let folder = temporary();
    let to = folder.path().join("made/by/us");
    back_up(&server, &to).await;
    let home = temporary();
    restore(&to, &home.path().join("data")).await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for file in files(&newest(&to)).iter().chain(&files(&to.join("photos"))) {
        assert_eq!(mode(file), 0o600, "{}", file.display());
    }
    assert_eq!((mode(&to), mode(&newest(&to)), mode(&home.path().join("data"))), (0o700, 0o700, 0o700));
    for name in ["ledger.sqlite3", "keys/token.key"] {
        assert_eq!(mode(&home.path().join("data").join(name)), 0o600, "{name}");
    }
}

#[actix_web::test]
async fn a_backup_taken_under_writes_is_one_moment() {
    let (server, mut one, _) = township().await;
    let (folder, home) = (temporary(), temporary());
    for number in 0..3 {
        let before = u64::try_from(states(&server, &one.session).await.len()).unwrap();
        let (data_dir, to) = (server.data_dir(), folder.path().to_owned());
        let making = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(run(&data_dir, "backup", &["--to", to.to_str().unwrap()])).unwrap()
        });
        // Each round trip is one transaction that adds a hazard, its photo, and a fact about it.
        let mut rounds = 0;
        while !making.is_finished() || rounds < 5 {
            let (found, _, _) = find_hazard(&server, &mut one).await;
            one.save(reinspection(found, village(0), "not_passed", &[]));
            one.save(change(found, village(0), &[("place", json!("边写边备份"))]));
            one.sync(&server).await;
            rounds += 1;
        }
        making.join().unwrap();
        let after = u64::try_from(states(&server, &one.session).await.len()).unwrap();
        let target = home.path().join(number.to_string());
        restore(folder.path(), &target).await.unwrap();
        assert_eq!(findings(&target, &[]).await, [], "what it holds belongs together, photos and all");
        let ledger = Database::open_to_read(&DatabaseOptions::at(target.join("ledger.sqlite3"))).unwrap();
        let held = ledger.read(|tx| tx.counts()).await.unwrap().records;
        assert!((before..=after).contains(&held), "{before} {held} {after}");
    }
}

#[actix_web::test]
async fn a_photo_that_the_server_has_lost_is_named_and_the_rest_is_kept() {
    let (server, mut one, _) = township().await;
    let (_, lost, _) = find_hazard(&server, &mut one).await;
    find_hazard(&server, &mut one).await;
    let bytes = files(&server.data_dir()).into_iter().find(|file| file.ends_with(&lost)).unwrap();
    fs::remove_file(bytes).unwrap();
    let (folder, home) = (temporary(), temporary());
    let to = folder.path().to_str().unwrap();
    let refusal = run(&server.data_dir(), "backup", &["--to", to]).await.unwrap_err().to_string();
    assert!(refusal.contains(&lost) && refusal.contains("complete"), "{refusal}");
    let words = restore(folder.path(), &home.path().join("data")).await.unwrap();
    assert!(words.contains("4 records") && words.contains(&lost), "{words}");
    let restored = home.path().join("data/ledger.sqlite3");
    let ledger = Database::open_to_read(&DatabaseOptions::at(restored)).unwrap();
    let lost: ContentHash = lost.parse().unwrap();
    let lacking = ledger.read(move |tx| tx.blobs_lacking(township_id(), &[lost])).await;
    assert_eq!(lacking.unwrap_or_else(|error: DbError| panic!("{error}")), [lost], "a phone may be asked for it");
}

#[actix_web::test]
async fn a_photo_that_a_sweep_removes_meanwhile_is_not_called_lost() {
    let (server, _one, _) = township().await;
    let folder = temporary();
    let file = folder.path().join("township.zip");
    let (to, file) = (folder.path().to_str().unwrap().to_owned(), file.to_str().unwrap().to_owned());
    for what in ["verify", "export", "backup"] {
        let who = server.log_in("one").await;
        let mut photos = [some_bytes(), some_bytes()];
        photos.sort_by_key(|bytes| ContentHash::of(bytes));
        let [first, second] = photos;
        upload(&server, &who, &first).await;
        let gone = upload(&server, &who, &second).await;
        // Who reads the first photo waits until somebody has written it.
        let lies = |bytes: &[u8]| {
            let hash = ContentHash::of(bytes).to_string();
            files(&server.data_dir()).into_iter().find(|file| file.ends_with(&hash)).unwrap()
        };
        let pipe = lies(&first);
        fs::remove_file(&pipe).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let (data_dir, to, file) = (server.data_dir(), to.clone(), file.clone());
        let work = actix_web::rt::spawn(async move {
            match what {
                "verify" => assert_eq!(findings(&data_dir, &[]).await, []),
                "export" => {
                    let words = run(&data_dir, what, &["--township", demo::TOWNSHIP, "--to", &file]).await.unwrap();
                    assert!(!words.contains("lost"), "{words}");
                }
                _ => {
                    let words = run(&data_dir, what, &["--to", &to]).await.unwrap();
                    assert!(words.contains("2 photos (1 new"), "{words}");
                }
            }
        });
        let writing = tokio::task::spawn_blocking(move || fs::OpenOptions::new().write(true).open(pipe).unwrap());
        let mut writing = writing.await.unwrap();
        server.clock.advance(91 * 24 * 3_600_000);
        assert_eq!(server.app().photos.retention.sweep().await.unwrap(), 2, "{what}");
        assert!(!files(&server.data_dir()).iter().any(|file| file.ends_with(&gone)));
        std::io::Write::write_all(&mut writing, &first).unwrap();
        drop(writing);
        work.await.unwrap();
    }
    let words = restore(&PathBuf::from(to), &folder.path().join("data")).await.unwrap();
    assert!(words.contains("1 photos") && words.contains("are asked for them"), "{words}");
}

#[actix_web::test]
async fn a_ledger_on_postgresql_comes_back_equal_from_its_backup() {
    let cluster = scratch::server().unwrap();
    let (from, to) = (Scratch::on(&cluster).unwrap(), Scratch::empty(&cluster).unwrap());
    let (first, second) = (from.url(), to.url());
    let (mut server, mut one) = on_postgres(&from, |_| {}).await;
    find_hazard(&server, &mut one).await;
    let at_backup = states(&server, &one.session).await;
    let (folder, home) = (temporary(), temporary());
    let into = folder.path().to_str().unwrap().to_owned();
    run(&server.data_dir(), "backup", &["--to", &into, "--database-url", &first]).await.unwrap();
    find_hazard(&server, &mut one).await;
    let at_the_end = states(&server, &one.session).await;
    server.stop().await;

    let target = home.path().join("data");
    let taken = run(&target, "restore", &["--from", &into, "--database-url", &first]).await.unwrap_err().to_string();
    assert!(taken.contains("pg_restore") && !target.exists(), "a database that holds something: {taken}");
    run(&target, "restore", &["--from", &into, "--database-url", &second]).await.unwrap();
    assert_eq!(findings(&target, &["--database-url", &second]).await, []);
    let server = again_on_postgres(&to, &target).await;
    assert_eq!(states(&server, &one.session).await, at_backup);
    one.sync(&server).await;
    assert_eq!(states(&server, &one.session).await, at_the_end, "offered again");
}
