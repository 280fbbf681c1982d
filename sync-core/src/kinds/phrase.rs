//! 常用说法: a common wording of hazards of a sector, and what is usually asked for: chosen on phones, and edited then.

use super::SECTORS;
use crate::schema::{Field, FieldType, Kind, Rule, Scope};

/// The declaration.
pub(super) static PHRASE: Kind = Kind {
    name: "phrase",
    label: "常用说法",
    scope: Scope::Township,
    fields: &[
        Field::new("sector", "行业领域", FieldType::Choice(SECTORS), Rule::Review).required(),
        Field::new("description", "隐患描述", FieldType::Text(200), Rule::Review).required(),
        Field::new("measures", "整改建议", FieldType::Text(500), Rule::Review),
    ],
    one_of: &[],
};
