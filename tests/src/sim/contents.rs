//! What people write: the forms of a story's records, field by field, with few values, so that people meet.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sync_core::people::Role;

use super::ids::record;
use super::story::{Flaw, Story};

/// When the story begins, ms since 1970.
pub(crate) const BEGIN_MS: u64 = 1_780_000_000_000;

/// The month of every report.
pub(crate) const MONTH: &str = "2026-05";

/// Path → value.
pub(crate) type Changes = BTreeMap<String, Value>;

/// The fields of a kind that a role edits after the creation.
pub(crate) fn fields(kind: &str, role: Role) -> &'static [&'static str] {
    let inspector = role == Role::Inspector;
    match kind {
        "hazard" => &["level", "description", "place", "deadline", "funds", "level", "tomorrow/key"],
        "inspection" => &["answers/3.2", "conclusion", "inspectors/李安全", "signed_by"],
        "rectification" => &["measures", "funds", "hazard", "done_at"],
        "reinspection" if inspector => &["result", "remark", "result", "hazard"],
        "reinspection" => &["result", "authority", "result", "hazard", "remark"],
        "order" if inspector => &["received_at"],
        "order" if role == Role::Leader => &["lifted_at"],
        "order" => &["deadline", "lifted_at", "kind", "requirements", "hazards"],
        "escalation" if role == Role::Leader => &["lifted_at"],
        "escalation" => &["lifted_at", "to"],
        "photo" => &["caption"],
        "monthly_report" if role == Role::Supervisor => &["review", "review_remark", "review", "figures/inspections"],
        "monthly_report" => &[
            "figures/inspections",
            "narrative",
            "submitted_at",
            "figures/accidents",
            "submitted_at",
            "month",
            "review",
        ],
        "site" => &["status", "name", "fire_equipment"],
        _ => &["altitude", "operator"],
    }
}

/// One of a few values of a field.
pub(crate) fn value(story: &Story, path: &str, choice: u8) -> Value {
    let choice = usize::from(choice);
    let word = |words: [&str; 4]| json!(words[choice % 4]);
    let hazards: Vec<usize> =
        story.slots.iter().enumerate().filter(|(_, slot)| slot.kind == "hazard").map(|(at, _)| at).collect();
    match path {
        "level" => word(["general", "major", "general", "major"]),
        "result" => word(["passed", "not_passed", "passed", "passed"]),
        "authority" => [json!("township"), json!("village"), json!("township"), Value::Null][choice % 4].clone(),
        "answers/3.2" => word(["pass", "fail", "not_applicable", "fail"]),
        "status" => word(["in_use", "idle", "closed", "in_use"]),
        "kind" => word(["time_limit", "suspend_operations", "on_the_spot", "time_limit"]),
        "to" => word(["township", "county", "township", "county"]),
        "deadline" => [json!("2026-06-01"), json!("2026-07-15"), json!("2027-01-31"), Value::Null][choice % 4].clone(),
        "lifted_at" | "received_at" => {
            [json!(BEGIN_MS + 1), json!(BEGIN_MS + 9_000_000), Value::Null, json!(BEGIN_MS + 2)][choice % 4].clone()
        }
        "submitted_at" => {
            [json!(BEGIN_MS + 1), json!(BEGIN_MS + 9), json!(BEGIN_MS + 5), Value::Null][choice % 4].clone()
        }
        "review" => [json!("accepted"), json!("returned"), json!("accepted"), Value::Null][choice % 4].clone(),
        // Of another month it would be another record.
        "month" => word([MONTH, MONTH, "2026-06", MONTH]),
        "figures/inspections" | "figures/accidents" => [json!(3), json!(4), json!(5), Value::Null][choice % 4].clone(),
        "done_at" => json!(BEGIN_MS + 1_000 * choice as u64 % 4),
        "funds" => [json!(100), json!(2_500), json!(7), Value::Null][choice % 4].clone(),
        "inspectors/李安全" | "fire_equipment" => json!(choice.is_multiple_of(2)),
        "hazard" if !hazards.is_empty() => json!(record(hazards[choice % hazards.len()])),
        "altitude" => json!({"m": choice % 4, "of": ["sea"]}),
        _ => [json!("甲"), json!("乙"), json!("丙"), Value::Null][choice % 4].clone(),
    }
}

/// What a new record holds. `follows` are the keys of what its author had seen, for re-inspections.
pub(crate) fn creation(story: &Story, slot: usize, choice: u8, role: Role, follows: &[String]) -> Changes {
    let about = record(story.slots[slot].about);
    let at = |path: &str| (path.to_owned(), value(story, path, choice));
    let set = |path: &str, value: Value| (path.to_owned(), value);
    let mut changes: Changes = match story.slots[slot].kind.as_str() {
        "hazard" => vec![
            set("sector", json!("fire")),
            at("level"),
            set("description", json!("二楼疏散通道堆放杂物")),
            set("found_at", json!(BEGIN_MS)),
            set("found_by", json!("李安全")),
        ],
        "inspection" => vec![
            set("place", json!("老街 3 号")),
            set("type", json!("routine")),
            set("inspected_at", json!(BEGIN_MS)),
            set("inspectors/李安全", json!(true)),
        ],
        "rectification" => vec![
            set("hazard", json!(about)),
            at("done_at"),
            set("done_by", json!("张店主")),
            set("measures", json!("已清理")),
        ],
        "reinspection" => {
            let mut changes = vec![
                set("hazard", json!(about)),
                set("at", json!(BEGIN_MS + 5)),
                set("by", json!("王所长")),
                at("result"),
            ];
            if role != Role::Inspector && choice != 3 {
                changes.push(set("authority", json!("township")));
            }
            changes.extend(follows.iter().map(|key| (format!("follows/{key}"), json!(true))));
            changes
        }
        "order" => vec![
            set("number", json!("青安改〔2026〕1 号")),
            (format!("hazards/{about}"), json!(true)),
            at("kind"),
            set("issued_at", json!(BEGIN_MS)),
            set("issuer", json!("镇安监办")),
            set("recipient", json!("老街百货")),
            set("deadline", json!("2026-07-01")),
        ],
        "escalation" => vec![set("hazard", json!(about)), at("to"), set("opened_at", json!(BEGIN_MS))],
        "photo" => vec![
            set("subject_kind", json!("hazard")),
            set("subject", json!(about)),
            set("hash", json!(super::photos::hash_of(slot).to_string())),
            set("bytes", json!(super::photos::bytes_of(slot).len())),
            set("role", json!("before")),
        ],
        "monthly_report" => {
            let submitted = choice.is_multiple_of(2).then(|| at("submitted_at"));
            [set("month", json!(MONTH)), at("figures/inspections")].into_iter().chain(submitted).collect()
        }
        "site" => vec![set("name", json!("老街百货")), set("sector", json!("fire"))],
        _ => vec![at("altitude")],
    }
    .into_iter()
    .collect();
    if choice % 4 == 3 && story.slots[slot].kind == "hazard" {
        changes.insert("deadline".to_owned(), json!("2026-08-01"));
    }
    changes
}

/// What an edit changes.
pub(crate) fn edit(story: &Story, slot: usize, field: u8, choice: u8, role: Role, follows: &[String]) -> Changes {
    let kind = story.slots[slot].kind.as_str();
    let names = fields(kind, role);
    let name = names[usize::from(field) % names.len()];
    if name == "hazards" {
        let Value::String(hazard) = value(story, "hazard", choice) else { return Changes::new() };
        return Changes::from([(format!("hazards/{hazard}"), json!(!choice.is_multiple_of(3)))]);
    }
    let mut changes = Changes::from([(name.to_owned(), value(story, name, choice))]);
    // Somebody who says "passed" now has seen what there is now; a township that does so claims it again.
    if name == "result" && choice.is_multiple_of(2) {
        changes.extend(follows.iter().map(|key| (format!("follows/{key}"), json!(true))));
        if role != Role::Inspector {
            changes.insert("authority".to_owned(), json!("township"));
        }
    }
    // A form may be saved with two fields changed.
    if field > 200 && kind == "hazard" {
        changes.insert("place".to_owned(), value(story, "place", choice));
    }
    changes
}

/// The version as a faulty client writes it: its JSON with the flaw. `None`: this flaw does not fit this version.
pub(crate) fn spoil(version: &str, flaw: Flaw) -> Option<String> {
    let mut json: Value = serde_json::from_str(version).ok()?;
    let creates = json.get("context").is_none();
    let has_sector = matches!(json["kind"].as_str()?, "hazard" | "site");
    match flaw {
        Flaw::Value | Flaw::Missing | Flaw::Path if !has_sector => return None,
        Flaw::Value => json["changes"]["sector"] = json!("no such sector"),
        Flaw::Path => json["changes"]["sector/key"] = json!("x"),
        Flaw::Missing if creates => {
            json["changes"].as_object_mut()?.remove("sector")?;
        }
        Flaw::Missing => return None,
        Flaw::Author => json["author"] = json!(super::ids::account(99)),
        Flaw::Kind if !creates => json["kind"] = json!("drone_survey"),
        Flaw::Kind => return None,
        Flaw::Village if !creates => json["village"] = json!(super::ids::village(77)),
        Flaw::Village => return None,
        Flaw::Context => {
            let (replica, seq) = (json["dot"][0].as_str()?.to_owned(), json["dot"][1].clone());
            json["context"][replica] = seq;
        }
        Flaw::Shape => {
            json.as_object_mut()?.remove("stamp");
        }
    }
    Some(json.to_string())
}
