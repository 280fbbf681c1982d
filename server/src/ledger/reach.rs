//! Reading the ledgers of several townships as one list, page by page. Each township is asked by its own index, for no more
//! than a page; what a row says is in `read`.

use std::cmp::Ordering;

use sync_core::ids::{RecordId, TownshipId, VillageId};
use sync_core::people::Caller;

use crate::db::hazards::{HazardFilter, HazardLine, HazardMark, HazardOrder};
use crate::db::projections::OpenConflict;
use crate::db::{DbError, Transaction};
use crate::photos::hash::ContentHash;
use crate::photos::sight::{self, Sight};

/// The last line of a page; of lines at the same place that of the smaller township comes first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineMark {
    /// Its place in its own township.
    pub place: HazardMark,
    /// Its township; `None` where there is only one.
    pub township: Option<TownshipId>,
}

impl LineMark {
    /// What the lines of a township come after. One that follows the mark's own may have a line at the same place, which is
    /// still to come.
    fn within(&self, township: TownshipId) -> HazardMark {
        HazardMark { is_included: self.township.is_some_and(|last| township > last), ..self.place.clone() }
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
    mark: Option<&LineMark>,
    limit: usize,
) -> Result<Vec<(TownshipId, HazardLine)>, DbError> {
    let mut found = Vec::new();
    for township in over.iter().copied() {
        let own = HazardFilter { after: mark.map(|mark| mark.within(township)), ..filter.clone() };
        found.extend(tx.hazards(township, &own, limit)?.into_iter().map(|line| (township, line)));
    }
    let order = filter.order;
    found.sort_by(|(a, one), (b, other)| compare(one, other, order).then(a.cmp(b)));
    found.truncate(limit);
    Ok(found)
}

fn compare(one: &HazardLine, other: &HazardLine, order: HazardOrder) -> Ordering {
    let found = || (one.found_at_ms, one.id).cmp(&(other.found_at_ms, other.id));
    match order {
        HazardOrder::NewestFirst => found().reverse(),
        HazardOrder::OldestFirst => found(),
        HazardOrder::DueFirst => (one.due(), one.id).cmp(&(other.due(), other.id)),
    }
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
            pending @ Sight::Pending(_) => best = pending,
            stored @ Sight::Stored(_) => return Ok(stored),
        }
    }
    Ok(best)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::db::hazards::HazardKey;

    fn township(n: u128) -> TownshipId {
        TownshipId(Uuid::from_u128(n))
    }

    #[test]
    fn a_line_at_the_same_place_in_a_later_township_is_not_passed_over() {
        let place = HazardMark { key: HazardKey::Found(5), id: RecordId(Uuid::from_u128(7)), is_included: false };
        let mark = LineMark { place: place.clone(), township: Some(township(2)) };
        assert_eq!(mark.within(township(1)), place);
        assert_eq!(mark.within(township(2)), place);
        assert!(mark.within(township(3)).is_included);
        assert!(!LineMark { township: None, ..mark }.within(township(3)).is_included);
    }
}
