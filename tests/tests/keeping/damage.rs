//! What `verify` finds. Every kind of damage is planted behind the server's back, in a copy of one township.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use server::verify::Flaw;

use crate::office::*;

/// Something that a disk, a hand or a fault of the program may do.
type Plant = (&'static str, &'static [Flaw]);

/// Each with everything that is found then.
const PLANTS: [Plant; 22] = [
    (
        "UPDATE records SET state = replace(state, 'fire', 'gas') WHERE kind = 'hazard'",
        &[Flaw::StateWrong, Flaw::LineWrong, Flaw::DigestWrong],
    ),
    ("UPDATE records SET state = '{' WHERE kind = 'photo'", &[Flaw::StateUnreadable, Flaw::DigestWrong]),
    ("DELETE FROM records WHERE kind = 'photo'", &[Flaw::RecordMissing, Flaw::DigestWrong]),
    (
        "DELETE FROM versions WHERE record_id = (SELECT id FROM records WHERE kind = 'photo')",
        &[Flaw::HistoryMissing, Flaw::NumbersMissing],
    ),
    ("UPDATE versions SET body = body || ' ' WHERE row = 1", &[Flaw::BodyWrong]),
    (
        "UPDATE versions SET body = '{}', \
         fingerprint = x'44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a' \
         WHERE record_id = (SELECT id FROM records WHERE kind = 'reinspection')",
        &[Flaw::BodyUnreadable, Flaw::HistoryMissing],
    ),
    ("UPDATE replicas SET highest = highest + 1", &[Flaw::NumbersMissing]),
    ("UPDATE versions SET outcome = '{' WHERE outcome IS NOT NULL AND record_id IS NULL", &[Flaw::OutcomeUnreadable]),
    ("UPDATE records SET state = '{' WHERE kind = 'reinspection'", &[Flaw::StateUnreadable, Flaw::DigestWrong]),
    ("DELETE FROM replicas WHERE id = (SELECT replica_id FROM versions LIMIT 1)", &[Flaw::NumbersMissing]),
    ("DELETE FROM quarantine", &[Flaw::QuarantineMissing]),
    ("UPDATE quarantine SET code = 'another'", &[Flaw::QuarantineWrong]),
    ("UPDATE hazards SET status = 'closed'", &[Flaw::LineWrong]),
    (
        "INSERT INTO hazards (township_id, id, sector, is_major, status, is_suspended, is_escalated, is_void, found_at_ms, \
         description) SELECT township_id, randomblob(16), sector, 0, 'closed', 0, 0, 0, 5, '' FROM hazards",
        &[Flaw::LineStray],
    ),
    ("DELETE FROM conflicts", &[Flaw::ConflictsWrong]),
    (
        "INSERT INTO conflicts (township_id, record_id, path, kind) SELECT id, randomblob(16), 'level', 'hazard' FROM townships",
        &[Flaw::ConflictStray],
    ),
    ("DELETE FROM visits", &[Flaw::VisitWrong]),
    (
        "INSERT INTO visits (township_id, inspection_id, site_id, at_ms) SELECT id, randomblob(16), randomblob(16), 1 FROM townships",
        &[Flaw::VisitStray],
    ),
    ("DELETE FROM photo_records", &[Flaw::LinkMissing]),
    ("DELETE FROM mentions", &[Flaw::LinkMissing]),
    ("UPDATE digests SET sum = sum + 1", &[Flaw::DigestWrong]),
    ("UPDATE feeds SET seq = 1", &[Flaw::FeedWrong]),
];

async fn flaws(data_dir: &Path) -> BTreeSet<Flaw> {
    findings(data_dir, &[]).await.into_iter().map(|finding| finding.flaw).collect()
}

#[actix_web::test]
async fn a_ledger_of_an_earlier_release_with_a_damaged_record_opens_and_shows_the_others() {
    let (mut server, _, office) = busy_township().await;
    let before = server.get(&office.session, "/hazards").await.1;
    let file = server.data_dir().join("ledger.sqlite3");
    sql(&file, "UPDATE records SET state = '{' WHERE kind = 'photo'");
    sql(&file, "DELETE FROM meta WHERE key = 'rules'");
    server.restart().await.unwrap();
    assert_eq!(server.get(&office.session, "/hazards").await.1, before);
    let noted = server.app().database.read(|tx| tx.rules()).await.unwrap();
    assert_eq!(noted, None, "it is tried again once the record is mended");
}

#[actix_web::test]
async fn verify_finds_each_kind_of_damage() {
    let (server, _, _) = busy_township().await;
    assert_eq!(findings(&server.data_dir(), &[]).await, [], "beside the running server");
    let (folder, home) = (temporary(), temporary());
    back_up(&server, folder.path()).await;
    let mut found = BTreeSet::new();
    for (number, (statement, expected)) in PLANTS.into_iter().enumerate() {
        let copy = home.path().join(number.to_string());
        restore(folder.path(), &copy).await.unwrap();
        sql(&copy.join("ledger.sqlite3"), statement);
        let flaws = flaws(&copy).await;
        assert_eq!(flaws, expected.iter().copied().collect(), "{statement}");
        found.extend(flaws);
    }
    let copy = home.path().join("photos");
    restore(folder.path(), &copy).await.unwrap();
    let photo = files(&copy.join("blobs")).remove(0);
    let mut bytes = fs::read(&photo).unwrap();
    bytes[2_000] ^= 1;
    fs::write(&photo, bytes).unwrap();
    found.extend(flaws(&copy).await);
    assert!(found.contains(&Flaw::PhotoDamaged));
    assert_eq!(findings(&copy, &["--without-photos"]).await, []);
    fs::remove_file(&photo).unwrap();
    found.extend(flaws(&copy).await);
    assert_eq!(found.len(), 21, "every kind was found: {found:?}");
}

#[actix_web::test]
async fn a_finding_names_what_is_wrong_and_what_to_do() {
    let (server, _, _) = busy_township().await;
    sql(&server.data_dir().join("ledger.sqlite3"), "UPDATE hazards SET status = 'closed'");
    let found = findings(&server.data_dir(), &[]).await;
    let words = found[0].to_string();
    assert!(words.starts_with("line_wrong hazard 0") && words.ends_with("run rebuild, and report it"), "{words}");
}

#[actix_web::test]
async fn verify_changes_nothing_and_makes_nothing() {
    let home = temporary();
    let missing = home.path().join("no/such");
    let refused = run_verify(&missing).await;
    assert!(refused.contains("no data folder"), "{refused}");
    fs::create_dir_all(&missing).unwrap();
    run_verify(&missing).await;
    assert_eq!(fs::read_dir(&missing).unwrap().count(), 0);
}
