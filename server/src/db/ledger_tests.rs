//! The storage suite, second half: records and their feed, arrivals and quarantine, the projections. Whatever stands
//! behind the transaction trait must pass it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may fail loudly"
)]

use std::collections::BTreeMap;

use diesel::connection::{Connection, SimpleConnection};
use diesel::pg::PgConnection;
use diesel::sqlite::SqliteConnection;
use futures_util::future::join_all;
use sync_core::cursor::FeedScope;
use sync_core::decision::{merged, quarantined};
use sync_core::digest::{Mark, Total};
use sync_core::dots::Dot;
use sync_core::ids::{AccountId, DeviceId, RecordId, ReplicaId, TownshipId, VillageId};
use sync_core::validate::{Refusal, RefusalCode};
use sync_core::version::Fingerprint;
use uuid::Uuid;

use super::hazards::{HazardFilter, HazardLine, HazardOrder};
use super::options::Place;
use super::projections::OpenConflict;
use super::records::StoredRecord;
use super::scratch::Home;
use super::townships::TownshipRow;
use super::versions::{Arrival, Replica};
use super::*;

const HOME: TownshipId = TownshipId(Uuid::from_u128(1));
const AWAY: TownshipId = TownshipId(Uuid::from_u128(2));

pub(super) fn record(number: u128) -> RecordId {
    RecordId(Uuid::from_u128(0x100 + number))
}

fn village(number: u128) -> VillageId {
    VillageId(Uuid::from_u128(0x200 + number))
}

fn account(number: u128) -> AccountId {
    AccountId(Uuid::from_u128(0x300 + number))
}

fn dot(replica: u128, seq: u64) -> Dot {
    Dot { replica: ReplicaId(Uuid::from_u128(0x400 + replica)), seq }
}

async fn open() -> (Home, Database) {
    let home = Home::new().unwrap();
    let database = home.open().unwrap();
    for (id, name) in [(HOME, "一"), (AWAY, "二")] {
        let row = TownshipRow { id, name: name.to_owned(), created_at_ms: 0 };
        database.write(Scope::Whole, move |tx| tx.insert_township(row.clone())).await.unwrap();
    }
    (home, database)
}

fn stored(id: RecordId, in_village: Option<VillageId>, state: &str) -> StoredRecord {
    let scope = in_village.map_or(FeedScope::Directory, FeedScope::Village);
    StoredRecord { id, kind: "hazard".to_owned(), village: in_village, scope, state: state.to_owned(), was: None }
}

/// The same, in the place of an earlier state.
fn replacing(was: &str, record: StoredRecord) -> StoredRecord {
    StoredRecord { was: Some(Mark::of_json(was)), ..record }
}

async fn publish(database: &Database, township: TownshipId, records: Vec<StoredRecord>) {
    database.write(Scope::Township(township), move |tx| tx.publish(township, &records, 7)).await.unwrap();
}

async fn feed(database: &Database, township: TownshipId, scope: FeedScope, after: u64) -> Vec<(u64, String)> {
    let entries = database.read(move |tx| tx.feed(township, scope, after, 1_000)).await.unwrap();
    entries.into_iter().map(|entry| (entry.seq, entry.state)).collect()
}

fn texts(entries: &[(u64, &str)]) -> Vec<(u64, String)> {
    entries.iter().map(|(seq, state)| (*seq, (*state).to_owned())).collect()
}

#[tokio::test]
async fn the_feed_holds_each_record_once_at_the_place_of_its_last_change() {
    let (_home, database) = open().await;
    publish(&database, HOME, vec![stored(record(1), None, "a"), stored(record(2), Some(village(1)), "b")]).await;
    publish(&database, HOME, vec![replacing("a", stored(record(1), None, "a again"))]).await;
    assert_eq!(feed(&database, HOME, FeedScope::All, 0).await, texts(&[(2, "b"), (3, "a again")]));
    assert_eq!(feed(&database, HOME, FeedScope::All, 2).await, texts(&[(3, "a again")]));
    assert_eq!(database.read(|tx| tx.feed_end(HOME)).await.unwrap(), 3);
    assert_eq!(database.read(|tx| tx.record(HOME, record(1))).await.unwrap().as_deref(), Some("a again"));
}

#[tokio::test]
async fn a_state_in_the_place_of_one_that_is_not_there_does_not_vanish() {
    let (_home, database) = open().await;
    let record_1 = vec![replacing("a", stored(record(1), None, "a again"))];
    let published = database.write(Scope::Township(HOME), move |tx| tx.publish(HOME, &record_1, 7)).await;
    let there = database.read(|tx| tx.record(HOME, record(1))).await.unwrap();
    assert_eq!(published.is_ok(), there.is_some(), "it is stored, or refused: {published:?}");
}

#[tokio::test]
async fn the_totals_of_each_part_are_those_of_its_states_at_any_time() {
    let (_home, database) = open().await;
    let (first, second) = (Some(village(1)), Some(village(2)));
    publish(&database, HOME, vec![stored(record(1), None, "a"), stored(record(2), first, "b")]).await;
    publish(&database, HOME, vec![stored(record(3), first, "c"), stored(record(4), second, "d")]).await;
    publish(&database, HOME, vec![replacing("b", stored(record(2), first, "b again"))]).await;
    publish(&database, AWAY, vec![stored(record(1), None, "elsewhere")]).await;
    let of = |states: &[&str]| {
        let mut total = Total::default();
        states.iter().for_each(|state| total.replace(None, Some(Mark::of_json(state))));
        total
    };
    let totals =
        || async { database.read(|tx| tx.totals(HOME)).await.unwrap().into_iter().collect::<BTreeMap<_, _>>() };
    let (one, two) = (FeedScope::Village(village(1)), FeedScope::Village(village(2)));
    let expected: BTreeMap<_, _> =
        [(FeedScope::Directory, of(&["a"])), (one, of(&["b again", "c"])), (two, of(&["d"]))].into_iter().collect();
    assert_eq!(totals().await, expected);

    let mut marks = database.read(move |tx| tx.marks(HOME, one)).await.unwrap();
    marks.sort();
    assert_eq!(marks, [(record(2), Mark::of_json("b again")), (record(3), Mark::of_json("c"))]);
    assert_eq!(database.read(|tx| tx.marks(HOME, FeedScope::All)).await.unwrap().len(), 4);

    database.write(Scope::Township(HOME), |tx| tx.rewrite(HOME, record(4), "d in another form")).await.unwrap();
    assert_eq!(feed(&database, HOME, two, 0).await, texts(&[(4, "d in another form")]), "its place is the same");
    database
        .write(Scope::Township(HOME), move |tx| {
            tx.put_totals(HOME, &[(two, Total { records: 1, sum: Mark(u64::MAX) })])
        })
        .await
        .unwrap();
    assert_eq!(totals().await, [(two, Total { records: 1, sum: Mark(u64::MAX) })].into_iter().collect());
}

#[tokio::test]
async fn each_part_of_the_feed_holds_its_own_records_and_each_township_its_own_order() {
    let (_home, database) = open().await;
    let records = vec![
        stored(record(1), None, "directory"),
        stored(record(2), Some(village(1)), "first"),
        stored(record(3), Some(village(2)), "second"),
    ];
    publish(&database, HOME, records).await;
    publish(&database, AWAY, vec![stored(record(1), None, "the same id elsewhere")]).await;
    assert_eq!(feed(&database, HOME, FeedScope::Directory, 0).await, texts(&[(1, "directory")]));
    assert_eq!(feed(&database, HOME, FeedScope::Village(village(2)), 0).await, texts(&[(3, "second")]));
    assert_eq!(feed(&database, AWAY, FeedScope::All, 0).await, texts(&[(1, "the same id elsewhere")]));
    let mut villages = database.read(|tx| tx.villages_with_records(HOME)).await.unwrap();
    villages.sort();
    assert_eq!(villages, [village(1), village(2)]);
    let found = database.read(|tx| tx.records(AWAY, &[record(1), record(2)])).await.unwrap();
    assert_eq!(found, [(record(1), "the same id elsewhere".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_follows_its_cursor_beside_many_writers_misses_nothing() {
    let (_home, database) = open().await;
    let writers: Vec<_> = (0..8_u128)
        .map(|writer| {
            let database = database.clone();
            tokio::spawn(async move {
                for n in 0..25 {
                    let id = record(writer * 1_000 + n);
                    publish(&database, HOME, vec![stored(id, None, &id.to_string())]).await;
                }
            })
        })
        .collect();
    let (mut seen, mut after) = (Vec::new(), 0);
    while seen.len() < 200 {
        for (seq, state) in feed(&database, HOME, FeedScope::All, after).await {
            assert_eq!(seq, after + 1, "what a reader has passed is complete");
            after = seq;
            seen.push(state);
        }
        tokio::task::yield_now().await;
    }
    join_all(writers).await;
    let distinct: std::collections::BTreeSet<_> = seen.iter().collect();
    assert_eq!(distinct.len(), 200);
}

fn arrival(dot: Dot, of: Option<RecordId>, outcome: sync_core::protocol::Outcome) -> Arrival {
    let body = format!("body of {}", dot.seq);
    let fingerprint = Fingerprint::of(body.as_bytes());
    Arrival { dot, record: of, fingerprint, received_at_ms: 5, clock_offset_ms: -3, outcome, body }
}

#[tokio::test]
async fn what_arrived_is_found_by_its_dot_with_what_became_of_it_and_a_dot_is_taken_once() {
    let (_home, database) = open().await;
    let plain = arrival(dot(1, 1), Some(record(1)), merged(1, Vec::new()));
    let contested = arrival(dot(1, 2), Some(record(1)), merged(2, vec!["level".to_owned()]));
    for one in [plain.clone(), contested.clone()] {
        database
            .write(Scope::Township(HOME), move |tx| tx.insert_arrivals(HOME, account(1), std::slice::from_ref(&one)))
            .await
            .unwrap();
    }
    for one in [&plain, &contested] {
        let (at, expected) = (one.dot, (one.fingerprint, one.outcome.clone()));
        assert_eq!(database.read(move |tx| tx.arrived(at.replica, at.seq..=at.seq)).await.unwrap(), [expected]);
    }
    let both = [&plain, &contested].map(|one| (one.fingerprint, one.outcome.clone()));
    assert_eq!(database.read(|tx| tx.arrived(dot(1, 1).replica, 1..=9)).await.unwrap(), both);
    assert_eq!(database.read(|tx| tx.arrived(dot(2, 1).replica, 1..=1)).await.unwrap(), []);
    let again = plain.clone();
    let twice = database
        .write(Scope::Township(HOME), move |tx| tx.insert_arrivals(HOME, account(1), std::slice::from_ref(&again)))
        .await;
    assert!(matches!(twice, Err(DbError::Conflict(_))), "{twice:?}");
    assert_eq!(database.read(|tx| tx.history(HOME, record(1), 0, 10)).await.unwrap(), [plain, contested.clone()]);
    assert_eq!(database.read(|tx| tx.history(HOME, record(1), 1, 10)).await.unwrap(), [contested]);
    assert_eq!(database.read(|tx| tx.history(AWAY, record(1), 0, 10)).await.unwrap(), []);
}

#[tokio::test]
async fn a_replica_keeps_its_owner_and_moves_on() {
    let (_home, database) = open().await;
    let id = dot(1, 1).replica;
    let first = Replica { id, township: HOME, account: account(1), device: DeviceId(Uuid::nil()), highest: 4 };
    let moved = Replica { account: account(9), highest: 6, ..first.clone() };
    for one in [first.clone(), moved] {
        database.write(Scope::Township(HOME), move |tx| tx.put_replica(&one, 1)).await.unwrap();
    }
    assert_eq!(database.read(move |tx| tx.replica(id)).await.unwrap(), Some(Replica { highest: 6, ..first }));
}

#[tokio::test]
async fn what_is_quarantined_is_listed_with_its_bytes_until_it_is_settled() {
    let (_home, database) = open().await;
    let refusal = Refusal::at(RefusalCode::FieldRange, "level", "one of major, general");
    for seq in 1..=3 {
        let one = arrival(dot(u128::from(seq), seq), None, quarantined(seq, refusal.clone()));
        database
            .write(Scope::Township(HOME), move |tx| {
                tx.insert_arrivals(HOME, account(seq.into()), std::slice::from_ref(&one))
            })
            .await
            .unwrap();
    }
    let all = database.read(|tx| tx.quarantined(HOME, None, 10)).await.unwrap();
    assert_eq!(all.iter().map(|one| one.body.as_str()).collect::<Vec<_>>(), ["body of 1", "body of 2", "body of 3"]);
    assert_eq!((all[0].code.as_str(), all[0].field.as_deref()), ("field_range", Some("level")));
    let own = database.read(|tx| tx.quarantined(HOME, Some(account(2)), 10)).await.unwrap();
    assert_eq!(own, all[1..2]);
    assert_eq!(database.read(|tx| tx.quarantined(AWAY, None, 10)).await.unwrap(), []);
    database
        .write(Scope::Township(HOME), |tx| tx.settle_quarantined(dot(2, 2), account(9), "repaired", 8))
        .await
        .unwrap();
    assert_eq!(database.read(|tx| tx.quarantined_one(HOME, dot(2, 2))).await.unwrap(), None);
    assert_eq!(database.read(|tx| tx.quarantined_one(AWAY, dot(1, 1))).await.unwrap(), None);
    assert_eq!(database.read(|tx| tx.quarantined(HOME, None, 10)).await.unwrap().len(), 2);
    assert!(database.read(|tx| tx.arrived(dot(2, 2).replica, 2..=2)).await.unwrap().len() == 1, "its bytes stay");
}

#[tokio::test]
async fn conflicts_are_replaced_record_by_record_and_paged_in_order() {
    let (_home, database) = open().await;
    let open_at = |id: RecordId, path: &str, of: VillageId| OpenConflict {
        record: id,
        path: path.to_owned(),
        kind: "hazard".to_owned(),
        village: Some(of),
    };
    let first = vec![open_at(record(1), "deadline", village(1)), open_at(record(1), "level", village(1))];
    let second = vec![open_at(record(2), "level", village(2))];
    for (id, open) in [(record(1), first.clone()), (record(2), second.clone())] {
        database.write(Scope::Township(HOME), move |tx| tx.put_conflicts(HOME, &[id], &open)).await.unwrap();
    }
    let all = [first.clone(), second.clone()].concat();
    assert_eq!(database.read(|tx| tx.conflicts(HOME, None, None, 10)).await.unwrap(), all);
    assert_eq!(database.read(|tx| tx.conflicts(HOME, Some(&[village(2)]), None, 10)).await.unwrap(), second);
    let after = Some((record(1), "deadline".to_owned()));
    assert_eq!(database.read(move |tx| tx.conflicts(HOME, None, after.clone(), 10)).await.unwrap(), all[1..]);
    database.write(Scope::Township(HOME), |tx| tx.put_conflicts(HOME, &[record(1)], &[])).await.unwrap();
    assert_eq!(database.read(|tx| tx.conflicts_of(HOME, record(1))).await.unwrap(), []);
    assert_eq!(database.read(|tx| tx.conflicts(AWAY, None, None, 10)).await.unwrap(), []);
}

#[tokio::test]
async fn a_hazards_line_is_replaced_whole_and_pages_do_not_break_between_equal_times() {
    let (_home, database) = open().await;
    let line = |number: u128| HazardLine {
        id: record(number),
        village: Some(village(number % 2)),
        site: None,
        sector: "fire".to_owned(),
        is_major: false,
        status: "reported".to_owned(),
        is_suspended: false,
        is_escalated: false,
        is_void: false,
        deadline: Some("2026-03-01".to_owned()),
        missing: 0,
        found_at_ms: 100,
        closed_at_ms: None,
        description: "通道堵塞".to_owned(),
    };
    for number in 0..5 {
        let one = line(number);
        database
            .write(Scope::Township(HOME), move |tx| tx.put_hazards(HOME, std::slice::from_ref(&one)))
            .await
            .unwrap();
    }
    let closed = HazardLine { status: "closed".to_owned(), deadline: None, closed_at_ms: Some(9), ..line(4) };
    let replaced = closed.clone();
    database
        .write(Scope::Township(HOME), move |tx| tx.put_hazards(HOME, std::slice::from_ref(&replaced)))
        .await
        .unwrap();
    assert_eq!(database.read(|tx| tx.hazard(HOME, record(4))).await.unwrap(), Some(closed));
    let (mut pages, mut after) = (BTreeMap::new(), None);
    loop {
        let filter = HazardFilter { after, ..HazardFilter::default() };
        let page = database.read(move |tx| tx.hazards(HOME, &filter, 2)).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.mark(HazardOrder::NewestFirst));
        for one in page {
            assert!(pages.insert(one.id, one).is_none(), "each once");
        }
    }
    assert_eq!(pages.len(), 5);
    let overdue = HazardFilter { overdue_on: Some("2026-03-02".to_owned()), ..HazardFilter::default() };
    assert_eq!(database.read(move |tx| tx.hazards(HOME, &overdue, 10)).await.unwrap().len(), 4);
    assert_eq!(database.read(|tx| tx.hazards(AWAY, &HazardFilter::default(), 10)).await.unwrap(), []);
}

pub(super) fn described(number: u128, status: &str, deadline: Option<&str>, description: &str) -> HazardLine {
    HazardLine {
        id: record(number),
        village: Some(village(1)),
        site: None,
        sector: "fire".to_owned(),
        is_major: false,
        status: status.to_owned(),
        is_suspended: false,
        is_escalated: false,
        is_void: false,
        deadline: deadline.map(str::to_owned),
        missing: 0,
        found_at_ms: u64::try_from(number / 2).unwrap(),
        closed_at_ms: None,
        description: description.to_owned(),
    }
}

pub(super) async fn put(database: &Database, lines: Vec<HazardLine>) {
    database.write(Scope::Township(HOME), move |tx| tx.put_hazards(HOME, &lines)).await.unwrap();
}

/// What a filter leaves, read line by line.
pub(super) async fn found(database: &Database, filter: HazardFilter) -> Vec<RecordId> {
    let (mut ids, mut after) = (Vec::new(), None);
    loop {
        let page = HazardFilter { after, ..filter.clone() };
        let page = database.read(move |tx| tx.hazards(HOME, &page, 1)).await.unwrap();
        let Some(last) = page.last() else { return ids };
        ids.push(last.id);
        after = Some(last.mark(filter.order));
    }
}

#[tokio::test]
async fn lines_are_found_by_the_words_of_their_description() {
    let (_home, database) = open().await;
    let descriptions = ["灭火器过期，Exit 3 locked", "安全出口上锁；灭火器压力不足", "电线私拉乱接_100%", "火"];
    let lines = (1..).zip(descriptions).map(|(number, text)| described(number, "reported", None, text));
    put(&database, lines.collect()).await;
    let by = |text: &str| HazardFilter { text: Some(text.to_owned()), ..HazardFilter::default() };
    for (text, numbers) in [
        ("灭火器", vec![2, 1]),
        ("灭火器 上锁", vec![2]),
        ("LOCKED", vec![1]),
        ("exit 过期", vec![1]),
        ("3", vec![1]),
        ("火", vec![4, 2, 1]),
        ("足", vec![2]),
        ("锁", vec![2]),
        ("期，e", vec![1]),
        ("器过 火灭", vec![]),
        ("0%", vec![3]),
        ("%", vec![3]),
        ("_1", vec![3]),
        ("灭火器\" OR \"火", vec![]),
        ("  ", vec![4, 3, 2, 1]),
    ] {
        let expected: Vec<RecordId> = numbers.into_iter().map(record).collect();
        assert_eq!(found(&database, by(text)).await, expected, "{text}");
    }
    // What was corrected is found by what it says now.
    put(&database, vec![described(1, "reported", None, "护栏缺失")]).await;
    assert_eq!(found(&database, by("过期")).await, []);
    assert_eq!(found(&database, by("护栏")).await, [record(1)]);
}

#[tokio::test]
async fn lines_are_read_in_three_orders_and_a_place_in_one_is_none_in_another() {
    let (_home, database) = open().await;
    let lines = [
        described(1, "reported", None, "一"),
        described(2, "ordered", Some("2026-05-01"), "二"),
        described(3, "closed", Some("2026-01-01"), "三"),
        described(4, "reported", Some("2026-04-01"), "四"),
    ];
    put(&database, lines.to_vec()).await;
    for (order, numbers) in [
        (HazardOrder::NewestFirst, [4, 3, 2, 1]),
        (HazardOrder::OldestFirst, [1, 2, 3, 4]),
        (HazardOrder::DueFirst, [4, 2, 1, 3]),
    ] {
        let filter = HazardFilter { order, ..HazardFilter::default() };
        assert_eq!(found(&database, filter).await, numbers.map(record), "{order:?}");
    }
    let after = lines.first().map(|line| line.mark(HazardOrder::DueFirst));
    let newest_first = HazardFilter { after, ..HazardFilter::default() };
    assert!(database.read(move |tx| tx.hazards(HOME, &newest_first, 1)).await.is_err());
}

/// The steps that brought the search, as both databases have them.
#[tokio::test]
async fn lines_from_before_the_search_are_found_after_the_steps_that_bring_it() {
    let (home, database) = open().await;
    let descriptions = ["灭火器过期，Exit Ａ3", "", "锁", "安全出口上锁。"];
    let lines = (1..).zip(descriptions).map(|(number, text)| described(number, "reported", None, text));
    put(&database, lines.collect()).await;
    let steps = |files: &[&str]| {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations/");
        files.iter().map(|file| std::fs::read_to_string(format!("{folder}{file}.sql")).unwrap()).collect::<String>()
    };
    match home.options().place {
        Place::Sqlite(path) => {
            let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
            conn.batch_execute(&steps(&[
                "sqlite/2026-11-28-000510_search_behind/down",
                "sqlite/2026-11-24-000404_search/down",
                "sqlite/2026-11-24-000404_search/up",
                "sqlite/2026-11-28-000510_search_behind/up",
            ]))
            .unwrap();
        }
        Place::Postgres(url) => {
            let sql = steps(&[
                "postgres/2026-11-24-000404_search/down",
                "postgres/2026-11-24-000404_search/up",
                "postgres/2026-11-28-000405_search_case/up",
            ]);
            PgConnection::establish(&url).unwrap().batch_execute(&sql).unwrap();
        }
    }
    for (text, numbers) in [
        ("灭火器", vec![1]),
        ("exit", vec![1]),
        ("Ａ3", vec![1]),
        ("锁", vec![4, 3]),
        ("上锁", vec![4]),
        ("期", vec![1]),
    ] {
        let by = HazardFilter { text: Some(text.to_owned()), ..HazardFilter::default() };
        let expected: Vec<RecordId> = numbers.into_iter().map(record).collect();
        assert_eq!(found(&database, by).await, expected, "{text}");
    }
}
