//! Clients and servers of other releases: one version older or newer goes on working, and nothing is lost between them. Old
//! messages as they stood on the wire are `wire`.

use crate::server_in_memory::phone::{Link, Phone, hazard, record};
use crate::server_in_memory::{Server, caller, village};
use serde_json::{Value, json};
use sync_core::client::Failure;
use sync_core::people::{Caller, Role};
use sync_core::protocol::{SyncAnswer, Verdict};
use sync_core::validate::RefusalCode;

/// What a release makes of a message of the other.
type Rewrite = fn(&mut Value);

fn inspector(number: u128) -> Caller {
    caller(number, Role::Inspector, &[1])
}

/// Syncs through two rewritings, until nothing is left to do.
fn sync(phone: &mut Phone, server: &mut Server, request: Rewrite, answer: Rewrite) {
    let who = phone.caller.clone();
    phone.client.want_pull();
    for _ in 0..60 {
        phone.now_ms += phone.client.wait_ms(phone.now_ms) + 1;
        let Some(sent) = phone.client.poll(phone.now_ms) else { return };
        // Versions travel as the bytes that they are; the rest of the request is rewritten around them.
        let mut text = serde_json::to_value(&sent).unwrap();
        request(&mut text);
        let mut back: Value = serde_json::from_str(&server.sync(&who, &text.to_string(), phone.now_ms)).unwrap();
        answer(&mut back);
        match serde_json::from_value::<SyncAnswer>(back.clone()) {
            Ok(_) => phone.take(&back.to_string(), Link::Works),
            Err(_) => drop(phone.client.handle_failure(Failure::Network, phone.now_ms)),
        }
    }
    panic!("never at rest");
}

fn as_it_is(_: &mut Value) {}

/// Members of the releases before there were digests and photo receipts are all that an old one knows.
fn without_the_new(message: &mut Value) {
    for member in ["compare", "photos_received", "photos_wanted"] {
        message.as_object_mut().unwrap().remove(member);
    }
    if let Some(pull) = message.get_mut("pull").and_then(Value::as_object_mut) {
        pull.remove("digest");
    }
}

/// Members of tomorrow, wherever an object of the protocol is.
fn with_more(message: &mut Value) {
    match message {
        Value::Array(items) => items.iter_mut().for_each(with_more),
        Value::Object(members) => {
            let data = ["fields", "overwritten", "seen", "marks", "context", "changes"];
            members
                .iter_mut()
                .filter(|(name, _)| !data.contains(&name.as_str()))
                .for_each(|(_, inner)| with_more(inner));
            members.insert("of_tomorrow".to_owned(), json!({"x": [1, null]}));
        }
        _ => {}
    }
}

#[test]
fn a_client_and_a_server_of_which_one_is_newer_bring_everything_across() {
    let releases: [(&str, Rewrite, Rewrite); 4] = [
        ("an old client", without_the_new, without_the_new),
        ("an old server", without_the_new, without_the_new),
        ("a new server", as_it_is, with_more),
        ("a new client", with_more_around, as_it_is),
    ];
    for (name, request, answer) in releases {
        let mut server = Server::new();
        let (mut one, mut two) = (Phone::new(1, inspector(1)), Phone::new(2, inspector(2)));
        for number in 0..6 {
            one.find(number, &format!("hazard {number}"));
        }
        one.add_photo(&"0f".repeat(32));
        sync(&mut one, &mut server, request, answer);
        two.find(9, "another");
        sync(&mut two, &mut server, request, answer);
        two.edit(3, &[("place", json!("a gate"))]);
        sync(&mut two, &mut server, request, answer);
        sync(&mut one, &mut server, request, answer);
        assert_eq!(server.taken.len(), 8, "{name}");
        for phone in [&one, &two] {
            assert!(phone.client.outbox().waiting().next().is_none(), "{name}");
            assert_eq!(*phone.base.records(), server.visible_to(&inspector(1)), "{name}");
        }
        assert_eq!(one.client.photos_unsent(), 1, "{name}: without a receipt its bytes are kept");
    }
}

/// Members of tomorrow around the versions of a request: their own bytes are not touched on the way.
fn with_more_around(request: &mut Value) {
    request["of_tomorrow"] = json!(true);
    for part in ["push", "pull"] {
        if let Some(part) = request.get_mut(part) {
            part["of_tomorrow"] = json!({"x": 1});
        }
    }
}

#[test]
fn verdicts_and_refusals_of_a_later_release_are_receipts_and_are_put_before_a_person() {
    fn tomorrow(answer: &mut Value) {
        let Some(outcomes) = answer.pointer_mut("/push/outcomes").and_then(Value::as_array_mut) else { return };
        for (at, outcome) in outcomes.iter_mut().enumerate() {
            match at {
                0 => outcome["verdict"] = json!("weighed"),
                1 => {
                    outcome["verdict"] = json!("quarantined");
                    outcome["refusal"] = json!({"code": "moon_phase", "detail": "not tonight", "of_tomorrow": 1});
                }
                _ => {}
            }
        }
    }
    let (mut server, mut phone) = (Server::new(), Phone::new(1, inspector(1)));
    let dots: Vec<_> = (0..3).map(|number| phone.find(number, "found")).collect();
    sync(&mut phone, &mut server, as_it_is, tomorrow);
    assert!(phone.client.outbox().waiting().next().is_none(), "nothing is sent again and again");
    let entry = |at: usize| phone.client.outbox().get(dots[at]).unwrap();
    assert!(entry(0).is_quarantined() && entry(1).is_quarantined() && !entry(2).is_quarantined());
    assert_eq!(phone.verdict(dots[0]), Some(Verdict::Later));
    let refusal = entry(1).outcome.clone().unwrap().refusal.unwrap();
    assert_eq!((refusal.code, refusal.detail.as_str()), (RefusalCode::Later, "not tonight"));
    assert!(phone.view(0).is_some(), "the feed has brought it: it was in the ledger after all");
    phone.free(dots[2]);
    assert!(phone.client.outbox().get(dots[0]).is_some(), "what nobody understood is not freed");
    phone.crash();
    assert_eq!(phone.verdict(dots[0]), Some(Verdict::Later), "it is stored and read again");
}

#[test]
fn kinds_and_fields_of_a_newer_client_pass_through_an_older_server_and_an_older_client_untouched() {
    let mut server = Server::new();
    let (mut newer, mut older) = (Phone::new(1, inspector(1)), Phone::new(2, inspector(2)));
    let mut changes = hazard("with more");
    changes.push(("of_tomorrow/key", json!({"a": [1, 2.5, null]})));
    newer.write_in(village(1), 1, "hazard", &changes).unwrap();
    newer.write_in(village(1), 2, "a_kind_of_tomorrow", &[("x", json!("y"))]).unwrap();
    newer.sync(&mut server);
    older.sync(&mut server);
    older.edit(1, &[("place", json!("edited by the older"))]);
    older.sync(&mut server);
    newer.sync(&mut server);
    let seen = newer.view(1).unwrap();
    assert_eq!(seen.value("of_tomorrow/key"), Some(&json!({"a": [1, 2.5, null]})));
    assert_eq!(seen.text("place"), Some("edited by the older"));
    assert_eq!(newer.base.get(record(2)).unwrap().text("x"), Some("y"));
    assert!(newer.client.is_proved_equal() && older.client.is_proved_equal());
}

#[test]
fn states_of_a_newer_server_that_this_client_would_write_otherwise_are_not_compared_for_ever() {
    fn more_in_states(answer: &mut Value) {
        for path in ["/pull/records", "/compare/states/records"] {
            let Some(records) = answer.pointer_mut(path).and_then(Value::as_array_mut) else { continue };
            records.iter_mut().for_each(|state| state["of_tomorrow"] = json!(1));
        }
        if let Some(digest) = answer.pointer_mut("/pull/digest") {
            digest["sum"] = json!("00000000000000ff");
        }
        if let Some(marks) = answer.pointer_mut("/compare/marks/marks").and_then(Value::as_object_mut) {
            marks.values_mut().for_each(|mark| *mark = json!("00000000000000ff"));
        }
    }
    let (mut server, mut phone) = (Server::new(), Phone::new(1, inspector(1)));
    phone.find(1, "one");
    for day in 0..5 {
        phone.find(10 + day, "of a day");
        sync(&mut phone, &mut server, as_it_is, more_in_states);
    }
    assert_eq!(*phone.base.records(), server.visible_to(&inspector(1)));
    assert!(phone.base.strays().is_empty());
}
