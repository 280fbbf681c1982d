//! 行政村: an administrative village, the scope of most records.

use crate::schema::{Field, FieldType, Kind, Rule, Scope};

/// The declaration.
pub(super) static VILLAGE: Kind = Kind {
    name: "village",
    label: "行政村",
    scope: Scope::Township,
    fields: &[
        Field::new("name", "村名", FieldType::Text(60), Rule::Review).required(),
        Field::new("code", "行政区划代码", FieldType::Text(20), Rule::Review).required(),
        Field::new("population", "人口", FieldType::Integer(0, 1_000_000), Rule::Latest),
        Field::new("households", "户数", FieldType::Integer(0, 1_000_000), Rule::Latest),
        Field::new("head", "村负责人", FieldType::Text(60), Rule::Latest),
        Field::new("phone", "电话", FieldType::Text(40), Rule::Latest),
        Field::new("location", "位置", FieldType::Location, Rule::Latest),
    ],
    one_of: &[],
};
