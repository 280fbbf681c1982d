//! What a phone makes of one answer, part by part: answers are made by hand, as a restored or a crowded server gives them.

use crate::server_in_memory::phone::{Phone, record, replica};
use crate::server_in_memory::{caller, village};
use serde_json::{Value, json};
use sync_core::client::Effect;
use sync_core::dots::{Dot, VersionVector};
use sync_core::ids::RecordId;
use sync_core::people::Role;
use sync_core::protocol::{Compare, SyncRequest};
use sync_core::record::Record;
use sync_core::time::Stamp;
use sync_core::version::Version;

fn phone() -> Phone {
    Phone::new(1, caller(1, Role::Inspector, &[1]))
}

fn asks(phone: &mut Phone) -> Option<SyncRequest> {
    phone.now_ms += 1;
    phone.client.poll(phone.now_ms)
}

/// Hands the phone an answer of these parts; what follows from it.
fn hears(phone: &mut Phone, parts: &[(&str, &Value)]) -> Vec<Effect> {
    let mut answer = json!({ "now_ms": phone.now_ms });
    for (part, value) in parts {
        answer[part] = (*value).clone();
    }
    phone.client.handle_answer(serde_json::from_value(answer).unwrap())
}

/// An answer to a pull in a life of the server, with nothing to take in.
fn pulled(epoch: &str) -> Value {
    json!({ "records": [], "cursor": "c", "more": false, "epoch": epoch })
}

/// The same, with what the server's states come to.
fn sums_to(records: u64, sum: u64) -> Value {
    let mut pull = pulled("a");
    pull["digest"] = json!({ "records": records, "sum": format!("{sum:016x}") });
    pull
}

fn accepted(seq: u64) -> Value {
    json!({ "result": "accepted", "outcomes": [{ "seq": seq, "verdict": "merged" }], "through": seq })
}

/// The state of a hazard after one edit of a replica.
fn state(number: u128, author: u128, seq: u64) -> Value {
    let version = Version {
        record: record(number),
        kind: "hazard".to_owned(),
        village: Some(village(1)),
        dot: Dot { replica: replica(author), seq },
        context: VersionVector::new(),
        stamp: Stamp { ms: 1_700_000_000_000, counter: 0 },
        author: sync_core::ids::AccountId(uuid::Uuid::from_u128(9)),
        changes: [("funds".to_owned(), json!(1))].into_iter().collect(),
    };
    serde_json::from_str(&Record::delta(&version).to_json()).unwrap()
}

fn states(records: &[Value], absent: &[RecordId]) -> Value {
    json!({ "states": { "records": records, "absent": absent } })
}

fn takes_in(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::Merge(_) | Effect::Replace(_) | Effect::Drop(_)))
}

fn takes_new_ids(effects: &[Effect]) -> usize {
    effects.iter().filter(|effect| matches!(effect, Effect::TakeNewReplica { .. })).count()
}

#[test]
fn a_restored_servers_receipts_stand_and_only_the_older_ones_are_offered_again() {
    let mut phone = phone();
    phone.find(1, "before the restore");
    asks(&mut phone).unwrap();
    hears(&mut phone, &[("push", &accepted(1)), ("pull", &pulled("a"))]);
    phone.find(2, "after it");
    asks(&mut phone).unwrap();
    hears(&mut phone, &[("push", &accepted(2)), ("pull", &pulled("b"))]);
    let waiting: Vec<u64> = phone.client.outbox().waiting().map(|(dot, _)| dot.seq).collect();
    assert_eq!(waiting, [1]);
}

#[test]
fn a_restored_server_is_pulled_from_once_more() {
    let mut phone = phone();
    asks(&mut phone).unwrap();
    hears(&mut phone, &[("pull", &pulled("a"))]);
    assert!(asks(&mut phone).is_none());
    phone.client.want_pull();
    asks(&mut phone).unwrap();
    hears(&mut phone, &[("pull", &pulled("b"))]);
    assert!(asks(&mut phone).is_some_and(|request| request.pull.is_some()));
}

#[test]
fn states_that_were_asked_for_are_taken_in_whatever_else_waits() {
    let mut phone = phone();
    phone.find(1, "waits");
    asks(&mut phone).unwrap();
    let effects = hears(&mut phone, &[("pull", &pulled("a")), ("compare", &states(&[state(5, 7, 1)], &[]))]);
    assert!(takes_in(&effects));
}

#[test]
fn states_that_were_asked_for_show_that_a_copy_writes_on() {
    for waits in [false, true] {
        let mut phone = phone();
        if waits {
            phone.find(1, "waits");
        }
        asks(&mut phone).unwrap();
        let effects = hears(&mut phone, &[("pull", &pulled("a")), ("compare", &states(&[state(5, 1, 1)], &[]))]);
        assert_eq!(takes_new_ids(&effects), usize::from(!waits), "what waits is sent first, and tells for certain");
        assert_eq!(takes_in(&effects), !waits);
    }
}

#[test]
fn what_a_copy_wrote_under_a_number_that_waits_is_not_taken_in() {
    let mut phone = phone();
    asks(&mut phone).unwrap();
    phone.find(1, "waits");
    let mut pull = pulled("a");
    pull["records"] = json!([state(5, 1, 1)]);
    let effects = hears(&mut phone, &[("pull", &pull)]);
    assert!(!takes_in(&effects) && takes_new_ids(&effects) == 0);
    assert!(asks(&mut phone).is_some_and(|request| request.push.is_some()));
}

#[test]
fn a_phone_that_must_take_a_new_id_takes_in_nothing_and_is_told_once() {
    let mut phone = phone();
    phone.find(1, "by a copy");
    asks(&mut phone).unwrap();
    let fork = json!({ "result": "replica_forked", "seq": 1, "outcomes": [] });
    let mut pull = pulled("a");
    pull["records"] = json!([state(5, 7, 1)]);
    let compare = states(&[state(6, 1, 9)], &[]);
    let effects = hears(&mut phone, &[("push", &fork), ("pull", &pull), ("compare", &compare)]);
    assert_eq!(takes_new_ids(&effects), 1);
    assert!(!takes_in(&effects), "what waits is written anew first");
}

#[test]
fn a_question_about_sums_that_has_answered_itself_is_not_asked_again() {
    let mut phone = phone();
    asks(&mut phone).unwrap();
    hears(&mut phone, &[("pull", &sums_to(1, 7))]);
    assert!(matches!(asks(&mut phone).and_then(|request| request.compare), Some(Compare::Sums(_))));
    hears(&mut phone, &[("pull", &sums_to(0, 0))]);
    assert!(phone.client.is_proved_equal());
    assert!(asks(&mut phone).is_none());
}

/// A phone that has found out in which three records it differs, and the question that it asks.
fn differing() -> (Phone, SyncRequest) {
    let mut phone = phone();
    asks(&mut phone).unwrap();
    hears(&mut phone, &[("pull", &sums_to(3, 7))]);
    asks(&mut phone).unwrap();
    let marks: serde_json::Map<String, Value> =
        (1..=3).map(|number| (record(number).0.to_string(), json!("0000000000000001"))).collect();
    let buckets: Vec<u8> = (0..=255).collect();
    hears(
        &mut phone,
        &[("pull", &sums_to(3, 7)), ("compare", &json!({ "marks": { "buckets": buckets, "marks": marks } }))],
    );
    phone.base.compare(&mut phone.client);
    let request = asks(&mut phone).unwrap();
    (phone, request)
}

fn asks_for(request: &SyncRequest) -> Vec<RecordId> {
    match &request.compare {
        Some(Compare::Records(records)) => records.clone(),
        _ => Vec::new(),
    }
}

#[test]
fn records_for_which_an_answer_had_no_room_are_asked_for_until_all_are_told() {
    let (mut phone, request) = differing();
    let mut left: Vec<RecordId> = [1, 2, 3].map(record).to_vec();
    assert_eq!(asks_for(&request), left);
    while !left.is_empty() {
        let told = left.remove(0);
        // A pull comes between two questions, as after every answer to one.
        hears(&mut phone, &[("pull", &pulled("a")), ("compare", &states(&[], &[told]))]);
        asks(&mut phone).unwrap();
        hears(&mut phone, &[("pull", &pulled("a"))]);
        let next = asks(&mut phone);
        assert_eq!(next.as_ref().map(asks_for).unwrap_or_default(), left);
    }
    assert!(phone.client.is_idle(), "all were told: nothing is asked for");
}

#[test]
fn a_server_that_tells_nothing_of_what_was_asked_is_not_asked_for_ever() {
    let (mut phone, _) = differing();
    hears(&mut phone, &[("pull", &pulled("a")), ("compare", &states(&[], &[]))]);
    asks(&mut phone).unwrap();
    hears(&mut phone, &[("pull", &pulled("a"))]);
    assert!(asks(&mut phone).is_none());
}
