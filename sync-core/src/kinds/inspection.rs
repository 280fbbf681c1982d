//! 检查记录: one visit to a site or a free place.

use crate::schema::{Field, FieldType, Kind, Rule, Scope};

const ANSWER: FieldType = FieldType::Choice(&["fail", "pass", "not_applicable"]);

/// The declaration. Answers and notes are keyed by the code of the checklist item.
pub(super) static INSPECTION: Kind = Kind {
    name: "inspection",
    label: "检查记录",
    scope: Scope::Village,
    fields: &[
        Field::new("site", "检查对象", FieldType::Reference("site"), Rule::Review),
        Field::new("place", "检查地点", FieldType::Text(200), Rule::Review),
        Field::new("campaign", "专项行动", FieldType::Reference("campaign"), Rule::Latest),
        Field::new(
            "type",
            "检查类型",
            FieldType::Choice(&["routine", "campaign", "complaint", "follow_up", "other"]),
            Rule::Review,
        )
        .required(),
        Field::new("inspected_at", "检查时间", FieldType::Time, Rule::Review).required(),
        Field::new("inspectors", "检查人员", FieldType::Set, Rule::Union).required(),
        Field::new("lead", "带队领导", FieldType::Text(60), Rule::Latest),
        Field::new("location", "位置", FieldType::Location, Rule::Latest),
        Field::new("checklist", "检查表", FieldType::Reference("checklist"), Rule::Review),
        Field::new("answers", "检查结果", FieldType::Map(&ANSWER), Rule::Safest(&["fail", "not_applicable", "pass"])),
        Field::new("notes", "检查项备注", FieldType::Map(&FieldType::Text(500)), Rule::Review),
        Field::new("conclusion", "检查结论", FieldType::Text(2_000), Rule::Review),
        Field::new("signed_by", "现场签字人", FieldType::Text(60), Rule::Latest),
    ],
    one_of: &[&["site", "place"]],
};
