//! The audit log: who signed in, what was changed of accounts and phones, which files were taken, which orders were issued.
//! Only added to, in the transaction of what it records; nothing of it is ever removed.

use sync_core::ids::{AccountId, DeviceId, TownshipId};
use sync_core::time::Ms;
use uuid::Uuid;

use super::DbError;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// Somebody signed in by their password.
    SignedIn,
    /// A sign-in by this name was refused: the password was wrong.
    SignInRefused,
    /// A phone was enrolled by a code.
    Enrolled,
    /// A code to enrol a phone was given out.
    CodeGiven,
    /// An account was made.
    AccountMade,
    /// An account was changed.
    AccountChanged,
    /// A phone or browser was revoked.
    DeviceRevoked,
    /// A file of the ledger was taken.
    Exported,
    /// A rectification order was issued.
    OrderIssued,
    /// What was put aside was written anew, mended.
    PutAsideRepaired,
    /// What was put aside was dismissed.
    PutAsideDismissed,
}

impl Act {
    /// Every act.
    pub const ALL: [Self; 11] = [
        Self::SignedIn,
        Self::SignInRefused,
        Self::Enrolled,
        Self::CodeGiven,
        Self::AccountMade,
        Self::AccountChanged,
        Self::DeviceRevoked,
        Self::Exported,
        Self::OrderIssued,
        Self::PutAsideRepaired,
        Self::PutAsideDismissed,
    ];

    /// The word for it in JSON and in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignedIn => "signed_in",
            Self::SignInRefused => "sign_in_refused",
            Self::Enrolled => "enrolled",
            Self::CodeGiven => "code_given",
            Self::AccountMade => "account_made",
            Self::AccountChanged => "account_changed",
            Self::DeviceRevoked => "device_revoked",
            Self::Exported => "exported",
            Self::OrderIssued => "order_issued",
            Self::PutAsideRepaired => "put_aside_repaired",
            Self::PutAsideDismissed => "put_aside_dismissed",
        }
    }

    /// The act of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|act| act.name() == name)
    }
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// In which township.
    pub township: TownshipId,
    /// When.
    pub at_ms: Ms,
    /// What was done.
    pub act: Act,
    /// By whom; of a refused sign-in, whose name was given.
    pub account: Option<AccountId>,
    /// On which device.
    pub device: Option<DeviceId>,
    /// To what: the id of an account, a device or a record.
    pub subject: Option<Uuid>,
    /// What else is to be said, for people.
    pub detail: String,
}

/// Which entries are asked for; what is `None` does not narrow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Only of this act.
    pub act: Option<Act>,
    /// Only by this account.
    pub account: Option<AccountId>,
    /// Only what was written before this entry.
    pub before: Option<u64>,
}

/// Questions about the audit log.
pub trait AuditTx {
    /// Adds an entry.
    ///
    /// # Errors
    /// The database failed.
    fn note(&mut self, entry: &AuditEntry) -> Result<(), DbError>;

    /// Entries with their numbers, the newest first, at most `limit`.
    ///
    /// # Errors
    /// The database failed.
    fn audit(
        &mut self,
        township: TownshipId,
        filter: AuditFilter,
        limit: usize,
    ) -> Result<Vec<(u64, AuditEntry)>, DbError>;
}
