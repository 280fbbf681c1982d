//! What goes wrong only at an edge: equal stamps, empty sets, damage, the last of several. Found by breaking the crate in
//! every small way (`make mutants`).

use std::collections::{BTreeMap, BTreeSet};

use crate::history::empty;
use crate::server_in_memory::phone::{Link, Phone, hazard, record, replica};
use crate::server_in_memory::{Server, caller, village};
use serde_json::{Value, json};
use sync_core::client::{Base, Client, Edit, Effect, Failure};
use sync_core::cursor::{Cursor, FeedScope};
use sync_core::digest::Mark;
use sync_core::dots::{Dot, VersionVector};
use sync_core::ids::{AccountId, VillageId};
use sync_core::people::Role;
use sync_core::record::Record;
use sync_core::rules::distinct_values;
use sync_core::time::Stamp;
use sync_core::validate::{RefusalCode, validate};
use sync_core::version::{Fingerprint, Version};
use uuid::Uuid;

fn version(number: u128, seq: u64, changes: &[(&str, Value)]) -> Version {
    Version {
        record: record(1),
        kind: "hazard".to_owned(),
        village: Some(village(1)),
        dot: Dot { replica: replica(number), seq },
        context: VersionVector::new(),
        stamp: Stamp { ms: 1_700_000_000_000, counter: 0 },
        author: AccountId(Uuid::from_u128(9)),
        changes: changes.iter().map(|(path, value)| ((*path).to_owned(), value.clone())).collect(),
    }
}

/// The join of two deltas; the same from both sides.
fn joined(a: &Version, b: &Version) -> Record {
    let (mut ab, mut ba) = (Record::delta(a), Record::delta(b));
    ab.join(&Record::delta(b));
    ba.join(&Record::delta(a));
    assert_eq!(ab, ba);
    let mut absorbed = Record::delta(a);
    absorbed.absorb(Record::delta(b));
    assert_eq!(absorbed, ab);
    ab
}

#[test]
fn a_role_and_a_fingerprint_have_one_name_everywhere() {
    for role in Role::ALL {
        assert_eq!(json!(role), json!(role.name()));
        assert_eq!(Role::from_name(role.name()), Some(role));
    }
    assert_eq!(Role::from_name("mayor"), None);
    // FIPS 180-2, SHA-256 of "abc".
    let abc = Fingerprint::of(b"abc");
    assert_eq!(abc.hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!(format!("{abc:?}"), abc.hex());
    assert_eq!(Mark::of_json("abc").0, 0xba78_16bf_8f01_cfea, "its first eight bytes, the first highest");
}

#[test]
fn a_refused_type_says_which_is_wanted() {
    let refusal = validate(&version(1, 1, &[("funds", json!("many"))])).unwrap_err();
    assert_eq!(refusal.code, RefusalCode::FieldType);
    assert!(refusal.detail.contains("a whole number"), "{}", refusal.detail);
}

#[test]
fn a_stamp_of_this_very_millisecond_is_counted_on_and_not_capped() {
    let stamp = Stamp { ms: 5, counter: 3 };
    assert_eq!(stamp.next(5), Stamp { ms: 5, counter: 4 });
    assert_eq!(stamp.next(6), Stamp { ms: 6, counter: 0 });
    assert_eq!(stamp.capped(5), stamp);
    assert_eq!(stamp.capped(4), Stamp { ms: 4, counter: 0 });
}

#[test]
fn a_cursor_names_what_left_its_scopes_and_nothing_else() {
    let [a, b] = [1, 2].map(|number| FeedScope::Village(village(number)));
    let epoch = Uuid::from_u128(7);
    let cursor =
        |epoch, scopes: &[FeedScope]| Cursor { epoch, positions: scopes.iter().map(|scope| (*scope, 3)).collect() };
    let follow = |old: &[FeedScope], new: &[FeedScope]| Cursor::follow(Some(cursor(epoch, old)), epoch, new);
    let gone = |old: &[FeedScope], new: &[FeedScope]| -> (Vec<VillageId>, bool) {
        let followed = follow(old, new);
        (followed.forget, followed.lost_all)
    };
    assert_eq!(gone(&[a, b], &[b]), (vec![village(1)], false));
    assert_eq!(gone(&[a, b], &[b, a]), (vec![], false));
    assert_eq!(gone(&[a, b], &[FeedScope::All]), (vec![], false));
    assert_eq!(gone(&[FeedScope::All], &[b]), (vec![], true));
    assert_eq!(gone(&[FeedScope::All], &[FeedScope::All]), (vec![], false));
    assert_eq!(follow(&[FeedScope::All], &[b]).cursor, cursor(epoch, &[b]), "what all read, the village has read");
    let of_another_life = Cursor::follow(Some(cursor(Uuid::from_u128(6), &[a, b])), epoch, &[b]);
    assert_eq!(of_another_life.forget, [village(1)], "also after a restore");
    assert_eq!(of_another_life.cursor.positions, BTreeMap::from([(b, 0)]), "and all comes again");
}

#[test]
fn a_dot_takes_out_what_it_covers() {
    let known: VersionVector =
        [(1, 3), (2, 5)].map(|(number, seq)| Dot { replica: replica(number), seq }).into_iter().collect();
    for (seq, left) in [(2, 3), (3, 0), (4, 0)] {
        let mut rest = known.clone();
        rest.subtract_dot(Dot { replica: replica(1), seq });
        assert_eq!((rest.get(replica(1)), rest.get(replica(2))), (left, 5), "up to {seq}");
    }
}

#[test]
fn two_who_disagree_about_a_record_agree_in_the_end() {
    let hazard = version(1, 1, &[("funds", json!(1))]);
    let other =
        Version { kind: "inspection".to_owned(), village: Some(village(2)), ..version(2, 1, &[("funds", json!(2))]) };
    let record = joined(&other, &hazard);
    assert_eq!((record.kind.as_str(), record.village), ("hazard", Some(village(1))));
    let township = Version { village: None, ..version(3, 1, &[("funds", json!(3))]) };
    assert_eq!(joined(&hazard, &township).village, None);
}

#[test]
fn two_who_disagree_about_one_write_agree_in_the_end() {
    let a = version(1, 2, &[("funds", json!(5))]);
    let b = Version {
        context: [Dot { replica: replica(2), seq: 4 }].into_iter().collect(),
        stamp: Stamp { ms: 1_600_000_000_000, counter: 0 },
        author: AccountId(Uuid::from_u128(8)),
        ..version(1, 2, &[("funds", json!(40))])
    };
    let record = joined(&a, &b);
    let standing: Vec<_> = record.siblings("funds").collect();
    assert_eq!(standing.len(), 1);
    assert_eq!(*standing[0].value, json!(40), "the smaller text");
    assert_eq!(standing[0].authorship.stamp, b.stamp);
    assert_eq!(standing[0].authorship.author, b.author);
    assert_eq!(standing[0].authorship.context.get(replica(2)), 4);
    assert_eq!(record.latest_stamp(), Some(b.stamp));
    assert_eq!(empty().latest_stamp(), None);
}

#[test]
fn a_state_lacks_what_it_neither_holds_nor_has_overwritten() {
    let first = version(1, 1, &[("funds", json!(1))]);
    let newer = Version { context: [first.dot].into_iter().collect(), ..version(2, 1, &[("funds", json!(2))]) };
    let aside = version(3, 1, &[("funds", json!(3))]);
    let [first_state, newer_state, aside_state] = [&first, &newer, &aside].map(Record::delta);
    assert!(empty().lacks(&first_state));
    assert!(!first_state.lacks(&empty()));
    assert!(!newer_state.lacks(&first_state), "it has overwritten it");
    assert!(first_state.lacks(&newer_state));
    assert!(newer_state.lacks(&aside_state));
    assert!(!joined(&newer, &aside).lacks(&aside_state));
}

#[test]
fn different_values_are_listed_once_each_and_only_reviewed_fields_are_in_conflict() {
    let by = |number, value: Value| {
        version(number, 1, &[("description", value.clone()), ("inspectors/李", json!(true)), ("reviewers", value)])
    };
    let mut record = joined(&by(1, json!("甲")), &by(2, json!("乙")));
    record.absorb(Record::delta(&by(3, json!("甲"))));
    assert_eq!(distinct_values(&record, "description"), BTreeSet::from(["\"甲\"".to_owned(), "\"乙\"".to_owned()]));
    assert!(distinct_values(&record, "place").is_empty());
    assert!(record.shown("description").unwrap().in_conflict);
    let mut void = Record::delta(&version(1, 2, &[("void", json!("甲"))]));
    void.absorb(Record::delta(&version(2, 2, &[("void", json!("乙"))])));
    assert!(void.is_contested("void") && !void.shown("void").unwrap().in_conflict, "nobody decides about that field");
    let agreed =
        joined(&version(1, 1, &[("description", json!("甲"))]), &version(2, 1, &[("description", json!("甲"))]));
    assert!(!agreed.shown("description").unwrap().in_conflict);
}

#[test]
fn a_member_of_a_set_that_somebody_added_stays_whoever_took_it_out_unseen() {
    for later in [false, true] {
        let of = |number, value: bool| Version {
            kind: "inspection".to_owned(),
            stamp: Stamp { ms: 1_700_000_000_000 + u64::from(value == later), counter: 0 },
            ..version(number, 1, &[("inspectors/李安全", json!(value))])
        };
        for (a, b) in [(1, 2), (2, 1)] {
            let record = joined(&of(a, true), &of(b, false));
            assert_eq!(record.keys("inspectors").collect::<Vec<_>>(), ["李安全"]);
        }
    }
}

#[test]
fn a_version_that_comes_before_its_predecessor_waits_for_it() {
    let first = version(1, 1, &[("funds", json!(1))]);
    let third = Version {
        context: [Dot { replica: replica(1), seq: 2 }].into_iter().collect(),
        ..version(1, 3, &[("funds", json!(3))])
    };
    assert!(!Record::delta(&first).seen.has_gap());
    assert!(joined(&first, &third).seen.has_gap());
}

#[test]
fn texts_of_nothing_but_quotes_and_strokes_are_written_as_json() {
    for text in ["\"", "\\", "\"\"", "\\\"", "\n", ""] {
        let state = Record::delta(&version(1, 1, &[("description", json!(text))]));
        assert_eq!(Record::from_json(&state.to_json()).unwrap(), state, "{text:?}");
    }
}

#[test]
fn forms_are_told_what_saving_would_refuse() {
    let client = Client::new(replica(1));
    let author = caller(1, Role::Inspector, &[1]);
    let changes = hazard("x").into_iter().map(|(path, value)| (path.to_owned(), value)).collect();
    let good = Edit { record: record(1), kind: "hazard".to_owned(), village: Some(village(1)), changes };
    assert_eq!(client.check(good.clone(), &author, None, 1), []);
    let elsewhere = Edit { village: Some(village(2)), ..good };
    let codes: Vec<_> = client.check(elsewhere, &author, None, 1).into_iter().map(|refusal| refusal.code).collect();
    assert_eq!(codes, [RefusalCode::OutOfScope]);
}

#[test]
fn an_edit_is_later_than_what_it_replaces_whatever_the_clock_says() {
    let (mut server, mut phone) = (Server::new(), Phone::new(1, caller(1, Role::Inspector, &[1])));
    let mut ahead = Phone::new(2, caller(2, Role::Inspector, &[1]));
    ahead.now_ms += 3_600_000;
    ahead.find(1, "an hour ahead");
    ahead.sync(&mut server);
    phone.sync(&mut server);
    phone.edit(1, &[("funds", json!(1))]);
    let Some(Effect::Keep { bytes, .. }) = phone.log.last() else { panic!("nothing kept") };
    let written: Version = serde_json::from_str(bytes).unwrap();
    assert!(written.stamp > phone.base.get(record(1)).unwrap().latest_stamp().unwrap());
}

#[test]
fn a_client_is_idle_when_nothing_at_all_is_due() {
    let (mut server, mut phone) = (Server::new(), Phone::new(1, caller(1, Role::Inspector, &[1])));
    assert!(!phone.client.is_idle(), "the first pull is due");
    phone.sync(&mut server);
    assert!(phone.client.is_idle());
    phone.add_photo(&"0f".repeat(32));
    assert!(!phone.client.is_idle(), "a photo waits");
    phone.sync(&mut server);
    phone.find(1, "one");
    assert!(!phone.client.is_idle(), "a version waits");
}

#[test]
fn a_client_as_stored_is_the_one_that_comes_back() {
    let mut server = Server::new();
    let mut phone = Phone::new(1, caller(1, Role::Inspector, &[1]));
    let comes_back = |phone: &Phone| {
        let mut again = phone.clone();
        again.crash();
        assert_eq!(phone.client.as_stored(), again.client);
    };
    phone.find(1, "one");
    phone.sync(&mut server);
    comes_back(&phone);
    phone.find(2, "two");
    phone.add_photo(&"0f".repeat(32));
    phone.client.poll(phone.now_ms + 1).unwrap();
    comes_back(&phone);
    phone.client.handle_failure(Failure::SignedOut, phone.now_ms + 2);
    comes_back(&phone);
    phone.client.retry_now();
    phone.client.poll(phone.now_ms + 3).unwrap();
    phone.client.handle_failure(Failure::Network, phone.now_ms + 3);
    comes_back(&phone);
}

#[test]
fn what_will_be_refused_again_is_tried_after_the_longest_wait() {
    let mut client = Client::new(replica(1));
    client.poll(1_000).unwrap();
    client.handle_failure(Failure::Refused, 1_000);
    let wait_ms = client.wait_ms(1_000);
    assert!((300_000..=450_000).contains(&wait_ms), "{wait_ms}");
}

#[test]
fn a_village_that_is_forgotten_takes_its_records_along_and_no_others() {
    let mut client = Client::new(replica(1));
    let mut base = Base::default();
    for (number, kind, at) in [(1, "hazard", 1), (2, "hazard", 2), (3, "site", 1)] {
        let state = Record::empty(record(number), kind, Some(village(at)));
        base.apply(&Effect::Merge(Box::new(state)), &mut client);
    }
    base.apply(&Effect::Forget(village(1)), &mut client);
    assert_eq!(base.records().keys().copied().collect::<Vec<_>>(), [record(2), record(3)], "the directory stays");
}

#[test]
fn what_a_repair_would_destroy_is_kept_apart() {
    let mut client = Client::new(replica(1));
    let mut base = Base::default();
    let [mine, theirs] = [version(1, 1, &[("funds", json!(1))]), version(2, 1, &[("funds", json!(2))])];
    base.apply(&Effect::Merge(Box::new(Record::delta(&mine))), &mut client);
    base.apply(&Effect::Replace(Box::new(joined(&mine, &theirs))), &mut client);
    assert!(base.strays().is_empty(), "the new state has all of the old");
    base.apply(&Effect::Replace(Box::new(Record::delta(&theirs))), &mut client);
    assert_eq!(base.strays(), [joined(&mine, &theirs)]);
}

#[test]
fn of_two_entries_of_a_record_the_second_is_seen_when_the_first_is_freed() {
    let (mut server, mut phone) = (Server::new(), Phone::new(1, caller(1, Role::Inspector, &[1])));
    let first = phone.find(1, "one");
    phone.sync(&mut server);
    let second = phone.edit(1, &[("funds", json!(2))]);
    phone.free(first);
    assert_eq!(phone.client.outbox().of_record(record(1)).map(|(dot, _)| dot).collect::<Vec<_>>(), [second]);
    assert_eq!(phone.view(1).unwrap().value("funds"), Some(&json!(2)));
}

#[test]
fn a_copy_that_is_told_so_takes_in_nothing_more_and_is_told_once() {
    let mut server = Server::new();
    let mut phone = Phone::new(1, caller(1, Role::Inspector, &[1]));
    let mut copy = phone.clone();
    phone.find(1, "by the phone");
    phone.sync(&mut server);
    copy.find(2, "by the copy");
    copy.round_trip(&mut server, &caller(1, Role::Inspector, &[1]), Link::DiesAfter(usize::MAX));
    let told = copy.log.iter().filter(|effect| matches!(effect, Effect::TakeNewReplica { .. })).count();
    assert_eq!(told, 1);
    assert!(!copy.log.iter().any(|effect| matches!(effect, Effect::Merge(_))), "what waits is written anew first");
}

#[test]
fn what_is_written_while_a_pull_is_under_way_is_not_taken_for_what_a_copy_wrote_under_its_number() {
    let inspector = caller(1, Role::Inspector, &[1]);
    let mut server = Server::new();
    let mut phone = Phone::new(1, inspector.clone());
    let mut copy = phone.clone();
    copy.find(1, "by the copy");
    copy.sync(&mut server);
    phone.now_ms += 1;
    let request = phone.client.poll(phone.now_ms).unwrap();
    phone.find(2, "by the phone");
    let answer = server.sync(&inspector, &serde_json::to_string(&request).unwrap(), phone.now_ms);
    phone.take(&answer, Link::Works);
    assert!(phone.base.records().is_empty(), "until the server has told repeats from a fork");
    phone.sync(&mut server);
    assert_ne!(phone.client.replica(), replica(1));
    assert_eq!(["by the copy", "by the phone"].map(|words| server.times_taken(words)), [1, 1]);
}
