//! Whether a version can be merged at all: its shape and its values against the declaration of its kind.
//! Who may write it is `permissions`; what happens with one that cannot be merged is `decision`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::RecordId;
use crate::kinds;
use crate::limits::{
    CHANGES_MAX, CONTEXT_REPLICAS_MAX, KIND_CHARS_MAX, PATH_BYTES_MAX, REFUSAL_DETAIL_CHARS_MAX, SEQ_MAX, TIME_MS_MAX,
    VALUE_DEPTH_MAX,
};
use crate::monthly::{named_month, report_id};
use crate::schema::{FieldType, Kind, Scope};
use crate::time::{is_date, is_month};
use crate::version::{VOID, Version, split_path};

/// Why a version was quarantined: a stable code, the field where there is one, and words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Refusal {
    /// The stable code.
    pub code: RefusalCode,
    /// The path of the change at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What is wrong, in words.
    pub detail: String,
}

/// The stable codes of [`Refusal`] (protocol: Quarantine).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum RefusalCode {
    /// The bytes are not a version.
    Malformed,
    /// A limit of the protocol is exceeded.
    TooLarge,
    /// The dot is not the one that its place in the batch gives it.
    DotMismatch,
    /// The context claims writes of the author's own that were not written yet.
    ContextImpossible,
    /// The author is not the account that sent it.
    AuthorMismatch,
    /// The record exists with another kind.
    KindMismatch,
    /// The record exists in another village.
    VillageMismatch,
    /// A village is missing, or given where there is none.
    ScopeMismatch,
    /// The village is not the caller's.
    OutOfScope,
    /// The role may not write this.
    NotPermitted,
    /// Distinct values stand there, and only a supervisor decides between them.
    SupervisorDecides,
    /// The path is not one of a field.
    PathInvalid,
    /// A required field is missing.
    FieldRequired,
    /// The value has the wrong type.
    FieldType,
    /// The value lies outside its range, list or length.
    FieldRange,
    /// A code of a later release: a refusal like the others, with its words. Written as `later`.
    #[serde(other)]
    Later,
}

impl Refusal {
    /// A refusal of the whole version.
    #[must_use]
    pub fn new(code: RefusalCode, detail: impl Into<String>) -> Self {
        Self { code, field: None, detail: detail.into() }
    }

    /// A refusal of one change.
    #[must_use]
    pub fn at(code: RefusalCode, path: &str, detail: impl Into<String>) -> Self {
        Self { code, field: Some(path.to_owned()), detail: detail.into() }
    }

    /// The refusal as far as it may be kept when somebody else brings it: at most [`REFUSAL_DETAIL_CHARS_MAX`] characters of
    /// words, and a path that could be one.
    #[must_use]
    pub fn clipped(self) -> Self {
        let detail = match self.detail.char_indices().nth(REFUSAL_DETAIL_CHARS_MAX) {
            Some((end, _)) => self.detail.get(..end).unwrap_or_default().to_owned(),
            None => self.detail,
        };
        Self { code: self.code, field: self.field.filter(|path| path.len() <= PATH_BYTES_MAX), detail }
    }
}

/// Checks a version against the limits and, where this build knows its kind, against its declaration.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn validate(version: &Version) -> Result<(), Refusal> {
    faults(version).into_iter().next().map_or(Ok(()), Err)
}

/// Everything that is wrong with a version by itself: of the whole, then of each change in the order of their paths, then
/// what a creation lacks.
#[must_use]
pub fn faults(version: &Version) -> Vec<Refusal> {
    let mut found = Vec::new();
    found.extend(shape(version).err());
    let kind = kinds::kind(&version.kind);
    if let Some(kind) = kind {
        found.extend(scope(kind, version).err());
    }
    for (path, value) in &version.changes {
        let checked = kind.map_or_else(|| within_depth(path, value), |kind| change(kind, path, value));
        found.extend(checked.err());
    }
    found.extend(report_month(version).err());
    if let Some(kind) = kind.filter(|_| version.creates()) {
        lacking(kind, version, &mut found);
    }
    found
}

fn shape(version: &Version) -> Result<(), Refusal> {
    let too_large = |what: &str| Err(Refusal::new(RefusalCode::TooLarge, what));
    if version.kind.is_empty() || version.kind.chars().count() > KIND_CHARS_MAX {
        return too_large("the name of the kind is empty or too long");
    }
    if version.kind.chars().any(char::is_control) {
        return Err(Refusal::new(RefusalCode::Malformed, "the name of the kind holds a control character"));
    }
    if version.changes.len() > CHANGES_MAX {
        return too_large("too many changes in one version");
    }
    if version.context.len() > CONTEXT_REPLICAS_MAX {
        return too_large("the context names too many replicas");
    }
    let seq_max = version.context.iter().map(|dot| dot.seq).max().unwrap_or(0).max(version.dot.seq);
    if version.dot.seq == 0 || seq_max > SEQ_MAX || version.stamp.ms > TIME_MS_MAX {
        return Err(Refusal::new(RefusalCode::FieldRange, "a sequence number or a stamp lies outside its range"));
    }
    if version.context.covers(version.dot) {
        return Err(Refusal::new(RefusalCode::ContextImpossible, "the context covers the version itself"));
    }
    Ok(())
}

fn scope(kind: &Kind, version: &Version) -> Result<(), Refusal> {
    match (kind.scope, version.village) {
        (Scope::Township, Some(_)) => {
            Err(Refusal::new(RefusalCode::ScopeMismatch, "records of this kind belong to no village"))
        }
        (Scope::Village | Scope::VillageDirectory, None) => {
            Err(Refusal::new(RefusalCode::ScopeMismatch, "records of this kind belong to a village"))
        }
        _ => Ok(()),
    }
}

/// A monthly report is the one record of its village and month: nobody takes another's place, and none is written twice.
fn report_month(version: &Version) -> Result<(), Refusal> {
    let (Some(month), Some(village)) = (version.changes.get("month").and_then(named_month), version.village) else {
        return Ok(());
    };
    if version.kind == "monthly_report" && version.record != report_id(village, month) {
        let detail = "the id of a monthly report follows from its village and month";
        return Err(Refusal::at(RefusalCode::FieldRange, "month", detail));
    }
    Ok(())
}

/// What a creation must give and does not.
fn lacking(kind: &Kind, version: &Version, found: &mut Vec<Refusal>) {
    let given = |name: &str| {
        version.changes.iter().any(|(path, value)| {
            split_path(path).0 == name && !value.is_null() && *value != Value::Bool(false)
                || path == name && *value == Value::Bool(false)
        })
    };
    let mut refuse = |name: &str, detail| found.push(Refusal::at(RefusalCode::FieldRequired, name, detail));
    for field in kind.fields.iter().filter(|field| field.required && !given(field.name)) {
        refuse(field.name, format!("{} is required", field.name));
    }
    for group in kind.one_of.iter().filter(|group| !group.iter().any(|name| given(name))) {
        refuse(group.first().copied().unwrap_or_default(), format!("one of {} is required", group.join(", ")));
    }
}

fn change(kind: &Kind, path: &str, value: &Value) -> Result<(), Refusal> {
    within_depth(path, value)?;
    let (name, key) = split_path(path);
    if name == VOID {
        return match value {
            _ if key.is_some() => Err(Refusal::at(RefusalCode::PathInvalid, path, "void has no keys")),
            Value::Null => Ok(()),
            reason => typed(FieldType::Text(500), path, reason),
        };
    }
    let Some(field) = kind.field(name) else { return Ok(()) };
    match (field.ty, key) {
        (ty, Some(_)) if !ty.is_keyed() => Err(Refusal::at(RefusalCode::PathInvalid, path, "this field has no keys")),
        (ty, None) if ty.is_keyed() => {
            Err(Refusal::at(RefusalCode::PathInvalid, path, "this field is written key by key, as field/key"))
        }
        _ if value.is_null() => Ok(()),
        (FieldType::Set, _) => typed(FieldType::Boolean, path, value),
        (FieldType::Map(inner), _) => typed(*inner, path, value),
        (ty, None) => typed(ty, path, value),
        (ty, Some(_)) => typed(ty, path, value),
    }
}

fn path_shape(path: &str) -> Result<(), Refusal> {
    let (name, key) = split_path(path);
    let sane = |part: &str| !part.is_empty() && !part.chars().any(char::is_control);
    if path.len() > PATH_BYTES_MAX {
        return Err(Refusal::new(RefusalCode::TooLarge, "a field path is too long"));
    }
    if !sane(name) || key.is_some_and(|key| !sane(key)) {
        return Err(Refusal::at(RefusalCode::PathInvalid, path, "a path is `field` or `field/key`"));
    }
    Ok(())
}

/// Checks the path and the nesting of its value, whether or not this build knows the field: a record's JSON nests its
/// values deeper than a version does, and must still be readable.
fn within_depth(path: &str, value: &Value) -> Result<(), Refusal> {
    path_shape(path)?;
    if depth(value) > VALUE_DEPTH_MAX {
        return Err(Refusal::at(RefusalCode::TooLarge, path, "the value is nested too deeply"));
    }
    Ok(())
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(depth).max().unwrap_or(0).saturating_add(1),
        Value::Object(members) => members.values().map(depth).max().unwrap_or(0).saturating_add(1),
        _ => 0,
    }
}

fn typed(ty: FieldType, path: &str, value: &Value) -> Result<(), Refusal> {
    let wrong = |expected: &str| Err(Refusal::at(RefusalCode::FieldType, path, format!("expected {expected}")));
    let range = |detail: String| Err(Refusal::at(RefusalCode::FieldRange, path, detail));
    match (ty, value) {
        (FieldType::Text(chars_max), Value::String(text)) => match text.chars().count() {
            0 => range("text must not be empty; null clears a field".to_owned()),
            chars if chars > chars_max => range(format!("at most {chars_max} characters, got {chars}")),
            _ => Ok(()),
        },
        (FieldType::Integer(min, max), Value::Number(number)) => match number.as_i64() {
            Some(whole) if (min..=max).contains(&whole) => Ok(()),
            Some(_) => range(format!("from {min} to {max}")),
            None => wrong("a whole number"),
        },
        (FieldType::Boolean, Value::Bool(_)) => Ok(()),
        (FieldType::Date, Value::String(text)) if is_date(text) => Ok(()),
        (FieldType::Date, Value::String(_)) => range("a calendar day written YYYY-MM-DD".to_owned()),
        (FieldType::Month, Value::String(text)) if is_month(text) => Ok(()),
        (FieldType::Month, Value::String(_)) => range("a calendar month written YYYY-MM".to_owned()),
        (FieldType::Time, Value::Number(number)) => match number.as_u64() {
            Some(ms) if ms <= TIME_MS_MAX => Ok(()),
            _ => range(format!("milliseconds since 1970, from 0 to {TIME_MS_MAX}")),
        },
        (FieldType::Choice(words), Value::String(word)) if words.contains(&word.as_str()) => Ok(()),
        (FieldType::Choice(words), Value::String(_)) => range(format!("one of {}", words.join(", "))),
        (FieldType::Reference(_) | FieldType::AnyReference, Value::String(id)) => match id.parse::<RecordId>() {
            Ok(parsed) if parsed.to_string() == *id => Ok(()),
            _ => range("the id of a record, lower case with hyphens".to_owned()),
        },
        (FieldType::KindName, Value::String(name)) if (1..=KIND_CHARS_MAX).contains(&name.len()) => Ok(()),
        (FieldType::KindName, Value::String(_)) => range("the name of a kind".to_owned()),
        (FieldType::Hash, Value::String(hex)) if is_hash(hex) => Ok(()),
        (FieldType::Hash, Value::String(_)) => range("SHA-256 as 64 lower-case hex digits".to_owned()),
        (FieldType::Location, Value::Object(_)) => location(path, value),
        (FieldType::ChecklistItems, Value::Array(items)) if items.iter().all(is_checklist_item) => Ok(()),
        (FieldType::ChecklistItems, Value::Array(_)) => range("items are {code, text, basis?}".to_owned()),
        _ => wrong(name_of(ty)),
    }
}

/// Whether a text is a SHA-256 in lower-case hex.
#[must_use]
pub fn is_hash(hex: &str) -> bool {
    hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

fn is_checklist_item(item: &Value) -> bool {
    let text = |name: &str| item.get(name).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    text("code") && text("text")
}

fn location(path: &str, value: &Value) -> Result<(), Refusal> {
    let degrees = |name: &str, max: f64| {
        value.get(name).and_then(Value::as_f64).is_some_and(|degrees| (-max..=max).contains(&degrees))
    };
    let accuracy = match value.get("accuracy_m") {
        None | Some(Value::Null) => true,
        Some(metres) => metres.as_f64().is_some_and(|metres| metres >= 0.0),
    };
    if degrees("lat", 90.0) && degrees("lon", 180.0) && accuracy {
        return Ok(());
    }
    let detail = "a location is {lat: -90…90, lon: -180…180, accuracy_m?: ≥ 0}";
    Err(Refusal::at(RefusalCode::FieldRange, path, detail))
}

fn name_of(ty: FieldType) -> &'static str {
    match ty {
        FieldType::Text(_) | FieldType::KindName => "text",
        FieldType::Integer(..) => "a whole number",
        FieldType::Boolean | FieldType::Set => "true or false",
        FieldType::Date => "a calendar day, YYYY-MM-DD",
        FieldType::Month => "a calendar month, YYYY-MM",
        FieldType::Time => "milliseconds since 1970",
        FieldType::Choice(_) => "one of the declared words",
        FieldType::Reference(_) | FieldType::AnyReference => "the id of a record",
        FieldType::Location => "a location {lat, lon, accuracy_m?}",
        FieldType::Hash => "a SHA-256 in hex",
        FieldType::ChecklistItems => "a list of checklist items",
        FieldType::Map(_) => "a value of the map",
    }
}
