//! Pages of lists: at most so many rows, and where the next page begins.

use serde::{Deserialize, Serialize};
use sync_core::ids::TownshipId;

use crate::limits::{LEDGER_ROWS_DEFAULT, LEDGER_ROWS_MAX};

/// The query of a list without filters.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    /// The `next` of the page before.
    pub after: Option<String>,
    /// The township that is asked about; all that the caller reads if it is left out.
    pub township: Option<TownshipId>,
    limit: Option<usize>,
}

impl PageQuery {
    /// Rows of this page.
    #[must_use]
    pub fn limit(&self) -> usize {
        rows_within(self.limit)
    }
}

/// As many rows as are asked for, within the limits.
#[must_use]
pub fn rows_within(asked: Option<usize>) -> usize {
    asked.unwrap_or(LEDGER_ROWS_DEFAULT).clamp(1, LEDGER_ROWS_MAX)
}

/// One page.
#[derive(Debug, Serialize)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Where the next page begins; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
