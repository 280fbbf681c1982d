//! What a township's office has set: one record of the directory, read where it is needed.

use sync_core::ids::TownshipId;
use sync_core::record::Record;
use sync_core::workdays::SETTING;

use super::project::read_state;
use crate::db::{DbError, Transaction};

/// The setting of a township, if it has begun one.
///
/// # Errors
/// The database failed.
pub fn setting(tx: &mut dyn Transaction, township: TownshipId) -> Result<Option<Record>, DbError> {
    let record = tx.record(township, SETTING)?.as_deref().map(read_state).transpose()?;
    Ok(record.filter(|record| record.kind == "setting"))
}
