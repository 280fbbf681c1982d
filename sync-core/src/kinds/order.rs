//! 整改指令书: the office's order to rectify one or more hazards.

use crate::schema::{Field, FieldType, Kind, Rule, Scope};

/// The declaration. `received_at` is the receipt (送达签收); `lifted_at` ends a suspension of operations;
/// `signed_off_by` and `signed_off_at` are a leader's approval.
pub(super) static ORDER: Kind = Kind {
    name: "order",
    label: "整改指令书",
    scope: Scope::Village,
    fields: &[
        Field::new("number", "文号", FieldType::Text(60), Rule::Review).required(),
        Field::new("hazards", "隐患", FieldType::Set, Rule::Union).required(),
        Field::new(
            "kind",
            "整改方式",
            FieldType::Choice(&["suspend_operations", "time_limit", "on_the_spot"]),
            Rule::Safest(&["suspend_operations", "time_limit", "on_the_spot"]),
        )
        .required(),
        Field::new("issued_at", "下达时间", FieldType::Time, Rule::Earliest).required(),
        Field::new("issuer", "签发人", FieldType::Text(60), Rule::Review).required(),
        Field::new("recipient", "被通知单位", FieldType::Text(120), Rule::Review).required(),
        Field::new("requirements", "整改要求", FieldType::Text(4_000), Rule::Review),
        Field::new("deadline", "整改期限", FieldType::Date, Rule::Earliest).required(),
        Field::new("received_at", "送达签收时间", FieldType::Time, Rule::Earliest),
        Field::new("lifted_at", "解除停产停业时间", FieldType::Time, Rule::LatestDate),
        Field::new("signed_off_by", "审批领导", FieldType::Text(60), Rule::Review),
        Field::new("signed_off_at", "审批时间", FieldType::Time, Rule::LatestDate),
    ],
    one_of: &[],
};
