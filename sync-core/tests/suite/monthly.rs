//! The village's monthly report: one record for a village and a month, its state between village and office, and the
//! figures that the ledger fills in.

use serde_json::{Value, json};
use sync_core::ids::VillageId;
use sync_core::monthly::{FIGURES, MonthHazard, ReportState, counts_in, report_id, report_state};
use sync_core::record::Record;
use sync_core::time::{Ms, last_day};
use uuid::Uuid;

use crate::facts::{MARCH_1_MS, Story};

const DAY_MS: Ms = 86_400_000;

/// A report as the village begins it, in the story's only fact.
fn begun(changes: &[(&str, Value)]) -> (Story, sync_core::ids::RecordId) {
    let mut story = Story::found("general");
    let first = [("month", json!("2026-02")), ("figures/inspections", json!(3))];
    let report = story.record("monthly_report", &[&first[..], changes].concat());
    (story, report)
}

fn state(story: &Story, report: sync_core::ids::RecordId) -> ReportState {
    report_state(&story.fact(report))
}

#[test]
fn a_report_goes_from_its_draft_over_a_return_to_its_acceptance() {
    let (mut story, report) = begun(&[]);
    assert_eq!(state(&story, report), ReportState::Draft);
    story.edit(report, &[("submitted_at", json!(MARCH_1_MS))]);
    assert_eq!(state(&story, report), ReportState::Submitted);
    story.edit(report, &[("review", json!("returned")), ("review_remark", json!("检查次数与台账不符"))]);
    assert_eq!(state(&story, report), ReportState::Returned);
    story.edit(report, &[("figures/inspections", json!(4))]);
    assert_eq!(state(&story, report), ReportState::Returned, "corrected, and not yet submitted again");
    story.edit(report, &[("submitted_at", json!(MARCH_1_MS + 1))]);
    assert_eq!(state(&story, report), ReportState::Submitted);
    story.edit(report, &[("review", json!("accepted")), ("review_remark", json!(null))]);
    assert_eq!(state(&story, report), ReportState::Accepted);
    story.edit(report, &[("review_remark", json!("存档"))]);
    assert_eq!(state(&story, report), ReportState::Accepted, "a word of the office changes no figure");
}

#[test]
fn an_acceptance_holds_only_for_what_was_seen_and_undisputed() {
    let (mut story, report) = begun(&[("submitted_at", json!(MARCH_1_MS))]);
    let before = story.fact(report);
    story.edit(report, &[("review", json!("accepted"))]);
    let accepted = story.fact(report);
    // A phone without a network had corrected a figure meanwhile.
    story.edit_from(&before, &[("figures/inspections", json!(9))]);
    assert_eq!(state(&story, report), ReportState::Submitted);
    story.edit(report, &[("review", json!("accepted"))]);
    assert_eq!(state(&story, report), ReportState::Accepted);
    // Another desk had returned what the first one accepted.
    story.edit_from(&accepted, &[("review", json!("returned"))]);
    assert_eq!(state(&story, report), ReportState::Returned);
    story.edit(report, &[("review", json!("to_the_archive"))]);
    assert_eq!(state(&story, report), ReportState::Submitted, "a word of tomorrow is no acceptance");
}

#[test]
fn an_acceptance_that_another_desk_took_back_does_not_hold() {
    let (mut story, report) = begun(&[("submitted_at", json!(MARCH_1_MS))]);
    let before = story.fact(report);
    story.edit(report, &[("review", json!("accepted"))]);
    story.edit_from(&before, &[("review", json!(null))]);
    assert_eq!(state(&story, report), ReportState::Submitted);
    story.edit(report, &[("review", json!("accepted"))]);
    assert_eq!(state(&story, report), ReportState::Accepted);
}

#[test]
fn an_acceptance_does_not_hold_for_what_was_cleared_without_having_been_seen() {
    let (mut story, report) = begun(&[("submitted_at", json!(MARCH_1_MS))]);
    let before = story.fact(report);
    story.edit(report, &[("review", json!("accepted"))]);
    story.edit_from(&before, &[("figures/inspections", json!(null))]);
    assert_eq!(state(&story, report), ReportState::Submitted);
}

#[test]
fn a_figure_that_two_gave_apart_is_decided_before_it_is_accepted() {
    let (mut story, report) = begun(&[("submitted_at", json!(MARCH_1_MS))]);
    let nothing_seen = Record::empty(report, "monthly_report", story.hazard.village);
    story.edit_from(&nothing_seen, &[("figures/inspections", json!(1))]);
    story.edit(report, &[("review", json!("accepted"))]);
    assert_eq!(state(&story, report), ReportState::Submitted);
    story.edit(report, &[("figures/inspections", json!(3)), ("review", json!("accepted"))]);
    assert_eq!(state(&story, report), ReportState::Accepted);
    story.edit_from(&nothing_seen, &[("review_remark", json!("存档"))]);
    story.edit(report, &[("review", json!("accepted"))]);
    assert_eq!(state(&story, report), ReportState::Accepted, "the office's own words are no figures");
}

#[test]
fn a_state_is_written_by_its_name() {
    let states = [ReportState::Draft, ReportState::Submitted, ReportState::Returned, ReportState::Accepted];
    let names = states.map(ReportState::name);
    assert_eq!(names, ["draft", "submitted", "returned", "accepted"]);
    assert_eq!(json!(states), json!(names));
}

#[test]
fn a_return_does_not_hold_for_what_was_submitted_without_having_been_seen() {
    let (mut story, report) = begun(&[("submitted_at", json!(MARCH_1_MS))]);
    let before = story.fact(report);
    story.edit(report, &[("review", json!("returned"))]);
    story.edit_from(&before, &[("submitted_at", json!(MARCH_1_MS + 5))]);
    assert_eq!(state(&story, report), ReportState::Submitted);
    story.edit(report, &[("submitted_at", json!(null))]);
    assert_eq!(state(&story, report), ReportState::Draft, "taken back by the village");
}

#[test]
fn a_report_is_one_record_whoever_begins_it() {
    let village = VillageId(Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_000a));
    let id = report_id(village, "2026-02");
    assert_eq!(id, report_id(village, "2026-02"));
    assert_eq!(id.0.get_version_num(), 8);
    assert_ne!(id, report_id(village, "2026-03"));
    assert_ne!(id, report_id(VillageId(Uuid::from_u128(11)), "2026-02"));
    // Of `printf 'monthly_report\n01920000-0000-7000-8000-00000000000a\n2026-02\n' | sha256sum`, with version and variant.
    assert_eq!(id.to_string(), "eb19f582-eec7-83d5-ac55-fc6cf4935a3a");
    let (story, other) = begun(&[]);
    let mut both = Record::empty(other, "monthly_report", story.hazard.village);
    both.join(&story.fact(other));
    assert_eq!(report_state(&both), ReportState::Draft);
}

/// An inspection (`None`) or a hazard, and when it was inspected or found.
type Entry = (Ms, Option<MonthHazard<'static>>);

/// How many of these count in each figure, those left out that count nothing.
fn counted(month: &str, today: &str, entries: &[Entry]) -> Vec<(&'static str, usize)> {
    let counts: Vec<_> = entries.iter().map(|(at_ms, hazard)| counts_in(month, today, *at_ms, *hazard)).collect();
    let count = |place: usize| counts.iter().filter(|counts| counts[place]).count();
    FIGURES.iter().enumerate().map(|(place, name)| (*name, count(place))).filter(|(_, count)| *count > 0).collect()
}

fn hazard(at_ms: Ms, is_major: bool, deadline: Option<&'static str>, closed_at_ms: Option<Ms>) -> Entry {
    (at_ms, Some(MonthHazard { is_major, deadline, closed_at_ms }))
}

#[test]
fn figures_count_what_was_done_in_the_month_and_what_was_open_as_it_ended() {
    let midnight = 1_772_294_400_000; // 2026-03-01T00:00:00+08:00
    let entries = [
        (midnight - 1, None),
        (midnight - 28 * DAY_MS, None),
        (midnight - 28 * DAY_MS - 1, None),
        (midnight, None),
        // Found in February: closed in it, closed in March, open with a deadline before, on, and after its last day.
        hazard(midnight - 9 * DAY_MS, false, Some("2026-02-01"), Some(midnight - DAY_MS)),
        hazard(midnight - 9 * DAY_MS, true, None, Some(midnight)),
        hazard(midnight - 1, false, Some("2026-02-27"), None),
        hazard(midnight - 1, false, Some("2026-02-28"), None),
        hazard(midnight - 1, false, Some("2026-03-09"), None),
        // Found before and after.
        hazard(midnight - 40 * DAY_MS, true, Some("2026-02-10"), None),
        hazard(midnight, true, None, None),
    ];
    let february = [
        ("inspections", 2),
        ("sites_inspected", 2),
        ("hazards_found", 5),
        ("major_hazards_found", 1),
        ("hazards_closed", 1),
        ("hazards_open", 5),
        ("hazards_overdue", 2),
    ];
    assert_eq!(counted("2026-02", "2026-05-01", &entries), february);
    // Phones whose clocks were ahead have found what they found by today.
    let running = counted("2026-02", "2026-02-20", &entries);
    let of_hazards: Vec<usize> =
        running.into_iter().filter(|(name, _)| name.contains("hazards")).map(|(_, count)| count).collect();
    let by_today = [6, 2, 1, 7, 2];
    assert_eq!(of_hazards, by_today);
    assert_eq!(counted("2026-2", "2026-05-01", &entries), []);
}

#[test]
fn the_last_day_of_a_month_knows_leap_years() {
    let days = ["2026-01", "2026-04", "2026-02", "2024-02", "2100-02", "2000-02"].map(last_day);
    assert_eq!(days, ["2026-01-31", "2026-04-30", "2026-02-28", "2024-02-29", "2100-02-28", "2000-02-29"]);
}
