//! What the boundary itself refuses: arguments that are not what they should be. What is wrong with an *edit* is no fault
//! but an answer (`Refusal`).

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sync_core::carried::Unsealed;

/// An argument that could not be used; nothing was done. In JavaScript it is thrown, as an `Error` with these members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Fault {
    /// The stable code.
    pub code: FaultCode,
    /// Which argument.
    pub field: String,
    /// What is wrong, in words.
    pub detail: String,
}

/// The stable codes of [`Fault`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum FaultCode {
    /// Not of the expected type or form.
    MalformedArgument,
    /// Two states that are to be joined are not of the same record.
    OtherRecord,
    /// A file was changed on its way, or is another device's.
    ForgedFile,
}

impl FaultCode {
    /// The code as it is thrown.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::MalformedArgument => "malformed_argument",
            Self::OtherRecord => "other_record",
            Self::ForgedFile => "forged_file",
        }
    }
}

impl Fault {
    /// An argument of the wrong type or form.
    #[must_use]
    pub fn malformed(argument: &str, detail: impl Into<String>) -> Self {
        Self { code: FaultCode::MalformedArgument, field: argument.to_owned(), detail: detail.into() }
    }
}

impl From<Unsealed> for Fault {
    fn from(why: Unsealed) -> Self {
        let code = match why {
            Unsealed::NotThis => FaultCode::MalformedArgument,
            Unsealed::Forged => FaultCode::ForgedFile,
        };
        Self { code, field: "file".to_owned(), detail: why.to_string() }
    }
}

/// An argument from its JSON text.
///
/// # Errors
/// When the text is not what it should be.
pub fn read<T: DeserializeOwned>(argument: &str, text: &str) -> Result<T, Fault> {
    sync_core::json::from_str(text).map_err(|error| Fault::malformed(argument, error.to_string()))
}

/// An id or a mark from its text.
///
/// # Errors
/// When it is none.
pub fn id<T: std::str::FromStr<Err: ToString>>(argument: &str, text: &str) -> Result<T, Fault> {
    text.parse().map_err(|error: T::Err| Fault::malformed(argument, error.to_string()))
}
