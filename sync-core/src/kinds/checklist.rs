//! 检查表: what is looked at in a sector, item by item, with its legal basis.

use super::SECTORS;
use crate::schema::{Field, FieldType, Kind, Rule, Scope};

/// The declaration.
pub(super) static CHECKLIST: Kind = Kind {
    name: "checklist",
    label: "检查表",
    scope: Scope::Township,
    fields: &[
        Field::new("sector", "行业领域", FieldType::Choice(SECTORS), Rule::Review).required(),
        Field::new("title", "标题", FieldType::Text(120), Rule::Review).required(),
        Field::new("items", "检查项", FieldType::ChecklistItems, Rule::Review),
    ],
    one_of: &[],
};
