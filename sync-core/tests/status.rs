//! The derived status of a hazard, rule by rule, as stories. Random sets of facts are `status_safety`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    missing_docs,
    reason = "tests"
)]

mod facts;

use facts::{MARCH_1_MS, Story, record_id};
use serde_json::json;
use sync_core::status::{Status, hazard_field, hazards_named, standing, to_follow};
use sync_core::time::township_date;

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
fn one_reinspection_on_which_pass_and_fail_stand_reads_as_failed() {
    let mut story = Story::found("general");
    let pass = story.reinspected("passed", &[]);
    let blank = sync_core::record::Record::empty(pass, "reinspection", story.hazard.village);
    story.edit_from(&blank, &[("result", json!("not_passed"))]);
    assert_eq!(story.standing().status, Status::Reported);
}

#[test]
fn a_reinspection_with_a_result_of_tomorrow_or_without_one_does_not_close() {
    for result in [json!("passed_with_remarks"), json!(null)] {
        let mut story = Story::found("general");
        let pass = story.reinspected("passed", &[]);
        story.edit(pass, &[("result", result.clone())]);
        assert_eq!(story.standing().status, Status::Reported, "{result}");
    }
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
fn a_major_hazard_is_closed_by_the_township_alone() {
    let mut story = Story::found("major");
    let village = story.reinspected("passed", &[]);
    assert!(story.standing().is_major);
    assert_eq!(story.standing().status, Status::Reported);
    story.edit(village, &[("authority", json!(null))]);
    assert_eq!(story.standing().status, Status::Reported, "no authority is not the township's");
    story.reinspected_by("township", "passed", &[village]);
    assert_eq!(story.standing().status, Status::Closed);
}

#[test]
fn a_township_pass_closes_a_general_hazard_too() {
    let mut story = Story::found("general");
    story.reinspected_by("township", "passed", &[]);
    assert_eq!(story.standing().status, Status::Closed);
}

#[test]
fn a_village_pass_does_not_answer_a_failure_of_a_major_hazard() {
    let mut story = Story::found("major");
    let fail = story.reinspected("not_passed", &[]);
    story.reinspected_by("township", "passed", &[]);
    story.reinspected("passed", &[fail]);
    assert_eq!(story.standing().status, Status::Reported);
}

#[test]
fn a_level_raised_after_closure_by_the_village_reopens() {
    let mut story = Story::found("general");
    story.reinspected("passed", &[]);
    let seen = story.hazard.clone();
    story.edit_hazard(&seen, &[("level", json!("major"))]);
    assert_eq!(story.standing().status, Status::Reported);
}

#[test]
fn a_hazard_whose_level_is_in_doubt_reads_as_major() {
    for level in [json!("major"), json!("catastrophic"), json!(null)] {
        let mut story = Story::found("general");
        let seen = story.hazard.clone();
        story.edit_hazard(&seen, &[("level", level.clone())]);
        assert!(story.standing().is_major, "{level}");
    }
    let mut story = Story::found("general");
    let blank = sync_core::record::Record::empty(story.hazard.id, "hazard", story.hazard.village);
    story.edit_hazard(&blank, &[("level", json!("major"))]);
    assert!(story.standing().is_major, "general against major");
    assert!(!Story::found("general").standing().is_major);
}

#[test]
fn an_edit_on_top_of_the_townships_reinspection_is_not_the_townships_word() {
    let edits: [(&str, &str); 2] = [("not_passed", "passed"), ("passed", "passed")];
    for (first, edited) in edits {
        let mut story = Story::found("major");
        let inspection = story.reinspected_by("township", first, &[]);
        story.edit(inspection, &[("result", json!(edited))]);
        assert_eq!(story.standing().status, Status::Reported, "{first} → {edited}");
        story.edit(inspection, &[("authority", json!("township"))]);
        assert_eq!(story.standing().status, Status::Closed, "the township has seen the edit and says so");
    }
}

#[test]
fn a_township_pass_is_not_turned_to_another_major_hazard_by_an_edit() {
    let mut story = Story::found("major");
    let pass = story.reinspected_by("township", "passed", &[]);
    let here = story.reference();
    story.edit(pass, &[("hazard", json!(record_id(999))), ("authority", json!("township"))]);
    story.edit(pass, &[("hazard", here)]);
    assert_eq!(story.standing().status, Status::Reported);
}

#[test]
fn an_edit_does_not_make_a_township_pass_answer_a_failure_that_the_township_had_not_seen() {
    let mut story = Story::found("major");
    let pass = story.reinspected_by("township", "passed", &[]);
    let fail = story.reinspected("not_passed", &[]);
    story.edit(pass, &[(&format!("follows/{fail}"), json!(true))]);
    assert_eq!(story.standing().status, Status::Reported);
}

#[test]
fn authority_on_which_village_and_township_stand_reads_as_the_villages() {
    let mut story = Story::found("major");
    let pass = story.reinspected_by("township", "passed", &[]);
    let blank = sync_core::record::Record::empty(pass, "reinspection", story.hazard.village);
    story.edit_from(&blank, &[("authority", json!("village"))]);
    assert_eq!(story.standing().status, Status::Reported);
}

#[test]
fn a_pass_whose_following_is_disputed_does_not_answer() {
    let mut story = Story::found("general");
    let fail = story.reinspected("not_passed", &[]);
    let pass = story.reinspected("passed", &[fail]);
    let (seen, path) = (story.fact(pass), format!("follows/{fail}"));
    story.edit_from(&seen, &[(&path, json!(false))]);
    assert_eq!(story.standing().status, Status::Reported, "taken back");
    story.edit_from(&seen, &[(&path, json!(true))]);
    assert_eq!(story.standing().status, Status::Reported, "taken back by one, repeated by another who had not seen it");
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
fn an_order_on_which_suspension_and_anything_else_stand_suspends() {
    for other in ["time_limit", "a_kind_of_tomorrow"] {
        let mut story = Story::found("general");
        let order = story.order("suspend_operations", "2024-03-31");
        let blank = sync_core::record::Record::empty(order, "order", story.hazard.village);
        story.edit_from(&blank, &[("kind", json!(other))]);
        assert!(story.standing().is_suspended, "{other}");
    }
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
fn a_hazard_is_overdue_from_the_day_after_its_deadline_in_the_townships_calendar() {
    let mut story = Story::found("general");
    let order = story.order("time_limit", "2024-02-29");
    let open = story.standing();
    let last_ms = MARCH_1_MS - 1;
    assert_eq!((township_date(last_ms).as_str(), township_date(MARCH_1_MS).as_str()), ("2024-02-29", "2024-03-01"));
    assert!(!open.is_overdue(&township_date(last_ms)), "not on the day itself, to its last millisecond");
    assert!(open.is_overdue(&township_date(MARCH_1_MS)));
    assert!(open.is_overdue("2025-01-01"));
    story.reinspected("passed", &[order]);
    assert!(!story.standing().is_overdue("2025-01-01"), "what is closed is not overdue");
    assert!(!Story::found("general").standing().is_overdue("2025-01-01"), "without a deadline nothing is");
}

#[test]
fn a_voided_pass_does_not_close() {
    let mut story = Story::found("general");
    let pass = story.reinspected("passed", &[]);
    story.void(pass);
    assert_eq!(story.standing().status, Status::Reported);
}

#[test]
fn a_voided_failure_and_a_voided_order_do_not_keep_open() {
    let mut story = Story::found("general");
    let adverse = [story.reinspected("not_passed", &[]), story.order("suspend_operations", "2024-03-31")];
    let escalation = story.escalated();
    story.reinspected("passed", &[]);
    assert_eq!(story.standing().status, Status::Ordered);
    for fact in [adverse[0], adverse[1], escalation] {
        story.void(fact);
    }
    let standing = story.standing();
    assert_eq!((standing.status, standing.is_suspended, standing.is_escalated), (Status::Closed, false, false));
}

#[test]
fn a_revived_failure_order_and_escalation_count() {
    let mut story = Story::found("general");
    let fail = story.reinspected("not_passed", &[]);
    story.reinspected("passed", &[]);
    story.void_and_revive(fail);
    assert_eq!(story.standing().status, Status::Reported);
    let order = story.order("suspend_operations", "2024-03-31");
    let escalation = story.escalated();
    story.void_and_revive(order);
    story.void_and_revive(escalation);
    let standing = story.standing();
    assert!(standing.is_suspended && standing.is_escalated);
    assert_eq!(standing.deadline.as_deref(), Some("2024-03-31"));
}

#[test]
fn a_revived_pass_and_a_revived_rectification_do_not_count_until_the_voiding_is_taken_back() {
    let mut story = Story::found("general");
    let done = story.rectified();
    story.void_and_revive(done);
    assert_eq!(story.standing().status, Status::Reported);
    let pass = story.reinspected("passed", &[]);
    story.void_and_revive(pass);
    assert_eq!(story.standing().status, Status::Reported, "a supervisor overruled the pass, and nobody has him");
    story.edit(done, &[("void", json!(null))]);
    assert_eq!(story.standing().status, Status::Rectified);
    story.edit(pass, &[("void", json!(null))]);
    assert_eq!(story.standing().status, Status::Closed);
}

#[test]
fn a_disputed_reference_to_the_hazard_counts_against_both_and_for_none() {
    let mut story = Story::found("general");
    let pass = story.reinspected("passed", &[]);
    let other = {
        let mut other = story.hazard.clone();
        other.id = record_id(999);
        other
    };
    story.dispute(pass);
    assert_eq!(story.standing().status, Status::Reported, "a pass for neither");
    assert_eq!(standing(&other, &story.facts).status, Status::Reported);
    let mut story = Story::found("general");
    story.reinspected("passed", &[]);
    let fail = story.reinspected("not_passed", &[]);
    let (done, escalation) = (story.rectified(), story.escalated());
    for fact in [fail, done, escalation] {
        story.dispute(fact);
    }
    assert_eq!(story.standing().status, Status::Reported, "a failure for both, a rectification for none");
    assert!(story.standing().is_escalated && standing(&other, &story.facts).is_escalated);
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
    let mut expected =
        vec![story.order("time_limit", "2024-03-31"), story.rectified(), story.reinspected("passed", &[])];
    story.escalated();
    story.record("reinspection", &[("hazard", json!(record_id(999)))]);
    story.void(expected[2]);
    let mut told: Vec<_> = to_follow(story.hazard.id, &story.facts).collect();
    (told.sort(), expected.sort());
    assert_eq!(told, expected);
}

#[test]
fn the_names_of_the_statuses_are_those_on_the_wire() {
    for status in Status::ALL {
        assert_eq!(json!(status), json!(status.name()));
    }
}
