//! The record kinds: one file each, one word in the list here.

mod campaign;
mod checklist;
mod comment;
mod escalation;
mod hazard;
mod inspection;
mod monthly_report;
mod order;
mod photo;
mod phrase;
mod rectification;
mod reinspection;
mod setting;
mod site;
mod village;

use crate::schema::{Kind, Rule};
use crate::version::{VOID, split_path};

/// Every kind that this build knows, in the order of the domain's chapters.
pub const KINDS: &[&Kind] = &[
    &village::VILLAGE,
    &site::SITE,
    &checklist::CHECKLIST,
    &campaign::CAMPAIGN,
    &inspection::INSPECTION,
    &hazard::HAZARD,
    &order::ORDER,
    &rectification::RECTIFICATION,
    &reinspection::REINSPECTION,
    &escalation::ESCALATION,
    &photo::PHOTO,
    &monthly_report::MONTHLY_REPORT,
    &setting::SETTING,
    &phrase::PHRASE,
    &comment::COMMENT,
];

/// The sectors of safety work (行业领域).
pub const SECTORS: &[&str] = &[
    "road_traffic",
    "fire",
    "fireworks",
    "school",
    "hazardous_chemicals",
    "construction",
    "non_coal_mine",
    "coal_mine",
    "residential_area",
    "crowded_place",
    "gas",
    "agricultural_machinery",
    "water",
    "special_equipment",
    "other",
];

/// The declaration of a kind, if this build knows it.
#[must_use]
pub fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().copied().find(|kind| kind.name == name)
}

/// The merge rule of a path; what no declaration describes shows its latest value and asks nobody.
#[must_use]
pub fn rule(kind_name: &str, path: &str) -> Rule {
    let (field, _) = split_path(path);
    if field == VOID {
        return Rule::Latest;
    }
    kind(kind_name).and_then(|kind| kind.field(field)).map_or(Rule::Latest, |field| field.rule)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::FieldType;
    use std::collections::BTreeSet;

    #[test]
    fn names_of_kinds_and_fields_are_unique_and_in_snake_case() {
        let snake = |name: &str| name.chars().all(|c| c.is_ascii_lowercase() || c == '_') && !name.is_empty();
        let kinds: BTreeSet<_> = KINDS.iter().map(|kind| kind.name).collect();
        assert_eq!(kinds.len(), KINDS.len());
        for kind in KINDS {
            let fields: BTreeSet<_> = kind.fields.iter().map(|field| field.name).collect();
            assert_eq!(fields.len(), kind.fields.len(), "{}", kind.name);
            assert!(snake(kind.name) && fields.iter().all(|name| snake(name)), "{}", kind.name);
            assert!(!fields.contains(VOID), "{}", kind.name);
        }
    }

    #[test]
    fn every_reference_names_a_kind_and_every_group_names_fields() {
        for declared in KINDS {
            for field in declared.fields {
                if let FieldType::Reference(target) = field.ty {
                    assert!(kind(target).is_some(), "{}.{}", declared.name, field.name);
                }
            }
            for name in declared.one_of.iter().copied().flatten() {
                assert!(declared.field(name).is_some(), "{}.{name}", declared.name);
            }
        }
    }

    #[test]
    fn sets_merge_as_unions_and_orders_of_safety_name_declared_values() {
        for field in KINDS.iter().flat_map(|kind| kind.fields) {
            assert_eq!(field.ty == FieldType::Set, field.rule == Rule::Union, "{}", field.name);
            let value_type = if let FieldType::Map(inner) = field.ty { *inner } else { field.ty };
            if let (Rule::Safest(order), FieldType::Choice(words)) = (field.rule, value_type) {
                let ordered: BTreeSet<_> = order.iter().collect();
                assert_eq!(ordered, words.iter().collect(), "{}", field.name);
            }
        }
    }
}
