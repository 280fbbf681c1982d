//! 挂牌督办/上报: a hazard put under the supervision of the township or the county.

use crate::schema::{Field, FieldType, Kind, Rule, Scope};

/// The declaration.
pub(super) static ESCALATION: Kind = Kind {
    name: "escalation",
    label: "挂牌督办",
    scope: Scope::Village,
    fields: &[
        Field::new("hazard", "隐患", FieldType::Reference("hazard"), Rule::Review).required(),
        Field::new("to", "督办层级", FieldType::Choice(&["county", "township"]), Rule::Safest(&["county", "township"]))
            .required(),
        Field::new("opened_at", "挂牌时间", FieldType::Time, Rule::Earliest).required(),
        Field::new("lifted_at", "摘牌时间", FieldType::Time, Rule::LatestDate),
    ],
    one_of: &[],
};
