//! The derived status of a hazard where facts are in doubt: voided, revived, disputed, on the wrong authority. The chain
//! where nobody disagrees is `status`; random sets of facts are `status_safety`.

use crate::facts::{MARCH_1_MS, Story, record_id};
use serde_json::{Value, json};
use sync_core::ids::{RecordId, VillageId};
use sync_core::record::Record;
use sync_core::status::{Status, standing, to_void};
use sync_core::time::township_date;
use uuid::Uuid;

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
fn where_it_is_disputed_when_a_pass_was_it_was_the_latest() {
    let mut story = Story::found("general");
    let pass = story.reinspected("passed", &[]);
    let at = story.fact(pass).value("at").and_then(Value::as_u64).unwrap();
    let earlier = at - 40 * 86_400_000;
    story.edit_from(&Record::empty(pass, "reinspection", story.hazard.village), &[("at", json!(earlier))]);
    assert_eq!(story.fact(pass).value("at"), Some(&json!(earlier)), "what it shows");
    assert_eq!((story.standing().status, story.standing().closed_at_ms), (Status::Closed, Some(at)));
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
fn what_somebody_withdrew_is_no_safer_beside_another_who_says_again_that_all_is_well() {
    let mut story = Story::found("general");
    let pass = story.reinspected("passed", &[]);
    let before = story.fact(pass);
    story.edit_from(&before, &[("result", json!(null))]);
    story.edit_from(&before, &[("result", json!("passed"))]);
    assert_eq!(story.fact(pass).text("result"), None);
    assert_eq!(story.standing().status, Status::Reported, "one withdrew the pass, one wrote it again");

    let mut story = Story::found("general");
    let before = story.hazard.clone();
    story.edit_hazard(&before, &[("level", json!(null))]);
    story.edit_hazard(&before, &[("level", json!("general"))]);
    assert!(story.standing().is_major, "one cleared the level, one wrote general again");
    let blank = Record::empty(story.hazard.id, "hazard", story.hazard.village);
    story.edit_hazard(&blank, &[("level", json!("major"))]);
    assert_eq!(story.hazard.text("level"), Some("major"), "a word that says danger is shown rather than none");
}

#[test]
fn what_is_written_in_another_village_closes_and_rectifies_nothing_but_warns() {
    let here = Story::found("general");
    let elsewhere = Some(VillageId(Uuid::from_u128(0x78)));
    let from_there = |write: fn(&mut Story) -> RecordId| {
        let mut story = here.clone();
        write(&mut story);
        story.facts.iter_mut().for_each(|fact| fact.village = elsewhere);
        story.standing().status
    };
    assert_eq!(from_there(|story| story.reinspected("passed", &[])), Status::Reported);
    assert_eq!(from_there(Story::rectified), Status::Reported);
    assert_eq!(from_there(|story| story.order("time_limit", "2024-03-05")), Status::Ordered);
}

/// Voids the hazard, having seen all of it and these facts about it.
fn void(story: &mut Story, follows: &[Record]) {
    let seen = story.hazard.clone();
    let follows = to_void(story.hazard.id, follows).map(|key| (format!("void_follows/{key}"), json!(true)));
    let changes: Vec<(String, Value)> = follows.chain([("void".to_owned(), json!("entered by mistake"))]).collect();
    let changes: Vec<(&str, Value)> = changes.iter().map(|(path, value)| (path.as_str(), value.clone())).collect();
    story.edit_hazard(&seen, &changes);
}

#[test]
fn a_warning_that_the_one_who_voided_a_hazard_had_not_seen_revives_it() {
    let warnings: [fn(&mut Story) -> RecordId; 3] = [
        |story| story.reinspected("not_passed", &[]),
        |story| story.order("suspend_operations", "2024-03-05"),
        Story::escalated,
    ];
    for warn in warnings {
        let mut story = Story::found("general");
        story.order("time_limit", "2024-03-02");
        let before = story.facts.clone();
        void(&mut story, &before);
        assert!(story.standing().is_void);
        assert!(!story.standing().is_overdue("2024-03-09"), "what does not count is not late");
        story.rectified();
        story.reinspected("passed", &[]);
        assert!(story.standing().is_void, "what reassures revives nothing");
        let warned = warn(&mut story);
        assert!(!story.standing().is_void);
        assert!(story.standing().is_overdue("2024-03-09"));
        let all = story.facts.clone();
        void(&mut story, &all);
        assert!(story.standing().is_void, "and again by somebody who has seen it");
        if story.fact(warned).kind == "reinspection" {
            story.edit(warned, &[("result", json!("not_passed"))]);
            assert!(!story.standing().is_void, "it was found once more");
        }
        story.void(warned);
        assert!(story.standing().is_void, "what is voided itself warns of nothing");
    }
}

#[test]
fn a_hazard_that_was_voided_before_voidings_said_what_they_follow_stays_voided() {
    let mut story = Story::found("general");
    let seen = story.hazard.clone();
    story.edit_hazard(&seen, &[("void", json!("entered by mistake"))]);
    story.reinspected("not_passed", &[]);
    assert!(story.standing().is_void);
    assert!(!Story::found("general").standing().is_void);
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
    let paths = story.keys_at_first(fail);
    let changes: Vec<_> = paths.iter().map(|path| (path.as_str(), json!(true))).collect();
    story.edit(pass, &changes);
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
fn a_claim_of_the_township_that_somebody_took_back_closes_no_major_hazard() {
    for other in [json!(null), json!("village")] {
        let mut story = Story::found("major");
        let pass = story.reinspected_by("township", "passed", &[]);
        assert_eq!(story.standing().status, Status::Closed);
        let unseen = sync_core::record::Record::empty(pass, "reinspection", story.hazard.village);
        story.edit_from(&unseen, &[("authority", other)]);
        assert_eq!(story.standing().status, Status::Reported);
    }
}
