//! States that need not travel: what a push created, its author makes by itself, and comes to the server's bytes.

use crate::server_in_memory::phone::{Link, Phone, record};
use crate::server_in_memory::{Server, caller, village};
use serde_json::json;
use sync_core::people::{Caller, Role};
use sync_core::protocol::SyncAnswer;

fn inspector() -> Caller {
    caller(1, Role::Inspector, &[1])
}

/// One round trip, and its answer.
fn round_trip(phone: &mut Phone, server: &mut Server) -> SyncAnswer {
    phone.now_ms += 1;
    let request = phone.client.poll(phone.now_ms).unwrap();
    let answer = server.sync(&phone.caller, &serde_json::to_string(&request).unwrap(), phone.now_ms);
    phone.take(&answer, Link::Works);
    serde_json::from_str(&answer).unwrap()
}

/// How many states came, and which came by a number.
fn came(answer: &SyncAnswer) -> (usize, &[u64]) {
    let pull = answer.pull.as_ref().unwrap();
    (pull.records.len(), &pull.as_pushed)
}

fn stands_as_on(phone: &Phone, server: &Server) {
    assert_eq!(*phone.base.records(), server.visible_to(&phone.caller));
    assert!(phone.client.is_proved_equal());
}

#[test]
fn what_a_push_created_is_made_by_its_author_and_is_the_servers() {
    let (mut server, mut phone) = (Server::new(), Phone::new(1, inspector()));
    phone.find(1, "a hazard");
    phone.find(2, "another");
    phone.edit(1, &[("level", json!("major")), ("funds", json!(300))]);
    assert_eq!(came(&round_trip(&mut phone, &mut server)), (0, [2, 3].as_slice()));
    stands_as_on(&phone, &server);
    phone.crash();
    assert_eq!(*phone.base.records(), server.visible_to(&inspector()), "it is stored as any state is");
}

#[test]
fn what_stood_before_the_push_or_stands_otherwise_comes_as_a_state() {
    let (mut server, mut phone) = (Server::new(), Phone::new(1, inspector()));
    phone.find(1, "a hazard");
    round_trip(&mut phone, &mut server);
    phone.edit(1, &[("funds", json!(300))]);
    assert_eq!(came(&round_trip(&mut phone, &mut server)), (1, [].as_slice()), "it stood before");

    phone.find(2, "found by a phone whose clock is ahead");
    phone.now_ms += 1;
    let request = serde_json::to_string(&phone.client.poll(phone.now_ms).unwrap()).unwrap();
    let answer = server.sync(&inspector(), &request, phone.now_ms - 1_000_000);
    phone.take(&answer, Link::Works);
    assert_eq!(came(&serde_json::from_str(&answer).unwrap()), (1, [].as_slice()), "its stamp was capped");
    stands_as_on(&phone, &server);
}

#[test]
fn a_version_that_was_put_aside_is_no_part_of_it() {
    let (mut server, mut phone) = (Server::new(), Phone::new(1, inspector()));
    phone.caller = caller(1, Role::Inspector, &[1, 2]);
    phone.write_in(village(2), 1, "hazard", &crate::server_in_memory::phone::hazard("elsewhere")).unwrap();
    phone.caller = inspector();
    phone.find(2, "at home");
    assert_eq!(came(&round_trip(&mut phone, &mut server)), (0, [2].as_slice()));
    assert!(phone.base.get(record(1)).is_none());
    stands_as_on(&phone, &server);
}

#[test]
fn a_version_of_the_record_itself_that_was_put_aside_is_no_part_of_it() {
    let (mut server, mut phone) = (Server::new(), Phone::new(1, inspector()));
    phone.find(1, "a hazard");
    phone.caller = caller(1, Role::Supervisor, &[]);
    phone.edit(1, &[("void", json!("by somebody who was a supervisor yesterday"))]);
    phone.caller = inspector();
    phone.edit(1, &[("funds", json!(300))]);
    assert_eq!(came(&round_trip(&mut phone, &mut server)), (0, [3].as_slice()));
    assert_eq!(server.quarantine().len(), 1);
    stands_as_on(&phone, &server);
}

#[test]
fn what_is_written_while_the_answer_is_on_its_way_is_no_part_of_it() {
    let (mut server, mut phone) = (Server::new(), Phone::new(1, inspector()));
    phone.find(1, "a hazard");
    phone.now_ms += 1;
    let request = serde_json::to_string(&phone.client.poll(phone.now_ms).unwrap()).unwrap();
    let answer = server.sync(&inspector(), &request, phone.now_ms);
    phone.edit(1, &[("funds", json!(300))]);
    phone.take(&answer, Link::Works);
    assert_eq!(came(&serde_json::from_str(&answer).unwrap()), (0, [1].as_slice()));
    stands_as_on(&phone, &server);
    assert_eq!(phone.view(1).unwrap().value("funds"), Some(&json!(300)));
}

#[test]
fn what_came_twice_is_told_twice() {
    let (mut server, mut phone) = (Server::new(), Phone::new(1, inspector()));
    phone.find(1, "a hazard");
    assert!(phone.round_trip(&mut server, &inspector(), Link::AnswerLost));
    phone.client.retry_now();
    assert_eq!(came(&round_trip(&mut phone, &mut server)), (0, [1].as_slice()));
    stands_as_on(&phone, &server);
}

#[test]
fn a_number_that_names_nothing_here_is_found_by_the_digest() {
    let (mut server, mut phone) = (Server::new(), Phone::new(1, inspector()));
    phone.find(1, "a hazard");
    phone.now_ms += 1;
    let request = serde_json::to_string(&phone.client.poll(phone.now_ms).unwrap()).unwrap();
    let answer = server.sync(&inspector(), &request, phone.now_ms);
    let wrong = answer.replace(r#""as_pushed":[1]"#, r#""as_pushed":[7]"#);
    assert_ne!(answer, wrong);
    phone.take(&wrong, Link::Works);
    assert!(!phone.client.is_proved_equal());
    phone.sync(&mut server);
    stands_as_on(&phone, &server);
}

#[test]
fn a_server_that_does_not_know_of_it_sends_the_states() {
    let (mut server, mut phone) = (Server::new(), Phone::new(1, inspector()));
    phone.find(1, "a hazard");
    phone.now_ms += 1;
    let request = serde_json::to_string(&phone.client.poll(phone.now_ms).unwrap()).unwrap();
    let earlier = request.replace(r#","as_pushed":true"#, "").replace(r#""as_pushed":true"#, "");
    assert_ne!(request, earlier);
    let answer = server.sync(&inspector(), &earlier, phone.now_ms);
    phone.take(&answer, Link::Works);
    assert_eq!(came(&serde_json::from_str(&answer).unwrap()), (1, [].as_slice()));
    stands_as_on(&phone, &server);
}
