//! Townships that move from one database into another as a file.

use std::fs;
use std::path::Path;

use hazard_tests::server::{Session, TestServer, village};
use hazard_tests::story::hazard;
use server::config::Settings;
use server::db::scratch::{self, Scratch};
use server::db::{Database, DatabaseOptions, DbError, Scope};
use server::demo;
use server::photos::hash::ContentHash;

use crate::office::*;

/// Exports the township of these stories.
pub(crate) async fn export(data_dir: &Path, file: &Path, rest: &[&str]) -> String {
    let to = file.to_str().unwrap();
    let args = [["--township", demo::TOWNSHIP, "--to", to].as_slice(), rest].concat();
    run(data_dir, "export", &args).await.unwrap()
}

/// A server on a data folder that is there.
pub(crate) async fn on_folder(data_dir: &Path) -> TestServer {
    let data_dir = data_dir.to_owned();
    let change = |settings: &mut Settings| {
        settings.database = DatabaseOptions::at(data_dir.join("ledger.sqlite3"));
        settings.data_dir = data_dir;
    };
    TestServer::start_on(None, change).await
}

pub(crate) async fn townships(data_dir: &Path) -> usize {
    let database = Database::open(&DatabaseOptions::at(data_dir.join("ledger.sqlite3"))).unwrap();
    let townships = database.read(|tx| tx.townships()).await.unwrap().len();
    database.close();
    townships
}

#[actix_web::test]
async fn a_township_comes_equal_out_of_its_file() {
    let (mut server, mut one, office) = busy_township().await;
    let before = states(&server, &office.session).await;
    let (_, quarantine) = server.get(&office.session, "/quarantine").await;
    let (_, conflicts) = server.get(&office.session, "/conflicts").await;
    let (_, hazards) = server.get(&office.session, "/hazards").await;
    let home = temporary();
    let file = home.path().join("township.zip");
    let words = export(&server.data_dir(), &file, &["--with-passwords"]).await;
    assert!(words.contains("2 accounts, 3 replicas, 8 versions, 4 records, 1 photos"), "{words}");
    let unsent = one.save(hazard(village(0)));
    server.stop().await;

    let target = home.path().join("data");
    let words = run(&target, "import", &["--from", file.to_str().unwrap()]).await.unwrap();
    assert!(words.contains("4 records, 8 versions, 1 photos"), "{words}");
    assert_eq!(findings(&target, &[]).await, []);
    let server = on_folder(&target).await;
    let session: Session = server.log_in("office").await;
    assert_eq!(states(&server, &session).await, before);
    for (path, expected) in [("/quarantine", quarantine), ("/conflicts", conflicts), ("/hazards", hazards)] {
        assert_eq!(server.get(&session, path).await, (200, expected), "{path}");
    }
    one.session = server.log_in("one").await;
    one.sync(&server).await;
    assert!(states(&server, &session).await.contains_key(&unsent.to_string()), "phones keep what they have not sent");
    assert!(one.client.is_proved_equal());
    assert_eq!(findings(&target, &[]).await, []);
}

#[actix_web::test]
async fn a_township_moves_from_sqlite_to_postgresql() {
    let (mut server, mut one, office) = busy_township().await;
    let before = states(&server, &office.session).await;
    let home = temporary();
    let (file, target) = (home.path().join("township.zip"), home.path().join("data"));
    export(&server.data_dir(), &file, &["--with-passwords"]).await;
    server.stop().await;
    let database = Scratch::on(&scratch::server().unwrap()).unwrap();
    let url = database.url();
    run(&target, "import", &["--from", file.to_str().unwrap(), "--database-url", &url]).await.unwrap();
    assert_eq!(findings(&target, &["--database-url", &url]).await, []);

    let server = again_on_postgres(&database, &target).await;
    let session = server.log_in("office").await;
    assert_eq!(states(&server, &session).await, before);
    one.session = server.log_in("one").await;
    let hash = find_hazard(&server, &mut one).await.1;
    assert_eq!(photo(&server, &session, &hash).await.0, 200);
    assert_eq!(findings(&target, &["--database-url", &url]).await, []);
    // And back again.
    let (file, back) = (home.path().join("back.zip"), home.path().join("back"));
    export(&target, &file, &["--database-url", &url]).await;
    run(&back, "import", &["--from", file.to_str().unwrap()]).await.unwrap();
    assert_eq!(findings(&back, &[]).await, []);
}

#[actix_web::test]
async fn a_township_that_is_there_already_is_refused_whole() {
    let (server, _, _) = busy_township().await;
    let home = temporary();
    let file = home.path().join("township.zip");
    export(&server.data_dir(), &file, &[]).await;
    let from = file.to_str().unwrap();
    let refusal = run(&server.data_dir(), "import", &["--from", from]).await.unwrap_err().to_string();
    assert!(refusal.contains("in this database already"), "{refusal}");
    // Another township, but one of its people has a username that is taken.
    let taken = home.path().join("taken");
    run(&taken, "import", &["--from", from]).await.unwrap();
    let ledger = taken.join("ledger.sqlite3");
    sql(&ledger, "UPDATE townships SET id = randomblob(16), name = 'another'");
    sql(&ledger, "UPDATE accounts SET id = randomblob(16)");
    let refusal = run(&taken, "import", &["--from", from]).await.unwrap_err().to_string();
    assert!(refusal.contains("the username") && refusal.contains("is taken"), "{refusal}");
    assert_eq!(townships(&taken).await, 1);
    let other = home.path().join("other");
    run(&other, "import", &["--from", from]).await.unwrap();
    sql(&other.join("ledger.sqlite3"), "UPDATE townships SET name = 'another'");
    let again = home.path().join("another.zip");
    run(&other, "export", &["--township", "another", "--to", again.to_str().unwrap()]).await.unwrap();
    let refusal = run(&other, "export", &["--township", "another", "--to", from]).await.unwrap_err().to_string();
    assert!(refusal.contains("there already"), "{refusal}");
    assert_eq!(townships(&other).await, 1);
    assert_eq!(findings(&other, &[]).await, []);
}

#[actix_web::test]
async fn what_a_refused_township_brought_of_photos_does_not_stay() {
    let (server, _, _) = busy_township().await;
    let home = temporary();
    let (file, target) = (home.path().join("township.zip"), home.path().join("data"));
    export(&server.data_dir(), &file, &[]).await;
    let from = file.to_str().unwrap();
    run(&target, "import", &["--from", from]).await.unwrap();
    let photos = || files(&target.join("blobs")).len();
    assert_eq!(photos(), 1);
    let ledger = target.join("ledger.sqlite3");
    // Another township, with one of its people under a username that is taken.
    let refused = || async {
        sql(&ledger, "UPDATE townships SET id = randomblob(16), name = hex(id)");
        sql(&ledger, "UPDATE accounts SET id = randomblob(16)");
        run(&target, "import", &["--from", from]).await.unwrap_err().to_string()
    };
    assert!(refused().await.contains("is taken"));
    let serve = || async {
        let target = target.clone();
        let change = |settings: &mut Settings| {
            settings.database = DatabaseOptions::at(target.join("ledger.sqlite3"));
            settings.data_dir = target;
        };
        let server = TestServer::start_on(None, change).await;
        server.app().photos.retention.sweep().await.unwrap();
        server
    };
    drop(serve().await);
    assert_eq!(photos(), 1, "another township has it");
    sql(&ledger, "DELETE FROM blobs");
    assert!(refused().await.contains("is taken"));
    let server = serve().await;
    // The sweep of the server's start may have it to itself.
    for _ in 0..600 {
        if photos() == 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(photos(), 0);
    drop(server);
}

#[actix_web::test]
async fn a_township_is_taken_whose_photos_an_earlier_import_has_left_to_be_removed() {
    let (server, mut one, _) = township().await;
    let photo: ContentHash = find_hazard(&server, &mut one).await.1.parse().unwrap();
    let home = temporary();
    let (file, target) = (home.path().join("township.zip"), home.path().join("data"));
    export(&server.data_dir(), &file, &[]).await;
    fs::create_dir(&target).unwrap();
    let options = DatabaseOptions::at(target.join("ledger.sqlite3"));
    let condemned = async |taken_at_ms: Option<u64>| {
        let database = Database::open(&options).unwrap();
        let write = database.write(Scope::Whole, move |tx| {
            tx.condemn_bytes(photo, 1)?;
            taken_at_ms.map_or(Ok(true), |at_ms| tx.take_removal(photo, at_ms, u64::MAX >> 1))
        });
        assert!(write.await.unwrap_or_else(|error: DbError| panic!("{error}")));
        database.close();
    };
    condemned(None).await;
    let from = ["--from", file.to_str().unwrap()];
    let words = run(&target, "import", &from).await.unwrap();
    assert!(words.contains("1 photos imported"), "{words}");
    assert_eq!(findings(&target, &[]).await, []);

    // Not while a server removes them.
    fs::remove_dir_all(&target).unwrap();
    fs::create_dir(&target).unwrap();
    condemned(Some(2)).await;
    let refusal = run(&target, "import", &from).await.unwrap_err().to_string();
    assert!(refusal.contains("half an hour"), "{refusal}");
    assert_eq!(townships(&target).await, 0);
}

#[actix_web::test]
async fn a_file_that_was_damaged_is_refused_whole() {
    let (server, _, _) = busy_township().await;
    let home = temporary();
    let file = home.path().join("township.zip");
    export(&server.data_dir(), &file, &[]).await;
    let whole = fs::read(&file).unwrap();
    let (from, target) = (file.to_str().unwrap(), home.path().join("data"));
    for place in (0..whole.len()).step_by(whole.len() / 40) {
        let mut flipped = whole.clone();
        flipped[place] ^= 0x10;
        fs::write(&file, flipped).unwrap();
        // A bit of what an archive says beside its contents may change without a word; what is taken is whole all the same.
        if run(&target, "import", &["--from", from]).await.is_ok() {
            assert_eq!(findings(&target, &[]).await, [], "byte {place}");
            fs::remove_dir_all(&target).unwrap();
        } else if target.join("ledger.sqlite3").exists() {
            assert_eq!(townships(&target).await, 0, "byte {place}");
        }
    }
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    run(&target, "import", &["--from", from]).await.unwrap_err();
}
