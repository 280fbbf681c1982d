//! What people write: the forms of a story's records, field by field, with few values, so that people meet.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sync_core::ids::RecordId;
use sync_core::people::Role;

use super::ids::record;
use super::story::{Flaw, Story};

/// When the story begins, ms since 1970.
pub(crate) const BEGIN_MS: u64 = 1_780_000_000_000;

/// When inspections may have been made, and which day that is in the township.
pub(crate) const INSPECTED: [(u64, &str); 4] = [
    (BEGIN_MS, "2026-05-29"),
    (BEGIN_MS + 5 * 86_400_000, "2026-06-03"),
    (BEGIN_MS, "2026-05-29"),
    (BEGIN_MS + 50 * 86_400_000, "2026-07-18"),
];

/// The month of every report.
pub(crate) const MONTH: &str = "2026-05";

/// Path → value.
pub(crate) type Changes = BTreeMap<String, Value>;

/// The fields of a kind that a role edits after the creation.
pub(crate) fn fields(kind: &str, role: Role) -> &'static [&'static str] {
    let inspector = role == Role::Inspector;
    match kind {
        "hazard" => &["level", "description", "place", "deadline", "funds", "level", "tomorrow/key", "measures"],
        "inspection" => {
            &["answers/3.2", "conclusion", "inspectors/李安全", "signed_by", "site", "inspected_at", "campaign"]
        }
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
        "comment" if inspector => &["answered_at", "answer", "text", "answered_at"],
        "comment" if role == Role::Leader => &["text"],
        "comment" => &["settled_at", "reason", "settled_at", "answered_at", "answer"],
        "site" => &["status", "name", "fire_equipment", "sector"],
        "campaign" => &["starts", "ends", "sectors", "sites", "title"],
        "setting" => &["must_settle", "days/2026-06-19", "must_settle"],
        "phrase" => &["measures", "description"],
        "checklist" => &["title", "items"],
        _ => &["altitude", "operator"],
    }
}

/// One of a few values of a field.
pub(crate) fn value(story: &Story, path: &str, choice: u8) -> Value {
    let choice = usize::from(choice);
    let word = |words: [&str; 4]| json!(words[choice % 4]);
    // One of the story's records of the kind that the path is named after.
    let named: Vec<usize> =
        story.slots.iter().enumerate().filter(|(_, slot)| slot.kind == path).map(|(at, _)| at).collect();
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
        "site" | "campaign" if named.is_empty() || choice % 4 == 3 => Value::Null,
        "hazard" | "site" | "campaign" if !named.is_empty() => json!(record(named[choice % named.len()])),
        "sector" => word(["fire", "gas", "fire", "gas"]),
        "answered_at" | "settled_at" => {
            [json!(BEGIN_MS + 3), json!(BEGIN_MS + 8), json!(BEGIN_MS + 3), Value::Null][choice % 4].clone()
        }
        "starts" => word(["2026-05-01", "2026-06-01", "2026-05-01", "2026-06-03"]),
        "ends" => word(["2026-05-31", "2026-06-30", "2026-06-30", "2026-05-29"]),
        "inspected_at" => json!(INSPECTED[choice % 4].0),
        "days/2026-06-19" => word(["rest", "work", "rest", "work"]),
        "items" => json!([{"code": "3.2", "text": word(["通道畅通", "灯亮", "门常闭", "栓有水"])}]),
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
        "inspection" => {
            let at_site = [at("site"), at("campaign")].into_iter().filter(|(_, value)| !value.is_null());
            let changes = [
                set("place", json!("老街 3 号")),
                set("type", json!("routine")),
                at("inspected_at"),
                set("inspectors/李安全", json!(true)),
            ];
            changes.into_iter().chain(at_site).collect()
        }
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
        kind => of_office(story, kind, about, choice, role),
    }
    .into_iter()
    .collect();
    if choice % 4 == 3 && story.slots[slot].kind == "hazard" {
        changes.insert("deadline".to_owned(), json!("2026-08-01"));
    }
    changes
}

/// What a new record of a kind holds that the office works with, or of one that nobody here knows.
fn of_office(story: &Story, kind: &str, about: RecordId, choice: u8, role: Role) -> Vec<(String, Value)> {
    let at = |path: &str| (path.to_owned(), value(story, path, choice));
    let set = |path: &str, value: Value| (path.to_owned(), value);
    match kind {
        "comment" => {
            let is_return = role == Role::Supervisor && choice < 3;
            let words = if is_return { at("reason") } else { set("text", json!("请说明")) };
            let subject = [set("subject_kind", json!("hazard")), set("subject", json!(about))];
            subject.into_iter().chain([set("at", json!(BEGIN_MS + 2)), words]).collect()
        }
        "site" => vec![set("name", json!("老街百货")), set("sector", json!("fire"))],
        "campaign" => vec![
            set("title", json!("消防专项")),
            set("type", json!("holiday")),
            at("starts"),
            at("ends"),
            (element(story, "sectors", choice), json!(true)),
        ],
        "setting" => vec![(element(story, "must_settle", choice), json!(true))],
        "phrase" => vec![at("sector"), set("description", json!("通道堆物")), at("measures")],
        "checklist" => vec![at("sector"), set("title", json!("消防检查表")), at("items")],
        _ => vec![at("altitude")],
    }
}

/// The path of one of a few elements of a set.
fn element(story: &Story, field: &str, choice: u8) -> String {
    let of = |kind: &str| value(story, kind, choice).as_str().unwrap_or("none").to_owned();
    let key = match field {
        "hazards" => of("hazard"),
        "sites" => of("site"),
        "sectors" => of("sector"),
        _ => ["funds", "deadline", "measures", "aim"][usize::from(choice % 4)].to_owned(),
    };
    format!("{field}/{key}")
}

/// What an edit changes.
pub(crate) fn edit(story: &Story, slot: usize, field: u8, choice: u8, role: Role, follows: &[String]) -> Changes {
    let kind = story.slots[slot].kind.as_str();
    let names = fields(kind, role);
    let name = names[usize::from(field) % names.len()];
    if ["hazards", "sectors", "sites", "must_settle"].contains(&name) {
        let which = if name == "hazards" { choice } else { field ^ choice };
        return Changes::from([(element(story, name, which), json!(!choice.is_multiple_of(3)))]);
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
    let has_sector = matches!(json["kind"].as_str()?, "hazard" | "site" | "phrase" | "checklist");
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
        // The township's own records have no village that could be another.
        Flaw::Village if json.get("village").is_none() => return None,
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
