//! 设置: what the township's office sets for itself and its phones: one record (`workdays::SETTING`), field by field.

use crate::schema::{Field, FieldType, Kind, Rule, Scope};

/// What a day may be against the week's habit. Of two readings that more days of work follow from, deadlines come earlier.
const DAYS: &[&str] = &["work", "rest"];
const DAY: FieldType = FieldType::Choice(DAYS);

/// The declaration. `days` are keyed by `YYYY-MM-DD`: holidays, and the days that make up for them (`workdays`). `must_settle`
/// names the fields of a hazard that are to be settled (`settled::MEMBERS`), `sectors` those in use; an empty list does not narrow.
pub(super) static SETTING: Kind = Kind {
    name: "setting",
    label: "设置",
    scope: Scope::Township,
    fields: &[
        Field::new("days", "节假日与调休", FieldType::Map(&DAY), Rule::Safest(DAYS)),
        Field::new("must_settle", "须落实的事项", FieldType::Set, Rule::Union),
        Field::new("sectors", "使用的行业领域", FieldType::Set, Rule::Union),
    ],
    one_of: &[],
};
