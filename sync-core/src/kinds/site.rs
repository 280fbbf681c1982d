//! 检查对象/危险源: a place that is inspected.

use super::SECTORS;
use crate::schema::{Field, FieldType, Kind, Rule, Scope};

/// The declaration.
pub(super) static SITE: Kind = Kind {
    name: "site",
    label: "检查对象",
    scope: Scope::VillageDirectory,
    fields: &[
        Field::new("name", "名称", FieldType::Text(120), Rule::Review).required(),
        Field::new("sector", "行业领域", FieldType::Choice(SECTORS), Rule::Review).required(),
        Field::new("category", "类别", FieldType::Text(60), Rule::Latest),
        Field::new("address", "地址", FieldType::Text(200), Rule::Review),
        Field::new("location", "位置", FieldType::Location, Rule::Latest),
        Field::new("responsible_person", "负责人", FieldType::Text(60), Rule::Review),
        Field::new("phone", "电话", FieldType::Text(40), Rule::Latest),
        Field::new("licence_no", "许可证号", FieldType::Text(80), Rule::Review),
        Field::new("licence_expires", "许可证有效期至", FieldType::Date, Rule::Earliest),
        Field::new("major_hazard_source", "重大危险源", FieldType::Boolean, Rule::Safest(&["true", "false"])),
        Field::new("warning_signs", "安全警示标志", FieldType::Boolean, Rule::Safest(&["false", "true"])),
        Field::new("fire_equipment", "消防器材", FieldType::Boolean, Rule::Safest(&["false", "true"])),
        Field::new(
            "status",
            "状态",
            FieldType::Choice(&["in_use", "idle", "closed"]),
            Rule::Safest(&["in_use", "idle", "closed"]),
        ),
    ],
    one_of: &[],
};
