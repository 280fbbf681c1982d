//! A phone proves that it holds what the server holds, finds the records in which it does not, and mends its base without
//! losing anything that only it has.

use crate::server_in_memory::phone::{Link, Phone, record, replica};
use crate::server_in_memory::{Server, caller, village};
use serde_json::json;
use sync_core::people::{Caller, Role};
use sync_core::protocol::Compare;
use sync_core::record::Record;

fn inspector() -> Caller {
    caller(1, Role::Inspector, &[1])
}

fn supervisor() -> Caller {
    caller(99, Role::Supervisor, &[])
}

/// A server with so many hazards, and the phone that found them.
fn township(hazards: u128) -> (Server, Phone) {
    let (mut server, mut phone) = (Server::new(), Phone::new(1, inspector()));
    for number in 0..hazards {
        phone.find(number, &format!("hazard {number}"));
    }
    phone.sync(&mut server);
    (server, phone)
}

#[test]
fn a_phone_at_rest_has_proved_that_it_holds_what_the_server_holds() {
    let (mut server, mut phone) = township(9);
    assert!(phone.client.is_proved_equal());
    let mut office = Phone::new(2, supervisor());
    assert!(!office.client.is_proved_equal(), "nothing is proved before a pull");
    office.round_trip(&mut server, &supervisor(), Link::Works);
    assert!(!office.client.is_proved_equal(), "nor while there is more to pull");
    office.sync(&mut server);
    assert!(office.client.is_proved_equal());
    office.edit(3, &[("funds", json!(3))]);
    office.sync(&mut server);
    assert!(office.client.is_proved_equal() && phone.client.is_proved_equal());
    phone.sync(&mut server);
    phone.crash();
    phone.sync(&mut server);
    assert!(phone.client.is_proved_equal(), "the sums come back with the base");
}

#[test]
fn a_phone_with_an_equal_base_asks_nothing() {
    let (mut server, mut phone) = township(3);
    for _ in 0..3 {
        phone.client.want_pull();
        phone.now_ms += 1;
        let request = phone.client.poll(phone.now_ms).unwrap();
        assert_eq!(request.compare, None);
        let answer = server.sync(&inspector(), &serde_json::to_string(&request).unwrap(), phone.now_ms);
        phone.take(&answer, Link::Works);
    }
    assert!(phone.client.is_idle());
}

#[test]
fn a_base_that_was_damaged_in_any_way_is_mended() {
    let (mut server, whole) = township(40);
    let damages: [fn(&mut Phone); 4] = [
        |phone| phone.put_base(record(7), None),
        |phone| {
            let mut of_another = phone.base.get(record(8)).unwrap().clone();
            of_another.id = record(7);
            phone.put_base(record(7), Some(of_another));
        },
        |phone| {
            let stranger = Record::empty(record(77), "hazard", Some(village(1)));
            phone.put_base(record(77), Some(stranger));
        },
        |phone| (0..40).for_each(|number| phone.put_base(record(number), None)),
    ];
    for (at, damage) in damages.into_iter().enumerate() {
        let mut phone = whole.clone();
        damage(&mut phone);
        phone.sync(&mut server);
        assert_eq!(*phone.base.records(), server.visible_to(&inspector()), "damage {at}");
        assert!(phone.client.is_proved_equal());
    }
}

#[test]
fn only_the_records_that_differ_travel() {
    let (mut server, mut phone) = township(40);
    phone.put_base(record(7), None);
    phone.client.want_pull();
    let mut asked = Vec::new();
    for _ in 0..4 {
        phone.now_ms += 1;
        let Some(request) = phone.client.poll(phone.now_ms) else { break };
        asked.extend(request.compare.clone());
        let answer = server.sync(&inspector(), &serde_json::to_string(&request).unwrap(), phone.now_ms);
        phone.take(&answer, Link::Works);
    }
    let [Compare::Sums(_), Compare::Records(records)] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!(records, &[record(7)]);
}

#[test]
fn a_repair_destroys_no_side() {
    let (mut server, mut phone) = township(2);
    // A value that the server never had: from a server that was lost, or by damage; nobody can tell.
    let (_, mut elsewhere) = township(2);
    let mut other = Server::new();
    let mut colleague = Phone::new(5, caller(5, Role::Inspector, &[1]));
    elsewhere.sync(&mut other);
    colleague.sync(&mut other);
    colleague.find(60, "only this phone has heard of it");
    colleague.sync(&mut other);
    let stranger = other.records[&record(60)].0.clone();
    phone.put_base(record(60), Some(stranger.clone()));
    phone.sync(&mut server);
    assert_eq!(*phone.base.records(), server.visible_to(&inspector()));
    assert_eq!(phone.base.strays(), [stranger], "it is kept apart");
}

#[test]
fn a_comparison_survives_a_cut_and_a_crash_at_any_step() {
    for trouble in [Link::RequestLost, Link::AnswerLost, Link::RequestTwice, Link::DiesAfter(0), Link::DiesAfter(1)] {
        for at in 0..4 {
            let (mut server, mut phone) = township(5);
            // The log does not know of this damage, so that a crash mends it; all others must.
            phone.put_base(record(3), None);
            phone.client.want_pull();
            for round in 0..=at {
                let link = if round == at { trouble } else { Link::Works };
                phone.round_trip(&mut server, &inspector(), link);
            }
            phone.sync(&mut server);
            assert_eq!(*phone.base.records(), server.visible_to(&inspector()), "{trouble:?} at {at}");
            assert!(phone.client.is_proved_equal());
        }
    }
}

#[test]
fn a_comparison_that_mends_nothing_is_given_up_until_something_changes() {
    let (mut server, mut phone) = township(3);
    // A shell that counts one record twice: no answer of the server can mend that.
    let mark = sync_core::digest::Mark::of(phone.base.get(record(1)).unwrap());
    phone.client.note_base(record(1), None, Some(mark));
    let mut asked = 0;
    for _ in 0..60 {
        phone.client.want_pull();
        phone.now_ms += 1_000;
        while let Some(request) = phone.client.poll(phone.now_ms) {
            asked += usize::from(request.compare.is_some());
            let answer = server.sync(&inspector(), &serde_json::to_string(&request).unwrap(), phone.now_ms);
            phone.take(&answer, Link::Works);
        }
    }
    assert_eq!(asked, 2, "a second round, in case the first was disturbed");
    assert!(!phone.client.is_proved_equal(), "and it is not called equal");
}

#[test]
fn what_two_servers_made_of_the_same_versions_is_brought_together_after_a_restore() {
    let (mut server, mut phone) = township(1);
    let mut office = Phone::new(2, supervisor());
    office.sync(&mut server);
    let backup = Server::new();
    office.edit(0, &[("level", json!("major"))]);
    office.sync(&mut server);
    phone.sync(&mut server);
    // The office comes back first: the server cannot know yet that its edit had seen the phone's.
    let mut again = server.restored(&backup);
    office.sync(&mut again);
    phone.sync(&mut again);
    office.sync(&mut again);
    let now = again.records[&record(0)].0.clone();
    assert_eq!(now.siblings("level").count(), 2, "both stand: never fewer than before");
    assert_eq!(now.text("level"), Some("major"));
    for held in [&phone, &office] {
        assert_eq!(held.base.get(record(0)), Some(&now));
        assert!(held.client.is_proved_equal());
    }
    assert_eq!(phone.client.replica(), replica(1));
}
