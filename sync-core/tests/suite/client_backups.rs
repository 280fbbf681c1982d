//! Phones that come back from backups or exist twice, and servers that are restored: what is offered again, under which
//! number, and that nothing of any copy is lost. An ordinary day is `client`.

use crate::server_in_memory::phone::{Link, Phone, record, replica};
use crate::server_in_memory::{Server, caller, village};
use serde_json::json;
use sync_core::client::{Effect, Failure};
use sync_core::dots::Dot;
use sync_core::people::{Caller, Role};
use sync_core::protocol::{Push, Verdict};
use sync_core::record::Record;
use sync_core::validate::{Refusal, RefusalCode};

fn inspector(number: u128) -> Caller {
    caller(number, Role::Inspector, &[1])
}

fn supervisor() -> Caller {
    caller(99, Role::Supervisor, &[])
}

fn at_rest(server: &Server, phones: &[&Phone]) {
    for phone in phones {
        assert_eq!(*phone.base.records(), server.visible_to(&phone.caller));
        for (dot, entry) in phone.client.outbox().iter() {
            assert_eq!(server.taken[&dot].bytes, entry.bytes, "the server holds what {dot:?} says");
        }
    }
}

#[test]
fn of_a_phone_and_its_copy_one_takes_a_new_id_and_nothing_of_either_is_lost() {
    let mut server = Server::new();
    let mut phone = Phone::new(1, inspector(1));
    phone.find(1, "sent before the copy");
    phone.sync(&mut server);
    phone.find(2, "waited when it was copied");
    phone.edit(2, &[("funds", json!(2))]);
    let mut copy = phone.clone();
    phone.edit(1, &[("place", json!("edited by the phone"))]);
    phone.find(3, "found by the phone");
    copy.edit(1, &[("place", json!("edited by the copy"))]);
    copy.find(4, "found by the copy");
    copy.edit(4, &[("funds", json!(4))]);
    copy.edit(2, &[("funds", json!(22))]);
    phone.sync(&mut server);
    assert_eq!(phone.client.replica(), replica(1));
    copy.sync(&mut server);
    assert_ne!(copy.client.replica(), replica(1), "the second to speak takes a new id");
    phone.client.want_pull();
    phone.sync(&mut server);
    at_rest(&server, &[&phone, &copy]);
    for words in [
        "sent before the copy",
        "waited when it was copied",
        "edited by the phone",
        "edited by the copy",
        "found by the phone",
        "found by the copy",
    ] {
        assert_eq!(server.times_taken(words), 1, "{words}");
    }
    assert!(server.quarantine().is_empty());
    let of_both = phone.view(1).unwrap();
    assert_eq!(of_both.siblings("place").count(), 2, "neither copy had seen the other's edit");
    assert_eq!(of_both.conflicts().collect::<Vec<_>>(), ["place"]);
    assert_eq!(phone.view(2).unwrap().siblings("funds").count(), 1, "what the copy had seen of itself it replaces");
    assert_eq!(phone.view(2).unwrap().value("funds"), Some(&json!(22)));
    assert_eq!(phone.view(4).unwrap().value("funds"), Some(&json!(4)));
    assert_eq!(phone.view(4).unwrap().siblings("funds").count(), 1);
}

#[test]
fn a_copy_does_not_claim_to_have_seen_what_the_other_wrote_under_the_same_number() {
    let mut server = Server::new();
    let mut phone = Phone::new(1, inspector(1));
    phone.find(1, "one");
    phone.sync(&mut server);
    let mut copy = phone.clone();
    let of_phone = phone.edit(1, &[("place", json!("by the phone"))]);
    let of_copy = copy.edit(1, &[("funds", json!(5))]);
    assert_eq!(of_phone, of_copy);
    copy.edit(1, &[("place", json!("by the copy"))]);
    phone.sync(&mut server);
    copy.sync(&mut server);
    phone.sync(&mut server);
    at_rest(&server, &[&phone, &copy]);
    assert_eq!(phone.view(1).unwrap().siblings("place").count(), 2, "the phone's edit is not overwritten unseen");
    assert_eq!(phone.view(1).unwrap().value("funds"), Some(&json!(5)));
}

#[test]
fn a_phone_that_dies_before_it_has_taken_its_new_id_still_takes_one() {
    let mut server = Server::new();
    let mut phone = Phone::new(1, inspector(1));
    let mut copy = phone.clone();
    phone.find(1, "by the phone");
    phone.sync(&mut server);
    copy.find(2, "by the copy");
    copy.round_trip(&mut server, &inspector(1), Link::DiesAfter(usize::MAX));
    assert!(matches!(copy.log.iter().find(|effect| matches!(effect, Effect::TakeNewReplica { .. })),
        Some(Effect::TakeNewReplica { instead_of }) if *instead_of == replica(1)));
    assert!(copy.client.poll(u64::MAX).is_none(), "silent until it has a new id");
    copy.client.retry_now();
    assert!(copy.client.poll(u64::MAX).is_none(), "the button does not help");
    copy.find(3, "written meanwhile");
    copy.renumber();
    copy.crash();
    copy.sync(&mut server);
    assert_eq!(server.taken.len(), 3);
    at_rest(&server, &[&copy]);
}

#[test]
fn a_token_that_expires_meanwhile_does_not_make_a_phone_forget_that_it_needs_a_new_id() {
    let mut server = Server::new();
    let mut phone = Phone::new(1, inspector(1));
    let mut copy = phone.clone();
    phone.find(1, "by the phone");
    phone.sync(&mut server);
    copy.find(2, "by the copy");
    copy.round_trip(&mut server, &inspector(1), Link::DiesAfter(usize::MAX));
    // An upload of a photo, say, is told that the token has expired.
    copy.client.handle_failure(Failure::SignedOut, copy.now_ms);
    copy.client.retry_now();
    assert!(copy.client.poll(u64::MAX).is_none(), "silent until it has a new id");
    copy.renumber();
    copy.sync(&mut server);
    at_rest(&server, &[&copy]);
}

#[test]
fn entries_of_an_id_that_was_given_up_do_not_raise_the_numbers_of_the_next() {
    let mut old = Phone::new(1, inspector(1));
    for number in 0..9 {
        old.find(number, "under the old id");
    }
    let mut phone = Phone::new(2, inspector(1));
    phone.find(20, "under the new id");
    for kept in old.log {
        phone.client.restore(kept);
    }
    assert_eq!(phone.find(21, "the next"), Dot { replica: replica(2), seq: 2 });
}

#[test]
fn renumbering_without_being_asked_does_nothing() {
    let mut phone = Phone::new(1, inspector(1));
    phone.find(1, "one");
    let before = phone.client.clone();
    assert!(phone.client.renumber(replica(5)).is_empty());
    assert_eq!(phone.client, before);
}

#[test]
fn a_phone_restored_from_any_backup_takes_a_new_id_before_it_can_reuse_a_number() {
    let mut server = Server::new();
    let mut phone = Phone::new(1, inspector(1));
    for number in 0..4 {
        phone.find(number, &format!("hazard {number}"));
        phone.edit(number, &[("funds", json!(100 + number as u64))]);
        phone.sync(&mut server);
    }
    for effects in 0..phone.log.len() {
        for writes_first in [false, true] {
            let (mut server, mut old) = (server.clone(), phone.as_of(effects));
            if writes_first {
                old.find(50, "after the restore");
            }
            old.sync(&mut server);
            for number in 0..4 {
                let seq = old.edit(number, &[("place", json!(format!("gate {number}")))]).seq;
                assert!(seq > 0);
            }
            old.sync(&mut server);
            at_rest(&server, &[&old]);
            let after = format!("{effects} effects, writes first: {writes_first}");
            assert!(server.quarantine().is_empty(), "{after}");
            assert_eq!(server.times_taken("after the restore"), usize::from(writes_first), "{after}");
            for number in 0..4 {
                assert_eq!(server.times_taken(&format!("gate {number}")), 1, "{after}");
                assert_eq!(server.times_taken(&format!("hazard {number}")), 1, "{after}");
                let record = old.view(number).unwrap();
                assert_eq!(record.value("funds"), Some(&json!(100 + number as u64)), "{after}");
                assert_eq!(record.siblings("place").count(), 1, "{after}");
            }
        }
    }
}

#[test]
fn a_server_restored_from_any_backup_is_offered_again_what_it_forgot() {
    let mut server = Server::new();
    let (mut phone, mut office) = (Phone::new(1, inspector(1)), Phone::new(2, supervisor()));
    let mut backups = vec![server.clone()];
    for number in 0..4 {
        phone.find(number, &format!("hazard {number}"));
        phone.sync(&mut server);
        backups.push(server.clone());
        office.sync(&mut server);
        office.edit(number, &[("funds", json!(number as u64))]);
        office.sync(&mut server);
        backups.push(server.clone());
    }
    phone.sync(&mut server);
    for (at, backup) in backups.iter().enumerate() {
        for phone_first in [true, false] {
            let mut again = server.restored(backup);
            let (mut phone, mut office) = (phone.clone(), office.clone());
            phone.find(9, "written before the restore was known");
            let (first, second) = if phone_first { (&mut phone, &mut office) } else { (&mut office, &mut phone) };
            first.sync(&mut again);
            second.sync(&mut again);
            first.sync(&mut again);
            assert_eq!(again.taken.len(), server.taken.len() + 1, "backup {at}");
            at_rest(&again, &[&phone, &office]);
            for number in 0..4 {
                let (now, then) = (&again.records[&record(number)].0, &server.records[&record(number)].0);
                // Who comes back before the one whose edit they had seen may claim only what the server holds by then: the
                // values are the same, at worst side by side.
                assert!(!now.lacks(then), "backup {at}: every value stands again");
                assert_eq!(now.seen, then.seen, "backup {at}");
                if phone_first {
                    assert_eq!(now, then, "backup {at}: the very same state");
                }
            }
            assert_eq!(phone.client.replica(), replica(1), "nobody needs a new id");
        }
    }
}

#[test]
fn a_phone_that_dies_while_it_learns_of_a_restored_server_still_offers_everything() {
    let mut server = Server::new();
    let mut phone = Phone::new(1, inspector(1));
    for number in 0..3 {
        phone.find(number, &format!("hazard {number}"));
    }
    phone.sync(&mut server);
    for stored in 0..8 {
        let mut again = server.restored(&Server::new());
        let mut phone = phone.clone();
        phone.client.want_pull();
        phone.round_trip(&mut again, &inspector(1), Link::DiesAfter(stored));
        phone.sync(&mut again);
        assert_eq!(again.taken.len(), 3, "{stored} effects");
        at_rest(&again, &[&phone]);
    }
}

#[test]
fn a_restored_server_is_offered_what_is_kept_also_after_older_entries_were_freed() {
    let mut server = Server::new();
    let mut phone = Phone::new(1, inspector(1));
    let mut backups = Vec::new();
    let mut last = Vec::new();
    for number in 0..6 {
        last.push(phone.find(number, &format!("hazard {number}")));
        phone.sync(&mut server);
        backups.push(server.clone());
    }
    for (held, backup) in backups.iter().enumerate() {
        for (freed, free_to) in last.iter().enumerate() {
            let mut again = server.restored(backup);
            let mut phone = phone.clone();
            phone.free(*free_to);
            phone.find(9, "new");
            phone.edit(5, &[("funds", json!(5))]);
            phone.sync(&mut again);
            let kept_from = freed + 1;
            for number in 0..6 {
                let expected = usize::from(number <= held || number >= kept_from);
                let what = format!("hazard {number}, backup of {held}, freed to {freed}");
                assert_eq!(again.times_taken(&format!("hazard {number}")), expected, "{what}");
            }
            assert_eq!((again.times_taken("\"new\""), again.quarantine().len()), (1, 0));
            assert!(phone.client.is_idle());
            let needs_new_id = held < freed;
            assert_eq!(phone.client.replica() != replica(1), needs_new_id, "backup of {held}, freed to {freed}");
            if !needs_new_id {
                at_rest(&again, &[&phone]);
            }
        }
    }
}

#[test]
fn what_was_put_aside_is_put_aside_again_by_a_restored_server() {
    let mut server = Server::new();
    let (mut phone, mut colleague) = (Phone::new(1, inspector(1)), Phone::new(2, inspector(2)));
    phone.find(1, "one");
    phone.sync(&mut server);
    let backup = server.clone();
    let refused = phone.edit(1, &[("funds", json!(900))]);
    // For an hour the village is not the inspector's.
    phone.round_trip(&mut server, &caller(1, Role::Inspector, &[2]), Link::Works);
    assert_eq!(phone.verdict(refused), Some(Verdict::Quarantined));
    phone.client.want_pull();
    phone.sync(&mut server);
    phone.edit(1, &[("place", json!("东门"))]);
    phone.sync(&mut server);
    // Whoever reads the record now has seen all up to the phone's third number, and never the second.
    colleague.sync(&mut server);
    colleague.edit(1, &[("funds", json!(5))]);
    colleague.sync(&mut server);

    let mut again = server.restored(&backup);
    phone.client.want_pull();
    phone.round_trip(&mut again, &inspector(1), Link::Works);
    let waits = |phone: &Phone| phone.client.outbox().get(refused).unwrap().clone();
    assert!(waits(&phone).outcome.is_none() && waits(&phone).is_quarantined(), "offered again as what it is");
    assert!(!phone.view(1).unwrap().siblings("funds").any(|sibling| *sibling.value == json!(900)), "nor shown");
    phone.crash();
    phone.sync(&mut again);
    colleague.sync(&mut again);
    phone.sync(&mut again);
    at_rest(&again, &[&phone, &colleague]);
    assert!(again.quarantine()[&refused].contains("900"), "where its author and the office find it");
    assert_eq!(again.taken[&refused].outcome, server.taken[&refused].outcome);
    assert!(waits(&phone).refused.is_none(), "it has a receipt again");
    assert_eq!(phone.view(1).unwrap().value("funds"), Some(&json!(5)));
    assert_eq!(phone.view(1).unwrap().value("place"), Some(&json!("东门")));
}

#[test]
fn a_version_that_the_restored_server_still_has_keeps_the_verdict_that_it_has_there() {
    let mut server = Server::new();
    let mut phone = Phone::new(1, inspector(1));
    phone.find(1, "one");
    phone.sync(&mut server);
    let edit = phone.edit(1, &[("funds", json!(900))]);
    let (unsent, mut other_life) = (phone.clone(), server.clone());
    phone.round_trip(&mut server, &caller(1, Role::Inspector, &[2]), Link::Works);
    assert_eq!(phone.verdict(edit), Some(Verdict::Quarantined));
    // The backup is of another line of the same history: there the same bytes were merged.
    unsent.clone().sync(&mut other_life);
    let mut again = server.restored(&other_life);
    phone.client.want_pull();
    phone.sync(&mut again);
    let entry = phone.client.outbox().get(edit).unwrap();
    assert!(!entry.is_quarantined() && entry.refused.is_none());
    assert_eq!(phone.view(1).unwrap().value("funds"), Some(&json!(900)));
    at_rest(&again, &[&phone]);
}

#[test]
fn of_what_a_sender_says_was_refused_only_refusals_count_and_only_so_many_words() {
    let text = r#"{"replica":"01920000-0000-7000-8000-00000000000a","first_seq":1,"versions":[],"refused":[
        {"seq":1,"verdict":"merged"},{"seq":2,"verdict":"conflict","conflicts":["level"]},
        {"seq":3,"verdict":"quarantined"},{"seq":4,"verdict":"later","refusal":{"code":"field_range","detail":"x"}},
        {"seq":5,"verdict":"duplicate","first":"merged","refusal":{"code":"field_range","detail":"x"}},
        {"seq":6,"verdict":"duplicate","first":"quarantined","refusal":{"code":"of_tomorrow","field":"PATH","detail":"WORDS"}},
        {"seq":7,"verdict":"quarantined","refusal":{"code":"field_range","field":"level","detail":"短"}}]}"#;
    let text = text.replace("WORDS", &"字".repeat(501)).replace("PATH", &"p".repeat(161));
    let refusals = serde_json::from_str::<Push>(&text).unwrap().refusals();
    assert_eq!(refusals.keys().copied().collect::<Vec<_>>(), [6, 7]);
    assert_eq!(refusals[&6], Refusal::new(RefusalCode::Later, "字".repeat(500)));
    assert_eq!(refusals[&7], Refusal::at(RefusalCode::FieldRange, "level", "短"));
}

#[test]
fn a_gap_that_the_phone_can_fill_is_filled_from_where_the_server_stands() {
    let mut server = Server::new();
    let mut phone = Phone::new(1, inspector(1));
    phone.find(0, "hazard 0");
    phone.sync(&mut server);
    let backup = server.clone();
    phone.find(1, "hazard 1");
    phone.sync(&mut server);
    // The same epoch: an operator put the old file back and told nobody.
    let mut silent = backup;
    phone.find(2, "hazard 2");
    phone.sync(&mut silent);
    assert_eq!(silent.taken.len(), 3);
    assert!(phone.log.contains(&Effect::Reopen { from: Dot { replica: replica(1), seq: 2 } }));
    at_rest(&silent, &[&phone]);
}

#[test]
fn entries_of_a_replica_that_was_given_up_are_offered_again_too() {
    let mut server = Server::new();
    let mut phone = Phone::new(1, inspector(1));
    phone.find(1, "under the first id");
    phone.sync(&mut server);
    let mut copy = phone.clone();
    phone.find(2, "of the phone");
    phone.sync(&mut server);
    copy.find(3, "of the copy");
    copy.sync(&mut server);
    copy.crash();
    let seq = copy.find(4, "under the second id");
    assert_eq!((seq.replica, seq.seq), (copy.client.replica(), 2));
    copy.sync(&mut server);
    let mut again = server.restored(&Server::new());
    copy.sync(&mut again);
    phone.sync(&mut again);
    copy.sync(&mut again);
    assert_eq!(again.taken.len(), server.taken.len());
    at_rest(&again, &[&phone, &copy]);
}

#[test]
fn a_freed_entry_stays_settled_for_the_reader_of_its_record() {
    let mut server = Server::new();
    let mut phone = Phone::new(1, inspector(1));
    let dot = phone.find(1, "one");
    let waiting = phone.find(2, "two");
    phone.free(waiting);
    assert_eq!(phone.client.outbox().iter().count(), 2, "what waits is never freed");
    phone.round_trip(&mut server, &inspector(1), Link::Works);
    assert_eq!(phone.verdict(dot), Some(Verdict::Merged));
    phone.free(dot);
    assert_eq!(phone.client.outbox().iter().map(|(dot, _)| dot).collect::<Vec<_>>(), [waiting]);
    assert_eq!(phone.words(1).as_deref(), Some("one"), "the base has it");
    phone.client.want_pull();
    phone.client.poll(phone.now_ms + 1).unwrap();
    phone.client.handle_failure(Failure::Network, phone.now_ms);
    assert_eq!(phone.find(3, "three").seq, 3, "numbers go on");
}

#[test]
fn only_what_the_base_holds_is_freed() {
    let mut server = Server::new();
    let mut phone = Phone::new(1, inspector(1));
    let first = phone.find(1, "one");
    phone.sync(&mut server);
    let old = phone.base.get(record(1)).unwrap().clone();
    let second = phone.edit(1, &[("funds", json!(2))]);
    let elsewhere = phone.find(2, "two");
    phone.sync(&mut server);
    let kept = |phone: &Phone| phone.client.outbox().iter().map(|(dot, _)| dot).collect::<Vec<_>>();

    phone.client.free_settled(&Record::empty(record(1), "hazard", Some(village(1))), elsewhere);
    assert_eq!(
        kept(&phone),
        [first, second, elsewhere],
        "accepted, but a base that the feed has not reached holds nothing"
    );
    phone.client.free_settled(&old, elsewhere);
    assert_eq!(kept(&phone), [second, elsewhere], "an earlier base holds the first alone");
    let now = phone.base.get(record(1)).unwrap().clone();
    phone.client.free_settled(&now, first);
    phone.client.free_settled(&now, Dot { replica: replica(2), ..elsewhere });
    assert_eq!(kept(&phone), [second, elsewhere], "not beyond the number, nor another replica's");
    phone.client.free_settled(&now, elsewhere);
    assert_eq!(kept(&phone), [elsewhere], "of the record whose base it is");
    assert_eq!(phone.view(1).unwrap().value("funds"), Some(&json!(2)));
}
