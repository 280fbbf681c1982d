//! 隐患: a hazard as it was found. Its status is derived (`status`), never written here.

use super::SECTORS;
use crate::schema::{Field, FieldType, Kind, Rule, Scope};

/// 一般隐患 and 重大隐患, the less safe first.
const LEVELS: &[&str] = &["major", "general"];

/// The declaration. The six fields before the last are those of which the office has five settled (五落实): responsibility, measures,
/// funds, time limit, contingency plan; some regulations count the aim among them (`settled`). `same_as` names the hazard that
/// this one was found to be once more, when it is voided for that; `void_follows` the facts about it that whoever voided it had seen.
pub(super) static HAZARD: Kind = Kind {
    name: "hazard",
    label: "隐患",
    scope: Scope::Village,
    fields: &[
        Field::new("inspection", "检查记录", FieldType::Reference("inspection"), Rule::Latest),
        Field::new("site", "检查对象", FieldType::Reference("site"), Rule::Review),
        Field::new("sector", "行业领域", FieldType::Choice(SECTORS), Rule::Review).required(),
        Field::new("category", "隐患类别", FieldType::Text(60), Rule::Review),
        Field::new("level", "隐患等级", FieldType::Choice(LEVELS), Rule::Safest(LEVELS)).required(),
        Field::new("description", "隐患描述", FieldType::Text(4_000), Rule::Review).required(),
        Field::new("place", "隐患部位", FieldType::Text(200), Rule::Review),
        Field::new("location", "位置", FieldType::Location, Rule::Latest),
        Field::new("found_at", "发现时间", FieldType::Time, Rule::Earliest).required(),
        Field::new("found_by", "发现人", FieldType::Text(60), Rule::Review).required(),
        Field::new("suggested_measures", "整改建议", FieldType::Text(2_000), Rule::Review),
        Field::new("responsible", "整改责任人", FieldType::Text(120), Rule::Review),
        Field::new("measures", "整改措施", FieldType::Text(2_000), Rule::Review),
        Field::new("funds", "整改资金（元）", FieldType::Integer(0, 1_000_000_000_000), Rule::Largest),
        Field::new("deadline", "整改时限", FieldType::Date, Rule::Earliest),
        Field::new("contingency_plan", "应急预案", FieldType::Text(2_000), Rule::Review),
        Field::new("aim", "整改目标", FieldType::Text(2_000), Rule::Review),
        Field::new("same_as", "与之重复", FieldType::Reference("hazard"), Rule::Review),
        Field::new("void_follows", "作废依据", FieldType::Set, Rule::Union),
    ],
    one_of: &[],
};
