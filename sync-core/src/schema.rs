//! How a record kind is declared: fields, types, merge rules, scope. Plain data; the kinds themselves stand in `kinds`,
//! checking a version against its declaration in `validate`, what a field shows in `rules`.

use serde::Serialize;

/// A kind of record, declared once; forms, storage, sync, tables and exports follow from it.
#[derive(Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Kind {
    /// The name in JSON, SQL and code.
    pub name: &'static str,
    /// The name that people in the township use. The clients have words of their own.
    #[serde(skip)]
    #[cfg_attr(feature = "typescript", ts(skip))]
    pub label: &'static str,
    /// Whose records these are, and who reads them.
    pub scope: Scope,
    /// The fields, in the order of a form.
    pub fields: &'static [Field],
    /// Of each group at least one field must be given when a record is created.
    pub one_of: &'static [&'static [&'static str]],
}

/// Where records of a kind belong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Of the township as a whole; read by all.
    Township,
    /// Of one village, but part of the directory that everybody reads.
    VillageDirectory,
    /// Of one village; read there and in the township office.
    Village,
}

/// One field of a kind.
#[derive(Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Field {
    /// The name in JSON, SQL and code.
    pub name: &'static str,
    /// The name that people in the township use. The clients have words of their own.
    #[cfg(not(target_family = "wasm"))]
    #[serde(skip)]
    #[cfg_attr(feature = "typescript", ts(skip))]
    pub label: &'static str,
    /// What values it takes.
    #[serde(rename = "type")]
    pub ty: FieldType,
    /// Which value is shown while several stand.
    pub rule: Rule,
    /// Whether a record cannot be created without it.
    pub required: bool,
}

/// What values a field takes. `null` always clears.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    /// Text of at most so many characters; not empty.
    Text(usize),
    /// A whole number in a range, both ends included.
    Integer(i64, i64),
    /// Yes or no.
    Boolean,
    /// A calendar day, `YYYY-MM-DD`.
    Date,
    /// A calendar month, `YYYY-MM`.
    Month,
    /// An instant, ms since 1970.
    Time,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// The id of a record of this kind; it need not have arrived yet.
    Reference(&'static str),
    /// The id of a record of any kind.
    AnyReference,
    /// The name of a kind of record.
    KindName,
    /// `{lat, lon, accuracy_m?}`: WGS 84 degrees, metres.
    Location,
    /// SHA-256 in lower-case hex.
    Hash,
    /// The items of a checklist: `[{code, text, basis?}]`.
    ChecklistItems,
    /// A set: path `field/element`, value `true` (in) or `false` (out). Elements are names or record ids.
    Set,
    /// A map of short codes to values of a type: path `field/key`.
    Map(&'static FieldType),
}

impl FieldType {
    /// Whether values stand under `field/key` rather than under `field`.
    #[must_use]
    pub fn is_keyed(self) -> bool {
        matches!(self, Self::Set | Self::Map(_))
    }
}

/// Which value a field shows while several stand (design: Versions).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The one with the latest stamp; nobody is asked.
    Latest,
    /// The one with the latest stamp; a supervisor is asked.
    Review,
    /// The first that stands in this order, the least safe first; a value that is not in the order is less safe than all.
    Safest(&'static [&'static str]),
    /// The smallest; none given counts as latest.
    Earliest,
    /// The largest day or instant; none given counts as later than any (what is not yet lifted).
    LatestDate,
    /// The largest number; none given counts as smallest.
    Largest,
    /// A set with adds and removes: what anyone added and nobody who saw it took out.
    Union,
}

impl Rule {
    /// Whether two distinct standing values are an open conflict that a supervisor decides.
    #[must_use]
    pub fn is_reviewed(self) -> bool {
        !matches!(self, Self::Latest | Self::Union)
    }
}

impl Kind {
    /// The declaration of a field, if this build knows it.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

impl Field {
    /// An optional field; [`Field::required`] makes it one that must be given.
    #[must_use]
    pub const fn new(name: &'static str, label: &'static str, ty: FieldType, rule: Rule) -> Self {
        #[cfg(target_family = "wasm")]
        let _ = label;
        Self {
            name,
            #[cfg(not(target_family = "wasm"))]
            label,
            ty,
            rule,
            required: false,
        }
    }

    /// The same field, demanded when a record is created.
    #[must_use]
    pub const fn required(self) -> Self {
        Self { required: true, ..self }
    }
}
