//! What a record shows: of the values that stand in a field the one that its declared rule names, whether a supervisor
//! is asked, whether the record is voided.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use crate::dots::VersionVector;
use crate::kinds;
use crate::record::{Record, Sibling};
use crate::schema::Rule;
use crate::version::{VOID, split_path};

/// What a field shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shown<'a> {
    /// The sibling that the rule names.
    pub sibling: Sibling<'a>,
    /// Whether distinct values stand and the rule asks a supervisor.
    pub in_conflict: bool,
}

/// Whether a record is voided (nothing is deleted: it stays, with its reason).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Voiding {
    /// It stands.
    Stands,
    /// Voided, with the reason, by somebody who had seen everything that is in it.
    Voided(String),
    /// It was voided, but holds a version that the one who voided it had not seen: it stands until that is decided.
    Revived(String),
}

impl Record {
    /// What a path shows by the rule declared for it; `None` when nothing was ever written there.
    #[must_use]
    pub fn shown(&self, path: &str) -> Option<Shown<'_>> {
        shown_by(self, path, kinds::rule(&self.kind, path))
    }

    /// The shown value of a path, when there is one and it is not cleared.
    #[must_use]
    pub fn value(&self, path: &str) -> Option<&Value> {
        self.shown(path).map(|shown| shown.sibling.value).filter(|value| !value.is_null())
    }

    /// The shown text of a path.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<&str> {
        self.value(path).and_then(Value::as_str)
    }

    /// The keys of a map field that show a value, or the members of a set field, in order.
    pub fn keys<'a>(&'a self, field: &'a str) -> impl Iterator<Item = &'a str> {
        self.paths().filter_map(move |path| {
            let (of, key) = split_path(path);
            let value = if of == field { self.value(path) } else { None }?;
            if *value == Value::Bool(false) { None } else { key }
        })
    }

    /// The paths on which distinct values stand under a rule that asks a supervisor, in order.
    pub fn conflicts(&self) -> impl Iterator<Item = &str> {
        self.paths_of_several().filter(|path| self.is_contested(path) && kinds::rule(&self.kind, path).is_reviewed())
    }

    /// Whether at least two distinct values stand at a path.
    #[must_use]
    pub fn is_contested(&self, path: &str) -> bool {
        let mut siblings = self.siblings(path);
        siblings.next().is_some_and(|first| siblings.any(|sibling| sibling.value != first.value))
    }

    /// Whether the record is voided. A version that the voider had not seen revives it: what was reported counts.
    #[must_use]
    pub fn voiding(&self) -> Voiding {
        let mut covered = VersionVector::new();
        let mut reason = None;
        for sibling in self.siblings(VOID).filter(|sibling| !sibling.value.is_null()) {
            covered.join(&sibling.authorship.context);
            covered.raise(sibling.dot);
            reason = reason.or_else(|| sibling.value.as_str());
        }
        match reason {
            None => Voiding::Stands,
            Some(reason) if !self.seen.has_gap() && covered.dominates(self.seen.context()) => {
                Voiding::Voided(reason.to_owned())
            }
            Some(reason) => Voiding::Revived(reason.to_owned()),
        }
    }

    /// Whether the record counts in the ledger.
    #[must_use]
    pub fn counts(&self) -> bool {
        !matches!(self.voiding(), Voiding::Voided(_))
    }
}

fn shown_by<'a>(record: &'a Record, path: &str, rule: Rule) -> Option<Shown<'a>> {
    let sibling = record.siblings(path).max_by(|a, b| {
        preference(rule, a.value, b.value)
            .then_with(|| a.authorship.stamp.cmp(&b.authorship.stamp))
            .then_with(|| a.dot.cmp(&b.dot))
    })?;
    Some(Shown { sibling, in_conflict: rule.is_reviewed() && record.is_contested(path) })
}

/// Which of two values the rule shows rather (the greater one); equal where only the stamps decide.
fn preference(rule: Rule, a: &Value, b: &Value) -> Ordering {
    match rule {
        Rule::Latest | Rule::Review => Ordering::Equal,
        Rule::Safest(order) => safety_rank(order, b).cmp(&safety_rank(order, a)),
        Rule::Earliest => a.is_null().cmp(&b.is_null()).reverse().then_with(|| scalar_cmp(b, a)),
        Rule::LatestDate => a.is_null().cmp(&b.is_null()).then_with(|| scalar_cmp(a, b)),
        Rule::Largest => a.is_null().cmp(&b.is_null()).reverse().then_with(|| scalar_cmp(a, b)),
        Rule::Union => (*a == Value::Bool(true)).cmp(&(*b == Value::Bool(true))),
    }
}

/// The place of a value in an order of safety: 0 is a value that this build does not know, then the words of the order. A
/// cleared value comes just before the safest word: who cleared it no longer says that all is well.
fn safety_rank(order: &[&str], value: &Value) -> usize {
    let word = match value {
        Value::Null => return order.len().saturating_mul(2).saturating_sub(1),
        Value::Bool(true) => "true",
        Value::Bool(false) => "false",
        Value::String(word) => word,
        Value::Number(_) | Value::Array(_) | Value::Object(_) => return 0,
    };
    order.iter().position(|known| *known == word).map_or(0, |place| place.saturating_add(1).saturating_mul(2))
}

fn scalar_cmp(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::String(a), Value::String(b)) => a.cmp(b),
        _ => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(Ordering::Equal),
        },
    }
}

/// The distinct values that stand at a path, as JSON text: what a conflict is about.
#[must_use]
pub fn distinct_values(record: &Record, path: &str) -> BTreeSet<String> {
    record.siblings(path).map(|sibling| sibling.value.to_string()).collect()
}
