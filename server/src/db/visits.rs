//! Which inspection reached which site: one derived row an inspection, for the coverage of campaigns. What a row says is decided by
//! `sync_core::coverage`.

use sync_core::coverage::Visit;
use sync_core::ids::{RecordId, TownshipId, VillageId};
use sync_core::time::Ms;

use super::DbError;

/// The visit that an inspection was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct VisitRow {
    /// The inspection.
    pub inspection: RecordId,
    /// Its village.
    pub village: Option<VillageId>,
    /// What it reached.
    pub visit: Visit,
}

/// How often a site was reached by the inspections of one village, and when last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reached {
    /// The site.
    pub site: RecordId,
    /// Whose inspections: as they say it, whoever the site's is.
    pub village: Option<VillageId>,
    /// When last.
    pub last_at_ms: Ms,
    /// How often.
    pub times: u64,
}

/// Questions about visits.
pub trait VisitTx {
    /// Replaces what some inspections were by `visits`.
    ///
    /// # Errors
    /// The database failed.
    fn put_visits(
        &mut self,
        township: TownshipId,
        inspections: &[RecordId],
        visits: &[VisitRow],
    ) -> Result<(), DbError>;

    /// The visit that an inspection was.
    ///
    /// # Errors
    /// The database failed.
    fn visit(&mut self, township: TownshipId, inspection: RecordId) -> Result<Option<VisitRow>, DbError>;

    /// Visits by inspection, after one of them.
    ///
    /// # Errors
    /// The database failed.
    fn visits_after(
        &mut self,
        township: TownshipId,
        after: Option<RecordId>,
        limit: usize,
    ) -> Result<Vec<VisitRow>, DbError>;

    /// The sites that were reached for a campaign, or from an instant on and before another; of some villages' inspections, and
    /// the township's, if they are named.
    ///
    /// # Errors
    /// The database failed.
    fn reached(
        &mut self,
        township: TownshipId,
        villages: Option<&[VillageId]>,
        campaign: RecordId,
        from_ms: Ms,
        before_ms: Ms,
    ) -> Result<Vec<Reached>, DbError>;
}
