//! The hazard ledger as a table: one derived row a hazard, made for filters and pages. What a row says is decided in
//! `crate::ledger`; the facts themselves are in `records`.

use sync_core::ids::{RecordId, TownshipId, VillageId};
use sync_core::time::Ms;

use super::DbError;

/// One line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HazardLine {
    /// Which hazard.
    pub id: RecordId,
    /// Its village.
    pub village: Option<VillageId>,
    /// Its site, if it has one.
    pub site: Option<RecordId>,
    /// Its sector.
    pub sector: String,
    /// Whether it reads as major.
    pub is_major: bool,
    /// The derived status.
    pub status: String,
    /// Whether operations are suspended.
    pub is_suspended: bool,
    /// Whether it is escalated.
    pub is_escalated: bool,
    /// Whether it is voided.
    pub is_void: bool,
    /// The earliest deadline, `YYYY-MM-DD`.
    pub deadline: Option<String>,
    /// What must be settled and is not: a bit for each of `sync_core::settled::MEMBERS`, the first the lowest.
    pub missing: i32,
    /// When it was found.
    pub found_at_ms: Ms,
    /// When it was closed.
    pub closed_at_ms: Option<Ms>,
    /// What was found.
    pub description: String,
}

impl HazardLine {
    /// What it falls due by: its deadline, `YYYY-MM-DD`. After every deadline stands what is open and has none, and after that
    /// what is closed.
    #[must_use]
    pub fn due(&self) -> &str {
        if self.status == "closed" { DUE_NO_MORE } else { self.deadline.as_deref().unwrap_or(DUE_SOME_DAY) }
    }

    /// Its place among all lines.
    #[must_use]
    pub fn mark(&self, order: HazardOrder) -> HazardMark {
        let key = match order {
            HazardOrder::NewestFirst | HazardOrder::OldestFirst => HazardKey::Found(self.found_at_ms),
            HazardOrder::DueFirst => HazardKey::Due(self.due().to_owned()),
        };
        HazardMark { key, id: self.id, is_included: false }
    }
}

/// The last day by which anything falls due that has a deadline.
pub(super) const DUE_LAST: &str = "9999-12-29";
/// What an open hazard without a deadline falls due by.
const DUE_SOME_DAY: &str = "9999-12-30";
/// What a closed hazard falls due by.
const DUE_NO_MORE: &str = "9999-12-31";

/// In which order lines are read; lines that are equal in it by their id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HazardOrder {
    /// The newest find first, and the larger id.
    #[default]
    NewestFirst,
    /// The oldest find first, and the smaller id.
    OldestFirst,
    /// What falls due first ([`HazardLine::due`]), and the smaller id.
    DueFirst,
}

/// By what a line stands where it stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HazardKey {
    /// When it was found.
    Found(Ms),
    /// What it falls due by.
    Due(String),
}

/// A place among the lines, of the same order as the filter that has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HazardMark {
    /// By what its line stands there.
    pub key: HazardKey,
    /// Its line.
    pub id: RecordId,
    /// Whether a line at this very place is still to come.
    pub is_included: bool,
}

/// Which lines of the ledger are asked for; what is `None` or empty does not narrow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HazardFilter {
    /// Only of these villages.
    pub villages: Option<Vec<VillageId>>,
    /// Only of this site.
    pub site: Option<RecordId>,
    /// Only of these sectors.
    pub sectors: Vec<String>,
    /// Only in these statuses.
    pub statuses: Vec<String>,
    /// Only major, or only general.
    pub is_major: Option<bool>,
    /// Only those that are not closed and whose deadline lies before this day.
    pub overdue_on: Option<String>,
    /// Only those that are not closed and fall due from this day on, `YYYY-MM-DD`.
    pub due_from: Option<String>,
    /// Only those that are not closed and fall due by this day.
    pub due_until: Option<String>,
    /// Only those that are not closed and lack what stands at this place of `sync_core::settled::MEMBERS`.
    pub missing: Option<usize>,
    /// Found at or after this instant.
    pub found_from_ms: Option<Ms>,
    /// Found before this instant.
    pub found_before_ms: Option<Ms>,
    /// Closed at or after this instant, and closed still.
    pub closed_from_ms: Option<Ms>,
    /// Closed before this instant, and closed still.
    pub closed_before_ms: Option<Ms>,
    /// The description contains every word of this; words are parted by spaces, and case does not matter in ASCII.
    pub text: Option<String>,
    /// Also those that are voided.
    pub with_void: bool,
    /// In which order.
    pub order: HazardOrder,
    /// Only what comes after this place.
    pub after: Option<HazardMark>,
}

/// How many hazards there are, voided ones left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HazardNumbers {
    /// Status and whether it reads as major → how many.
    pub by_status: std::collections::BTreeMap<(String, bool), u64>,
    /// Not closed, and past their deadline.
    pub overdue: u64,
}

/// How many hazards of one village, sector, level and status there are, and how many of them are overdue.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HazardGroup {
    /// The village.
    pub village: Option<VillageId>,
    /// The sector.
    pub sector: String,
    /// Whether they read as major.
    pub is_major: bool,
    /// Their status.
    pub status: String,
    /// How many.
    pub count: u64,
}

/// What was found and what was closed in a span of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HazardTurnover {
    /// Hazards found in it.
    pub found: u64,
    /// Hazards closed in it, that are closed still.
    pub closed: u64,
}

/// Questions about the ledger.
pub trait HazardTx {
    /// Stores the lines of hazards, each hazard once.
    ///
    /// # Errors
    /// The database failed.
    fn put_hazards(&mut self, township: TownshipId, lines: &[HazardLine]) -> Result<(), DbError>;

    /// The lines that a filter leaves, in its order, at most `limit`.
    ///
    /// # Errors
    /// The database failed, or the place to begin after is one of another order.
    fn hazards(
        &mut self,
        township: TownshipId,
        filter: &HazardFilter,
        limit: usize,
    ) -> Result<Vec<HazardLine>, DbError>;

    /// The numbers of a township; `today` is a day of its calendar.
    ///
    /// # Errors
    /// The database failed.
    fn hazard_numbers(&mut self, township: TownshipId, today: &str) -> Result<HazardNumbers, DbError>;

    /// The lines that a filter names, counted by village, sector, level and status.
    ///
    /// # Errors
    /// The database failed.
    fn hazard_groups(&mut self, township: TownshipId, filter: &HazardFilter) -> Result<Vec<HazardGroup>, DbError>;

    /// How many open hazards fall due from a day on, or at any time before, until another, both included; by village, of some
    /// villages if they are named. Voided ones are left out.
    ///
    /// # Errors
    /// The database failed.
    fn hazards_due(
        &mut self,
        township: TownshipId,
        villages: Option<&[VillageId]>,
        from: Option<&str>,
        until: &str,
    ) -> Result<Vec<(Option<VillageId>, u64)>, DbError>;

    /// What was found and closed from an instant on, and before another; of some villages if they are named.
    ///
    /// # Errors
    /// The database failed.
    fn hazard_turnover(
        &mut self,
        township: TownshipId,
        villages: Option<&[VillageId]>,
        from_ms: Ms,
        before_ms: Ms,
    ) -> Result<HazardTurnover, DbError>;

    /// The line of one hazard.
    ///
    /// # Errors
    /// The database failed.
    fn hazard(&mut self, township: TownshipId, id: RecordId) -> Result<Option<HazardLine>, DbError>;
}
