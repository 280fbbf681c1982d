//! 专项行动: a campaign of inspections and the sites it means to reach.

use crate::schema::{Field, FieldType, Kind, Rule, Scope};

/// The declaration. `sectors` and `sites` together say what is to be visited; an empty list does not narrow.
pub(super) static CAMPAIGN: Kind = Kind {
    name: "campaign",
    label: "专项行动",
    scope: Scope::Township,
    fields: &[
        Field::new("title", "名称", FieldType::Text(120), Rule::Review).required(),
        Field::new(
            "type",
            "类型",
            FieldType::Choice(&["quarterly_dragnet", "weekly_special", "holiday", "safety_month", "other"]),
            Rule::Review,
        )
        .required(),
        Field::new("sectors", "行业领域", FieldType::Set, Rule::Union),
        Field::new("starts", "开始", FieldType::Date, Rule::Earliest).required(),
        Field::new("ends", "结束", FieldType::Date, Rule::LatestDate).required(),
        Field::new("lead", "带队领导", FieldType::Text(60), Rule::Review),
        Field::new("sites", "检查对象", FieldType::Set, Rule::Union),
    ],
    one_of: &[],
};
