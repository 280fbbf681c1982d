//! What follows from the township's setting: which members must be settled of a hazard, and which days are worked.

use serde_json::{Value, json};
use sync_core::ids::RecordId;
use sync_core::record::Record;
use sync_core::settled::{MEMBERS, asked_for, bits, missing};
use sync_core::workdays::{Calendar, Why};

use crate::facts::Story;

const USUAL: [&str; 5] = ["responsible", "measures", "funds", "deadline", "contingency_plan"];

fn set(changes: &[(&str, Value)]) -> (Story, RecordId) {
    let mut story = Story::found("general");
    let setting = story.record("setting", changes);
    (story, setting)
}

#[test]
fn the_members_that_the_office_chose_are_asked_for_in_their_order_and_else_the_five() {
    assert_eq!(asked_for(None), USUAL);
    let chosen = [("must_settle/aim", json!(true)), ("must_settle/funds", json!(true)), ("must_settle/x", json!(true))];
    let (mut story, setting) = set(&chosen);
    assert_eq!(asked_for(Some(&story.fact(setting))), ["funds", "aim"]);
    story.edit(setting, &[("must_settle/funds", json!(false))]);
    assert_eq!(asked_for(Some(&story.fact(setting))), ["aim"]);
    story.void(setting);
    assert_eq!(asked_for(Some(&story.fact(setting))), USUAL, "a voided setting counts for nothing");
    let (story, setting) = set(&[("must_settle/what_nobody_knows", json!(true))]);
    assert_eq!(asked_for(Some(&story.fact(setting))), USUAL);
}

#[test]
fn each_member_has_a_bit_the_first_the_lowest() {
    assert_eq!(bits(&[]), 0);
    assert_eq!(MEMBERS.iter().map(|member| bits(&[member])).collect::<Vec<_>>(), [1, 2, 4, 8, 16, 32]);
    assert_eq!(bits(&["deadline", "measures"]), 10);
    assert_eq!(bits(MEMBERS), 63);
}

/// What a hazard lacks once somebody who had seen nothing else of it wrote each of these.
fn lacks(edits: &[(&str, Value)]) -> Vec<&'static str> {
    let mut story = Story::found("general");
    for edit in edits {
        let nothing_seen = Record::empty(story.hazard.id, "hazard", story.hazard.village);
        story.edit_hazard(&nothing_seen, std::slice::from_ref(edit));
    }
    missing(&story.hazard, &story.standing())
}

#[test]
fn a_member_is_settled_where_something_is_given_and_nobody_clears_it() {
    assert_eq!(lacks(&[]), MEMBERS);
    let but = |settled: &str| MEMBERS.iter().copied().filter(|member| *member != settled).collect::<Vec<_>>();
    assert_eq!(lacks(&[("deadline", json!("2024-03-09"))]), but("deadline"));
    for (member, value) in [("measures", json!("清理")), ("funds", json!(300))] {
        assert_eq!(lacks(&[(member, value.clone())]), but(member));
        assert_eq!(lacks(&[(member, json!(null))]), MEMBERS, "cleared");
        assert_eq!(lacks(&[(member, json!(null)), (member, value.clone())]), MEMBERS, "cleared beside it");
        assert_eq!(lacks(&[(member, value), (member, json!(null))]), MEMBERS, "cleared beside it, later");
    }
}

#[test]
fn an_orders_deadline_counts_as_the_hazards() {
    let mut story = Story::found("general");
    story.order("time_limit", "2024-03-09");
    let lacking = missing(&story.hazard, &story.standing());
    assert_eq!(lacking, ["responsible", "measures", "funds", "contingency_plan", "aim"]);
}

#[test]
fn the_calendar_is_that_of_the_setting_as_long_as_it_stands() {
    // 2024-03-04 is a Monday.
    let days = [
        ("days/2024-03-04", json!("rest")),
        ("days/2024-03-05", json!("work")),
        ("days/2024-03-09", json!("work")),
        ("days/2024-03-10", json!("rest")),
    ];
    let (mut story, setting) = set(&days);
    let why = |story: &Story| {
        let calendar = Calendar::of(Some(&story.fact(setting)));
        ["2024-03-04", "2024-03-05", "2024-03-09", "2024-03-10"].map(|day| calendar.why(day).unwrap())
    };
    assert_eq!(why(&story), [Why::Holiday, Why::Weekday, Why::MakeUp, Why::Holiday]);
    let before = story.fact(setting);
    story.edit(setting, &[("days/2024-03-04", json!("rest"))]);
    story.edit_from(&before, &[("days/2024-03-04", json!("work"))]);
    assert_eq!(why(&story)[0], Why::Weekday, "where two say otherwise it is worked: deadlines come earlier");
    let (mut story, setting) = set(&days);
    story.void(setting);
    let calendar = Calendar::of(Some(&story.fact(setting)));
    assert_eq!(calendar, Calendar::of(None));
    assert_eq!(calendar.why("2024-03-09"), Some(Why::Weekend));
}

#[test]
fn days_are_listed_up_to_the_last_of_them() {
    let days = Calendar::default().days("2024-03-01", "2024-03-03", 400);
    let expected = [("2024-03-01", Why::Weekday), ("2024-03-02", Why::Weekend), ("2024-03-03", Why::Weekend)]
        .map(|(day, why)| (day.to_owned(), why));
    assert_eq!(days, expected);
}
