//! Stories of a hazard and the records that speak of it.

use serde_json::{Value, json};

use super::{NOW_MS, delta, record_id, replica, version};
use crate::session::Session;

/// From reported to closed and back, for a general and for a major hazard, with a voided fact and a later amendment.
pub fn statuses(session: &mut Session) {
    for (hazard, level) in [(1_u128, json!("general")), (2, json!("major")), (3, json!("unheard_of"))] {
        let changes = [("level", level), ("deadline", json!("2023-11-20"))];
        let reported = delta(&version("hazard", hazard, (1, 1), &[], &changes));
        let mut facts: Vec<String> = Vec::new();
        look(session, hazard, &reported, &facts);
        for fact in facts_of(hazard) {
            facts.push(fact);
            look(session, hazard, &reported, &facts);
        }
        let amended = version("reinspection", 40, (8, 2), &[(8, 1)], &[("result", json!("not_passed"))]);
        let last = facts.pop().unwrap();
        facts.push(session.ask("join", &[json!(last), json!(delta(&amended))]));
        look(session, hazard, &reported, &facts);
        let voided = version("order", 10, (7, 1), &[(2, 1)], &[("void", json!("wrong site"))]);
        facts[0] = session.ask("join", &[json!(facts[0]), json!(delta(&voided))]);
        look(session, hazard, &reported, &facts);
        facts.reverse();
        look(session, hazard, &reported, &facts);
    }
    for at_ms in [0_u64, 57_599_999, 57_600_000, NOW_MS, 951_782_400_000, 253_402_300_799_999, 9_007_199_254_740_991] {
        session.ask("townshipDate", &[json!(at_ms)]);
    }
    for (role, field) in [("inspector", "authority"), ("inspector", "result"), ("leader", "void"), ("admin", "at")] {
        session.ask("mayWrite", &[json!(role), json!("reinspection"), json!(field)]);
    }
    for id in [record_id(1), record_id(255), record_id(256)] {
        session.ask("bucket", &[json!(id)]);
    }
}

fn look(session: &mut Session, hazard: u128, reported: &str, facts: &[String]) {
    for today in ["2023-11-20", "2023-11-21"] {
        session.ask("standing", &[json!(reported), json!(facts), json!(today)]);
    }
    session.ask("toFollow", &[json!(record_id(hazard)), json!(facts)]);
    if let Some(last) = facts.last() {
        session.ask("hazardsNamed", &[json!(last)]);
    }
}

/// A village's report from its beginning to its acceptance, and what counts in its month.
pub fn months(session: &mut Session) {
    for month in ["2023-11", "2023-12", "of tomorrow"] {
        session.ask("reportId", &[json!(record_id(7)), json!(month)]);
        for today in ["2023-11-15", "2024-05-01"] {
            for closed in [json!(null), json!(NOW_MS + 86_400_000)] {
                let hazard = [json!(month), json!(today), json!(NOW_MS), json!(true), json!("2023-11-20"), closed];
                session.ask("countsIn", &hazard);
            }
            session
                .ask("countsIn", &[json!(month), json!(today), json!(NOW_MS), json!(null), json!(null), json!(null)]);
        }
    }
    session.call(None, "reportId", &[json!("no id"), json!("2023-11")]).unwrap_err();
    session.call(None, "reportState", &[json!("{}")]).unwrap_err();
    let mut seen: Vec<(u128, u64)> = Vec::new();
    let mut states: Vec<String> = Vec::new();
    let steps: [&[(&str, Value)]; 5] = [
        &[("month", json!("2023-11")), ("figures/inspections", json!(3))],
        &[("submitted_at", json!(NOW_MS))],
        &[("review", json!("returned")), ("review_remark", json!("次数不符"))],
        &[("figures/inspections", json!(4)), ("submitted_at", json!(NOW_MS + 1))],
        &[("review", json!("accepted"))],
    ];
    for (step, changes) in (1_u64..).zip(steps) {
        states.push(delta(&version("monthly_report", 60, (7, step), &seen, changes)));
        seen.push((7, step));
        let joined = super::join_all(session, &states);
        session.ask("reportState", &[json!(joined)]);
    }
}

/// A hazard is returned with a reason, answered, and settled.
pub fn returned(session: &mut Session) {
    session.call(None, "commentState", &[json!("{}")]).unwrap_err();
    let about = [("subject_kind", json!("hazard")), ("subject", json!(record_id(1))), ("at", json!(NOW_MS))];
    let steps: [&[(&str, Value)]; 3] = [
        &[&about[..], &[("reason", json!("没有照片"))]].concat(),
        &[("answer", json!("已补拍")), ("answered_at", json!(NOW_MS + 1))],
        &[("settled_at", json!(NOW_MS + 2))],
    ];
    let mut seen: Vec<(u128, u64)> = Vec::new();
    let mut states: Vec<String> = Vec::new();
    for (step, changes) in (1_u64..).zip(steps) {
        states.push(delta(&version("comment", 70, (7, step), &seen, changes)));
        seen.push((7, step));
        let joined = super::join_all(session, &states);
        session.ask("commentState", &[json!(joined)]);
    }
}

/// An order, its rectification, a failure, another rectification, an escalation, and a pass that follows all of it.
fn facts_of(hazard: u128) -> Vec<String> {
    let id = json!(record_id(hazard));
    let named = format!("hazards/{}", record_id(hazard));
    let order =
        [(named.as_str(), json!(true)), ("kind", json!("suspend_operations")), ("deadline", json!("2023-11-19"))];
    let done = [("hazard", id.clone()), ("done_at", json!(NOW_MS))];
    let mut follows: Vec<String> =
        [10, 20, 30, 21].iter().map(|number| format!("follows/{}", record_id(*number))).collect();
    follows.push(format!("follows/{}@{}.1", record_id(30), replica(4)));
    let failed =
        [("hazard", id.clone()), ("result", json!("not_passed")), ("at", json!(NOW_MS)), (&follows[1], json!(true))];
    let mut passed: Vec<(&str, Value)> = vec![
        ("hazard", id.clone()),
        ("result", json!("passed")),
        ("authority", json!("township")),
        ("at", json!(NOW_MS + 5)),
    ];
    passed.extend(follows.iter().map(|path| (path.as_str(), json!(true))));
    let escalated = [("hazard", id), ("to", json!("county")), ("opened_at", json!(NOW_MS))];
    [
        version("order", 10, (2, 1), &[], &order),
        version("rectification", 20, (3, 1), &[], &done),
        version("reinspection", 30, (4, 1), &[], &failed),
        version("rectification", 21, (5, 1), &[], &done),
        version("escalation", 50, (6, 1), &[], &escalated),
        version("reinspection", 40, (8, 1), &[], &passed),
    ]
    .iter()
    .map(delta)
    .collect()
}
