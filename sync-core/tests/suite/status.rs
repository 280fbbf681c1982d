//! The derived status of a hazard along the core chain, rule by rule, as stories. What is disputed, voided or claimed by the
//! wrong people is `status_doubt`; random sets of facts are `status_safety`.

use crate::facts::{MARCH_1_MS, Story, record_id};
use serde_json::{Value, json};
use sync_core::status::{Status, hazard_field, hazards_named, to_follow};

#[test]
fn a_hazard_goes_from_reported_to_ordered_to_rectified_to_closed() {
    let mut story = Story::found("general");
    assert_eq!(story.standing().status, Status::Reported);
    let order = story.order("time_limit", "2024-03-31");
    assert_eq!(story.standing().status, Status::Ordered);
    let done = story.rectified();
    assert_eq!(story.standing().status, Status::Rectified);
    assert_eq!(story.standing().closed_at_ms, None);
    let pass = story.reinspected("passed", &[order, done]);
    assert_eq!(story.standing().status, Status::Closed);
    assert_eq!(story.standing().closed_at_ms, story.fact(pass).value("at").unwrap().as_u64());
}

#[test]
fn a_pass_closes_a_hazard_that_was_never_ordered() {
    let mut story = Story::found("general");
    story.reinspected("passed", &[]);
    assert_eq!(story.standing().status, Status::Closed);
}

#[test]
fn a_failed_reinspection_sends_the_hazard_back_to_its_order() {
    let mut story = Story::found("general");
    let order = story.order("time_limit", "2024-03-31");
    let done = story.rectified();
    story.reinspected("not_passed", &[order, done]);
    assert_eq!(story.standing().status, Status::Ordered, "the rectification is answered");
    story.rectified();
    assert_eq!(story.standing().status, Status::Rectified, "a new one awaits its re-inspection");
}

#[test]
fn a_failure_that_had_not_seen_the_rectification_leaves_it_awaiting() {
    let mut story = Story::found("general");
    story.rectified();
    story.reinspected("not_passed", &[]);
    assert_eq!(story.standing().status, Status::Rectified);
}

#[test]
fn a_failed_reinspection_reopens_a_closed_hazard_until_a_pass_that_follows_it() {
    let mut story = Story::found("general");
    let pass = story.reinspected("passed", &[]);
    let fail = story.reinspected("not_passed", &[pass]);
    assert_eq!(story.standing().status, Status::Reported);
    assert_eq!(story.standing().closed_at_ms, None, "what is open has no day of closure");
    let last = story.reinspected("passed", &[pass, fail]);
    assert_eq!(story.standing().status, Status::Closed);
    assert_eq!(story.standing().closed_at_ms, story.fact(last).value("at").unwrap().as_u64());
}

#[test]
fn a_pass_and_a_fail_made_concurrently_leave_the_hazard_open() {
    let mut story = Story::found("general");
    let order = story.order("time_limit", "2024-03-31");
    story.reinspected("passed", &[order]);
    story.reinspected("not_passed", &[order]);
    assert_eq!(story.standing().status, Status::Ordered);
}

#[test]
fn every_failure_must_be_answered_though_not_by_one_pass() {
    let mut story = Story::found("general");
    let fails = [story.reinspected("not_passed", &[]), story.reinspected("not_passed", &[])];
    story.reinspected("passed", &fails[..1]);
    assert_eq!(story.standing().status, Status::Reported);
    story.reinspected("passed", &fails[1..]);
    assert_eq!(story.standing().status, Status::Closed);
}

#[test]
fn a_pass_that_had_not_seen_an_order_does_not_answer_it() {
    let mut story = Story::found("general");
    story.reinspected("passed", &[]);
    let order = story.order("time_limit", "2024-03-31");
    assert_eq!(story.standing().status, Status::Ordered);
    story.reinspected("passed", &[order]);
    assert_eq!(story.standing().status, Status::Closed);
}

#[test]
fn operations_are_suspended_until_the_order_is_lifted() {
    let mut story = Story::found("general");
    story.order("time_limit", "2024-03-31");
    assert!(!story.standing().is_suspended);
    let order = story.order("suspend_operations", "2024-03-31");
    assert!(story.standing().is_suspended);
    story.reinspected("passed", &[order]);
    assert!(story.standing().is_suspended, "a pass does not lift");
    let seen = story.fact(order);
    story.edit_from(&seen, &[("lifted_at", json!(MARCH_1_MS))]);
    assert!(!story.standing().is_suspended);
    story.edit_from(&seen, &[("lifted_at", json!(null))]);
    assert!(story.standing().is_suspended, "one who had not seen the lifting says it is not lifted");
}

#[test]
fn one_lifted_order_does_not_lift_another() {
    let mut story = Story::found("general");
    let lifted = story.order("suspend_operations", "2024-03-31");
    story.order("suspend_operations", "2024-03-31");
    story.edit(lifted, &[("lifted_at", json!(MARCH_1_MS))]);
    assert!(story.standing().is_suspended);
}

#[test]
fn a_hazard_is_escalated_until_every_escalation_is_lifted() {
    let mut story = Story::found("major");
    assert!(!story.standing().is_escalated);
    let escalations = [story.escalated(), story.escalated()];
    story.edit(escalations[0], &[("lifted_at", json!(MARCH_1_MS))]);
    assert!(story.standing().is_escalated);
    story.edit(escalations[1], &[("lifted_at", json!(MARCH_1_MS))]);
    assert!(!story.standing().is_escalated);
}

#[test]
fn of_two_deadlines_the_earlier_counts_wherever_it_was_set() {
    let mut story = Story::found("general");
    assert_eq!(story.standing().deadline, None);
    let seen = story.hazard.clone();
    story.edit_hazard(&seen, &[("deadline", json!("2024-04-30"))]);
    assert_eq!(story.standing().deadline.as_deref(), Some("2024-04-30"));
    story.edit_hazard(&seen, &[("deadline", json!("2024-05-31"))]);
    assert_eq!(story.standing().deadline.as_deref(), Some("2024-04-30"), "two people, concurrently");
    let order = story.order("time_limit", "2024-03-31");
    assert_eq!(story.standing().deadline.as_deref(), Some("2024-03-31"));
    story.order("time_limit", "2024-12-31");
    assert_eq!(story.standing().deadline.as_deref(), Some("2024-03-31"));
    story.void(order);
    assert_eq!(story.standing().deadline.as_deref(), Some("2024-04-30"), "a voided order sets no deadline");
}

#[test]
fn facts_about_other_hazards_and_other_kinds_say_nothing() {
    let mut story = Story::found("general");
    let before = story.standing();
    let elsewhere = json!(record_id(999));
    story.record("reinspection", &[("hazard", elsewhere.clone()), ("result", json!("not_passed"))]);
    story.record("escalation", &[("hazard", elsewhere)]);
    story.record("photo", &[("subject", story.reference()), ("hazard", story.reference())]);
    assert_eq!(story.standing(), before);
    assert_eq!(hazard_field("photo"), None);
    assert!(hazards_named(&story.facts[2]).is_empty());
}

#[test]
fn a_hazard_taken_out_of_an_order_is_not_ordered() {
    let mut story = Story::found("general");
    let order = story.order("suspend_operations", "2024-03-31");
    let path = format!("hazards/{}", story.hazard.id);
    story.edit(order, &[(&path, json!(false))]);
    assert_eq!(story.standing().status, Status::Reported);
    assert_eq!(story.standing().deadline, None);
}

#[test]
fn a_new_reinspection_is_told_to_follow_everything_but_escalations() {
    let mut story = Story::found("general");
    let facts = [story.order("time_limit", "2024-03-31"), story.rectified(), story.reinspected("passed", &[])];
    let written = story.fact(facts[2]).siblings("result").next().unwrap().dot;
    story.escalated();
    story.record("reinspection", &[("hazard", json!(record_id(999)))]);
    story.void(facts[2]);
    let mut told: Vec<_> = to_follow(story.hazard.id, &story.facts).collect();
    told.sort();
    let mut expected: Vec<String> = facts.iter().map(ToString::to_string).collect();
    expected.push(format!("{}@{}.{}", facts[2], written.replica, written.seq));
    expected.sort();
    assert_eq!(told, expected);
}

#[test]
fn a_pass_does_not_answer_a_failure_that_was_written_into_a_reinspection_after_it() {
    let mut story = Story::found("general");
    let first = story.reinspected("passed", &[]);
    let second = story.reinspected("passed", &[first]);
    assert_eq!(story.standing().status, Status::Closed);
    story.edit(first, &[("result", json!("not_passed"))]);
    assert_eq!(story.standing().status, Status::Reported, "the second pass had seen another result");
    let keys: Vec<String> = to_follow(story.hazard.id, &story.facts).collect();
    assert!(keys.iter().any(|key| key.contains('@')), "{keys:?}");
    let third = story.reinspected("passed", &[first, second]);
    assert_eq!(story.standing().status, Status::Reported, "an id alone does not say which result was seen");
    let changes: Vec<(String, Value)> = keys.iter().map(|key| (format!("follows/{key}"), json!(true))).collect();
    let changes: Vec<(&str, Value)> = changes.iter().map(|(path, value)| (path.as_str(), value.clone())).collect();
    story.edit(third, &changes);
    assert_eq!(story.standing().status, Status::Closed);
}

#[test]
fn the_names_of_the_statuses_are_those_on_the_wire() {
    for status in Status::ALL {
        assert_eq!(json!(status), json!(status.name()));
    }
}
