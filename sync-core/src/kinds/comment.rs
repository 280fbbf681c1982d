//! 批注与退回: what the office and the villages say to each other about a record. Where a return stands (open, answered,
//! settled) is derived (`comment`), never written here.

use crate::schema::{Field, FieldType, Kind, Rule, Scope};

/// The declaration. A comment with a reason is a return: the office wants the record corrected or explained.
pub(super) static COMMENT: Kind = Kind {
    name: "comment",
    label: "批注",
    scope: Scope::Village,
    fields: &[
        Field::new("subject_kind", "所属类型", FieldType::KindName, Rule::Review).required(),
        Field::new("subject", "所属记录", FieldType::AnyReference, Rule::Review).required(),
        Field::new("text", "批注", FieldType::Text(2_000), Rule::Review),
        Field::new("reason", "退回原因", FieldType::Text(2_000), Rule::Review),
        Field::new("by", "批注人", FieldType::Text(60), Rule::Latest),
        Field::new("at", "批注时间", FieldType::Time, Rule::Earliest).required(),
        Field::new("answer", "答复", FieldType::Text(2_000), Rule::Review),
        Field::new("answered_by", "答复人", FieldType::Text(60), Rule::Latest),
        Field::new("answered_at", "答复时间", FieldType::Time, Rule::Latest),
        Field::new("settled_at", "办结时间", FieldType::Time, Rule::LatestDate),
    ],
    one_of: &[&["text", "reason"]],
};
