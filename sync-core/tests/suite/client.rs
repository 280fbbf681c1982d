//! The client, its phone and a server in memory: a day's work and the ordinary accidents of the road. How often and how much
//! it sends is `client_pace`; backups, copies and restored servers `client_backups`; random schedules `client_random`.

use crate::server_in_memory::phone::{Link, Phone, hazard, record, replica};
use crate::server_in_memory::{Server, caller, village};
use serde_json::json;
use sync_core::dots::Dot;
use sync_core::people::{Caller, Role};
use sync_core::protocol::Verdict;
use sync_core::rules::Voiding;
use sync_core::validate::RefusalCode;
use sync_core::version::Version;

fn inspector(number: u128) -> Caller {
    caller(number, Role::Inspector, &[1])
}

fn supervisor() -> Caller {
    caller(99, Role::Supervisor, &[])
}

/// A phone with so many hazards that nobody else has seen.
fn day_of_work(hazards: u128) -> Phone {
    let mut phone = Phone::new(1, inspector(1));
    for number in 0..hazards {
        phone.find(number, &format!("hazard {number}"));
    }
    phone
}

#[test]
fn a_day_without_network_is_synced_in_the_evening_and_read_by_the_office() {
    let (mut server, mut phone, mut office) = (Server::new(), day_of_work(120), Phone::new(2, supervisor()));
    phone.edit(3, &[("level", json!("major"))]);
    assert_eq!(phone.view(3).unwrap().text("level"), Some("major"), "seen at once");
    assert!(!phone.client.is_idle());
    phone.sync(&mut server);
    assert_eq!((server.taken.len(), server.records.len(), server.quarantine().len()), (121, 120, 0));
    assert!(phone.client.outbox().waiting().next().is_none());
    office.sync(&mut server);
    assert_eq!(*office.base.records(), server.visible_to(&supervisor()));
    assert_eq!(office.base, phone.base);
    assert_eq!(office.view(3).unwrap().text("level"), Some("major"));
}

#[test]
fn an_answer_that_was_lost_is_given_again_as_duplicates_and_nothing_moves() {
    let (mut server, mut phone) = (Server::new(), day_of_work(5));
    let who = inspector(1);
    assert!(phone.round_trip(&mut server, &who, Link::AnswerLost));
    let after_first = server.clone();
    assert_eq!(phone.client.outbox().waiting().count(), 5, "no receipt, nothing freed");
    assert!(phone.round_trip(&mut server, &who, Link::Works));
    assert_eq!(server, after_first, "the replay changed nothing, the feed included");
    for (_, entry) in phone.client.outbox().iter() {
        let outcome = entry.outcome.as_ref().unwrap();
        assert_eq!((outcome.verdict, outcome.first), (Verdict::Duplicate, Some(Verdict::Merged)));
    }
}

#[test]
fn a_duplicate_of_a_quarantined_version_says_why_again() {
    let (mut server, mut phone) = (Server::new(), Phone::new(1, caller(1, Role::Inspector, &[1, 2])));
    let dot = phone.write_in(village(2), 1, "hazard", &hazard("elsewhere")).unwrap();
    phone.round_trip(&mut server, &inspector(1), Link::AnswerLost);
    phone.sync_as(&mut server, &inspector(1));
    let outcome = phone.client.outbox().get(dot).unwrap().outcome.clone().unwrap();
    assert_eq!((outcome.verdict, outcome.first_verdict()), (Verdict::Duplicate, Verdict::Quarantined));
    assert_eq!(outcome.refusal.unwrap().code, RefusalCode::OutOfScope);
    assert!(phone.client.outbox().get(dot).unwrap().is_quarantined());
}

#[test]
fn a_phone_that_dies_between_any_two_effects_of_any_answer_loses_nothing() {
    let mut office = Phone::new(2, supervisor());
    let mut before = Server::new();
    for number in 100..106 {
        office.find(number, "found by the office");
    }
    office.sync(&mut before);
    for (round, stored) in (0..3).flat_map(|round| (0..14).map(move |stored| (round, stored))) {
        let (mut server, mut phone) = (before.clone(), day_of_work(7));
        phone.add_photo("aa");
        for _ in 0..round {
            phone.round_trip(&mut server, &inspector(1), Link::Works);
        }
        phone.round_trip(&mut server, &inspector(1), Link::DiesAfter(stored));
        let after = format!("round {round}, {stored} effects");
        assert_eq!(phone.client.outbox().iter().count(), 7, "{after}");
        let last = phone.find(7, "last words");
        assert_eq!(last, Dot { replica: replica(1), seq: 8 }, "{after}: no number is used twice");
        phone.sync(&mut server);
        assert_eq!(*phone.base.records(), server.visible_to(&phone.caller), "{after}");
        assert_eq!((server.taken.len(), server.quarantine().len(), server.photos.len()), (14, 0, 1), "{after}");
        assert!(phone.client.outbox().iter().all(|(_, entry)| entry.outcome.is_some()), "{after}");
    }
}

#[test]
fn a_phone_that_dies_between_any_two_saves_has_what_was_saved() {
    let phone = day_of_work(6);
    for stored in 0..=phone.log.len() {
        let (mut again, mut server) = (phone.as_of(stored), Server::new());
        again.find(50, "after the battery");
        again.sync(&mut server);
        assert_eq!(server.taken.len(), stored + 1);
        assert_eq!(*again.base.records(), server.visible_to(&again.caller));
    }
}

#[test]
fn a_client_that_is_brought_back_is_the_client_that_was() {
    let (mut server, mut phone) = (Server::new(), day_of_work(4));
    phone.sync(&mut server);
    phone.find(9, "after the sync");
    let mut again = phone.clone();
    again.crash();
    assert_eq!(again.base, phone.base);
    assert_eq!(again.client.outbox(), phone.client.outbox());
    // The wall clock of both is set back: only what was stored keeps their stamps going forward.
    (phone.now_ms, again.now_ms) = (5_000, 5_000);
    let (of_phone, of_again) = (phone.find(10, "next"), again.find(10, "next"));
    assert_eq!(of_phone, of_again, "the next number");
    let bytes = |phone: &Phone, dot: Dot| phone.client.outbox().get(dot).unwrap().bytes.clone();
    assert_eq!(bytes(&phone, of_phone), bytes(&again, of_again), "and the clock");
    let stamp = |dot: Dot| serde_json::from_str::<Version>(&bytes(&again, dot)).unwrap().stamp;
    let before = Dot { seq: of_again.seq - 1, ..of_again };
    assert!(stamp(of_again) > stamp(before));
}

#[test]
fn a_phone_with_nothing_to_say_pulls_once_and_rests_until_asked() {
    let (mut server, mut phone) = (Server::new(), Phone::new(1, inspector(1)));
    phone.sync(&mut server);
    assert!(phone.client.poll(phone.now_ms + 1).is_none());
    phone.client.want_pull();
    assert!(phone.client.poll(phone.now_ms + 1).is_some());
}

#[test]
fn a_quarantined_version_leaves_the_view_but_not_the_phone_and_later_ones_apply() {
    let (mut server, mut phone) = (Server::new(), Phone::new(1, inspector(1)));
    let mut office = Phone::new(2, supervisor());
    phone.find(1, "one");
    phone.sync(&mut server);
    office.sync(&mut server);
    phone.edit(1, &[("description", json!("one, by the village"))]);
    office.edit(1, &[("description", json!("one, by the office"))]);
    office.sync(&mut server);
    phone.sync(&mut server);
    assert_eq!(phone.view(1).unwrap().conflicts().collect::<Vec<_>>(), ["description"]);

    // An app that does not check: the bytes of an edit that settles the conflict reach the server.
    let mut rogue = phone.clone();
    rogue.caller = supervisor();
    rogue.caller.account = phone.caller.account;
    let bad = rogue.edit(1, &[("description", json!("settled by the village"))]);
    let good = rogue.edit(1, &[("funds", json!(500))]);
    assert_eq!(rogue.words(1).as_deref(), Some("settled by the village"));
    rogue.caller = phone.caller.clone();
    rogue.sync(&mut server);
    assert_eq!((rogue.verdict(bad), rogue.verdict(good)), (Some(Verdict::Quarantined), Some(Verdict::Merged)));
    assert_ne!(rogue.words(1).as_deref(), Some("settled by the village"), "gone from view");
    assert_eq!(rogue.view(1).unwrap().siblings("description").count(), 2, "without a trace");
    assert_eq!(rogue.view(1).unwrap().value("funds"), Some(&json!(500)), "the later one applies");
    let bytes = &rogue.client.outbox().get(bad).unwrap().bytes;
    assert_eq!(server.quarantine().get(&bad).copied(), Some(bytes.as_str()), "both keep it whole");
    rogue.free(Dot { seq: u64::MAX, ..bad });
    assert!(rogue.client.outbox().get(bad).is_some() && rogue.client.outbox().get(good).is_none());
}

#[test]
fn an_edit_on_top_of_an_own_edit_that_was_refused_leaves_no_gap() {
    let (mut server, mut phone) = (Server::new(), Phone::new(1, caller(1, Role::Inspector, &[1, 2])));
    let first = phone.write_in(village(2), 1, "hazard", &hazard("refused")).unwrap();
    let second = phone.write_in(village(2), 1, "hazard", &[("funds", json!(5))]).unwrap();
    // The server takes the first alone, while the village is not the account's; then it is again.
    let mut request = phone.client.poll(phone.now_ms).unwrap();
    request.push.as_mut().unwrap().versions.truncate(1);
    let answer = server.sync(&inspector(1), &serde_json::to_string(&request).unwrap(), phone.now_ms);
    phone.take(&answer, Link::Works);
    assert_eq!((phone.verdict(first), phone.verdict(second)), (Some(Verdict::Quarantined), None));
    let third = phone.write_in(village(2), 1, "hazard", &[("funds", json!(7))]).unwrap();
    assert_eq!(phone.view(1).unwrap().siblings("funds").count(), 1, "it has seen its own second");
    phone.sync(&mut server);
    assert_eq!((phone.verdict(second), phone.verdict(third)), (Some(Verdict::Merged), Some(Verdict::Merged)));
    assert!(!phone.view(1).unwrap().seen.has_gap());
    assert_eq!(phone.view(1).unwrap(), server.records[&record(1)].0);
    assert_eq!(phone.view(1).unwrap().value("funds"), Some(&json!(7)));
}

#[test]
fn an_edit_is_refused_on_the_phone_by_the_rules_of_the_server_and_uses_no_number() {
    let mut phone = Phone::new(1, inspector(1));
    let refusal = |phone: &mut Phone, kind: &str, changes: &[(&str, serde_json::Value)]| {
        phone.write_in(village(1), 1, kind, changes).unwrap_err().code
    };
    assert_eq!(refusal(&mut phone, "hazard", &[("level", json!("major"))]), RefusalCode::FieldRequired);
    assert_eq!(refusal(&mut phone, "site", &[("tomorrow", json!(1))]), RefusalCode::FieldRequired);
    let mut voided = hazard("x");
    voided.push(("void", json!("no")));
    assert_eq!(refusal(&mut phone, "hazard", &voided), RefusalCode::NotPermitted);
    let elsewhere = phone.write_in(village(2), 1, "hazard", &hazard("x")).unwrap_err().code;
    assert_eq!(elsewhere, RefusalCode::OutOfScope);
    assert!(phone.log.is_empty());
    assert_eq!(phone.find(1, "x").seq, 1);
}

#[test]
fn an_edit_under_another_kind_or_village_than_the_records_is_refused_before_it_is_saved() {
    let mut office = Phone::new(1, supervisor());
    office.find(1, "x");
    let other_kind = office.write_in(village(1), 1, "inspection", &[("conclusion", json!("y"))]).unwrap_err();
    assert_eq!(other_kind.code, RefusalCode::KindMismatch);
    let other_village = office.write_in(village(2), 1, "hazard", &[("place", json!("y"))]).unwrap_err();
    assert_eq!(other_village.code, RefusalCode::VillageMismatch);
    assert_eq!(office.client.outbox().iter().count(), 1);
}

#[test]
fn an_own_edit_revives_what_the_office_voided_without_it() {
    let (mut server, mut phone, mut office) = (Server::new(), day_of_work(1), Phone::new(2, supervisor()));
    phone.sync(&mut server);
    office.sync(&mut server);
    office.edit(0, &[("void", json!("entered twice"))]);
    office.sync(&mut server);
    phone.edit(0, &[("funds", json!(9))]);
    phone.sync(&mut server);
    assert_eq!(phone.view(0).unwrap().voiding(), Voiding::Revived("entered twice".into()));
    office.sync(&mut server);
    assert_eq!(office.view(0).unwrap().voiding(), Voiding::Revived("entered twice".into()));
}

#[test]
fn records_go_before_photos_and_a_photo_is_freed_against_a_receipt_alone() {
    let (mut server, mut phone) = (Server::new(), day_of_work(60));
    let who = inspector(1);
    for hash in ["aa", "bb"] {
        phone.add_photo(hash);
    }
    server.photos.insert("bb".to_owned());
    assert_eq!(
        (phone.client.photos_unsent(), phone.client.photos_to_send().count()),
        (2, 0),
        "the server was not asked"
    );
    phone.round_trip(&mut server, &who, Link::Works);
    assert!(phone.client.outbox().waiting().next().is_some());
    assert_eq!(phone.client.photos_to_send().count(), 0, "wanted, but records wait");
    assert_eq!(phone.photos.iter().collect::<Vec<_>>(), ["aa"], "the server had the other from somebody else");
    phone.round_trip(&mut server, &who, Link::Works);
    assert_eq!(phone.client.photos_to_send().collect::<Vec<_>>(), ["aa"]);
    phone.crash();
    assert_eq!(phone.client.photos_unsent(), 1, "a crash forgets no photo");
    phone.round_trip(&mut server, &who, Link::Works);
    let next = phone.client.clone().poll(phone.now_ms);
    assert!(next.is_none_or(|request| request.photos.is_empty()), "a photo that is wanted is not asked about again");
    server.photos.insert("aa".to_owned());
    phone.client.photo_sent("aa");
    phone.round_trip(&mut server, &who, Link::AnswerLost);
    assert_eq!(phone.photos.len(), 1, "no receipt, not freed");
    phone.sync(&mut server);
    assert!(phone.photos.is_empty() && phone.client.is_idle());
}

#[test]
fn the_records_of_a_new_village_arrive_and_those_of_the_old_are_named_to_forget() {
    let (mut server, mut office) = (Server::new(), Phone::new(9, supervisor()));
    for number in 0..20 {
        office.write_in(village(1 + number % 2), number, "hazard", &hazard("h")).unwrap();
    }
    office.write_in(village(1), 30, "site", &[("name", json!("加油站")), ("sector", json!("gas"))]).unwrap();
    office.sync(&mut server);
    let mut phone = Phone::new(1, inspector(1));
    phone.sync(&mut server);
    assert_eq!(*phone.base.records(), server.visible_to(&inspector(1)));
    let pending = phone.edit(0, &[("funds", json!(1))]);
    let moved = caller(1, Role::Inspector, &[2]);
    phone.sync_as(&mut server, &moved);
    assert_eq!(
        *phone.base.records(),
        server.visible_to(&moved),
        "the new village, and the directory, the old site included"
    );
    assert!(phone.base.records().contains_key(&record(30)));
    assert_eq!(phone.verdict(pending), Some(Verdict::Quarantined), "a pending edit is put aside, not dropped");
    assert_eq!(server.quarantine()[&pending], phone.client.outbox().get(pending).unwrap().bytes);
    phone.sync_as(&mut server, &inspector(1));
    assert_eq!(*phone.base.records(), server.visible_to(&inspector(1)), "and back again");
}

#[test]
fn an_inspector_who_becomes_a_supervisor_sees_all_and_one_who_stops_being_it_forgets() {
    let mut server = Server::new();
    let mut office = Phone::new(9, supervisor());
    for number in 0..12 {
        office.write_in(village(1 + number % 3), number, "hazard", &hazard("h")).unwrap();
    }
    office.sync(&mut server);
    let mut phone = Phone::new(1, inspector(1));
    phone.sync(&mut server);
    assert_eq!(phone.base.records().len(), 4);
    let raised = Caller { role: Role::Supervisor, ..inspector(1) };
    phone.sync_as(&mut server, &raised);
    assert_eq!(*phone.base.records(), server.visible_to(&raised));
    office.edit(0, &[("funds", json!(3))]);
    office.sync(&mut server);
    phone.sync_as(&mut server, &inspector(1));
    assert_eq!(*phone.base.records(), server.visible_to(&inspector(1)), "what others' villages hold is forgotten");
}
