//! 整改情况: what was done about a hazard.

use crate::schema::{Field, FieldType, Kind, Rule, Scope};

/// The declaration.
pub(super) static RECTIFICATION: Kind = Kind {
    name: "rectification",
    label: "整改情况",
    scope: Scope::Village,
    fields: &[
        Field::new("hazard", "隐患", FieldType::Reference("hazard"), Rule::Review).required(),
        Field::new("done_at", "整改完成时间", FieldType::Time, Rule::LatestDate).required(),
        Field::new("done_by", "整改人", FieldType::Text(60), Rule::Review).required(),
        Field::new("measures", "已采取的措施", FieldType::Text(2_000), Rule::Review).required(),
        Field::new("funds", "实际投入资金（元）", FieldType::Integer(0, 1_000_000_000_000), Rule::Largest),
    ],
    one_of: &[],
};
