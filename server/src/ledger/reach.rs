//! Reading the ledgers of several townships as one list, page by page. Each township is asked by its own index, for no more
//! than a page; what a row says is in `read`.

use std::cmp::Reverse;

use sync_core::ids::{RecordId, TownshipId, VillageId};
use sync_core::people::Caller;
use sync_core::time::Ms;
use uuid::Uuid;

use crate::db::hazards::{HazardFilter, HazardLine};
use crate::db::projections::OpenConflict;
use crate::db::{DbError, Transaction};
use crate::photos::hash::ContentHash;
use crate::photos::sight::{self, Sight};

/// The last line of a page: the newest find first, then the larger id, then the smaller township.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineMark {
    /// When its hazard was found.
    pub found_at_ms: Ms,
    /// The hazard.
    pub id: RecordId,
    /// Its township; `None` where there is only one.
    pub township: Option<TownshipId>,
}

impl LineMark {
    /// What the lines of a township come after, as [`HazardFilter`] has it. A township that follows the mark's own may have a
    /// line of the same time and id, which comes next.
    fn within(self, township: TownshipId) -> (Ms, RecordId) {
        if self.township.is_none_or(|last| township <= last) {
            return (self.found_at_ms, self.id);
        }
        match self.id.0.as_u128().checked_add(1) {
            Some(next) => (self.found_at_ms, RecordId(Uuid::from_u128(next))),
            None => (self.found_at_ms.saturating_add(1), RecordId(Uuid::nil())),
        }
    }
}

/// At most `limit` lines of the townships `over`, after `mark`.
///
/// # Errors
/// The database failed.
pub fn lines(
    tx: &mut dyn Transaction,
    over: &[TownshipId],
    filter: &HazardFilter,
    mark: Option<LineMark>,
    limit: usize,
) -> Result<Vec<(TownshipId, HazardLine)>, DbError> {
    let mut found = Vec::new();
    for township in over.iter().copied() {
        let own = HazardFilter { after: mark.map(|mark| mark.within(township)), ..filter.clone() };
        found.extend(tx.hazards(township, &own, limit)?.into_iter().map(|line| (township, line)));
    }
    found.sort_by_key(|(township, line)| (Reverse((line.found_at_ms, line.id)), *township));
    found.truncate(limit);
    Ok(found)
}

/// The last conflict of a page: townships by id, and within one by record and path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConflictMark {
    /// Its township; `None` where there is only one.
    pub township: Option<TownshipId>,
    /// Its record and path.
    pub last: (RecordId, String),
}

/// At most `limit` open conflicts of the townships `over` (by id), after `mark`; of some villages if they are named.
///
/// # Errors
/// The database failed.
pub fn conflicts(
    tx: &mut dyn Transaction,
    over: &[TownshipId],
    villages: Option<&[VillageId]>,
    mark: Option<&ConflictMark>,
    limit: usize,
) -> Result<Vec<(TownshipId, OpenConflict)>, DbError> {
    let mut found = Vec::new();
    let begun = mark.and_then(|mark| mark.township);
    for township in over.iter().copied().filter(|township| begun.is_none_or(|begun| *township >= begun)) {
        let after = mark.filter(|_| begun.is_none_or(|begun| begun == township)).map(|mark| mark.last.clone());
        let open = tx.conflicts(township, villages, after, limit.saturating_sub(found.len()))?;
        found.extend(open.into_iter().map(|open| (township, open)));
        if found.len() >= limit {
            break;
        }
    }
    Ok(found)
}

/// What the first of the townships has that has anything; ids of records are meant to be unique, and where they are not the
/// township must be named.
///
/// # Errors
/// Those of `find`.
pub fn first<T>(
    over: &[TownshipId],
    mut find: impl FnMut(TownshipId) -> Result<Option<T>, DbError>,
) -> Result<Option<(TownshipId, T)>, DbError> {
    for township in over.iter().copied() {
        if let Some(found) = find(township)? {
            return Ok(Some((township, found)));
        }
    }
    Ok(None)
}

/// A photo that a caller may see in one of the townships: best one whose bytes are here.
///
/// # Errors
/// The database failed.
pub fn photo(
    tx: &mut dyn Transaction,
    over: &[TownshipId],
    caller: &Caller,
    hash: ContentHash,
) -> Result<Sight, DbError> {
    let mut best = Sight::Unknown;
    for township in over.iter().copied() {
        match sight::look_up(tx, township, caller, hash)? {
            Sight::Unknown => {}
            Sight::Pending => best = Sight::Pending,
            stored @ Sight::Stored(_) => return Ok(stored),
        }
    }
    Ok(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn township(n: u128) -> TownshipId {
        TownshipId(Uuid::from_u128(n))
    }

    #[test]
    fn a_line_of_the_same_time_and_id_in_a_later_township_is_not_passed_over() {
        let id = |n| RecordId(Uuid::from_u128(n));
        let mark = LineMark { found_at_ms: 5, id: id(7), township: Some(township(2)) };
        assert_eq!(mark.within(township(1)), (5, id(7)));
        assert_eq!(mark.within(township(2)), (5, id(7)));
        assert_eq!(mark.within(township(3)), (5, id(8)), "the same id comes after this");
        let last = LineMark { id: id(u128::MAX), ..mark };
        assert_eq!(last.within(township(3)), (6, id(0)));
        let alone = LineMark { township: None, ..mark };
        assert_eq!(alone.within(township(3)), (5, id(7)));
    }
}
