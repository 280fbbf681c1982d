//! One-time codes that enrol a phone for an account. Only their SHA-256 is kept.

use sync_core::ids::{AccountId, DeviceId, TownshipId};
use sync_core::time::Ms;

use super::DbError;

/// A code that has been given out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolment {
    /// SHA-256 of the code in its canonical form.
    pub code_hash: Vec<u8>,
    /// The township of its account.
    pub township: TownshipId,
    /// The account that the phone will sign in as.
    pub account: AccountId,
    /// Who gave it out.
    pub created_by: AccountId,
    /// When it was given out.
    pub created_at_ms: Ms,
    /// Until when it can be used.
    pub expires_at_ms: Ms,
    /// When it was used.
    pub used_at_ms: Option<Ms>,
}

/// Questions about enrolment codes.
pub trait EnrolmentTx {
    /// Keeps a code that is about to be given out.
    ///
    /// # Errors
    /// The database failed, or the hash exists already (`Conflict`).
    fn insert_enrolment(&mut self, enrolment: &Enrolment) -> Result<(), DbError>;

    /// The code with this hash.
    ///
    /// # Errors
    /// The database failed.
    fn enrolment(&mut self, code_hash: &[u8]) -> Result<Option<Enrolment>, DbError>;

    /// Notes that a code was used, and by which device.
    ///
    /// # Errors
    /// The database failed.
    fn use_enrolment(&mut self, code_hash: &[u8], device: DeviceId, now_ms: Ms) -> Result<(), DbError>;

    /// Forgets an account's codes that were not used; those given out before a new one no longer count.
    ///
    /// # Errors
    /// The database failed.
    fn forget_unused_enrolments(&mut self, account: AccountId) -> Result<(), DbError>;
}
