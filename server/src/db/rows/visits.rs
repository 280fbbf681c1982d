//! The rows of `db/visits.rs`, and their queries.

use std::collections::BTreeMap;

use diesel::dsl::{count_star, max};
use diesel::prelude::*;
use sync_core::coverage::Visit;
use sync_core::ids::{RecordId, TownshipId, VillageId};
use sync_core::time::Ms;

use super::{Tx, many};
use crate::db::DbError;
use crate::db::schema::visits;
use crate::db::types::{Key, Whole};
use crate::db::visits::{Reached, VisitRow, VisitTx};

#[derive(Queryable, Selectable)]
#[diesel(table_name = visits)]
struct Row {
    inspection_id: Key,
    site_id: Key,
    campaign_id: Option<Key>,
    village_id: Option<Key>,
    at_ms: Whole,
}

impl From<Row> for VisitRow {
    fn from(row: Row) -> Self {
        let visit =
            Visit { site: row.site_id.into(), campaign: row.campaign_id.map(RecordId::from), at_ms: row.at_ms.0 };
        Self { inspection: row.inspection_id.into(), village: row.village_id.map(VillageId::from), visit }
    }
}

impl VisitTx for Tx<'_> {
    fn put_visits(
        &mut self,
        township: TownshipId,
        inspections: &[RecordId],
        visits: &[VisitRow],
    ) -> Result<(), DbError> {
        if !inspections.is_empty() {
            many::clear_visits(self.conn, township, inspections)?;
        }
        if visits.is_empty() { Ok(()) } else { many::put_visits(self.conn, township, visits) }
    }

    fn visit(&mut self, township: TownshipId, inspection: RecordId) -> Result<Option<VisitRow>, DbError> {
        let row = visits::table.find((Key::from(township), Key::from(inspection))).select(Row::as_select());
        Ok(row.first(self.conn).optional()?.map(VisitRow::from))
    }

    fn visits_after(
        &mut self,
        township: TownshipId,
        after: Option<RecordId>,
        limit: usize,
    ) -> Result<Vec<VisitRow>, DbError> {
        let mut query = visits::table
            .filter(visits::township_id.eq(Key::from(township)))
            .order(visits::inspection_id)
            .limit(i64::try_from(limit).unwrap_or(i64::MAX))
            .select(Row::as_select())
            .into_boxed();
        if let Some(after) = after {
            query = query.filter(visits::inspection_id.gt(Key::from(after)));
        }
        Ok(query.load(self.conn)?.into_iter().map(VisitRow::from).collect())
    }

    fn reached(
        &mut self,
        township: TownshipId,
        villages: Option<&[VillageId]>,
        campaign: RecordId,
        from_ms: Ms,
        before_ms: Ms,
    ) -> Result<Vec<Reached>, DbError> {
        let (campaign, from, before) = (Key::from(campaign), Whole(from_ms), Whole(before_ms));
        let narrowed = || {
            let all = visits::table.filter(visits::township_id.eq(Key::from(township)));
            let all = all.group_by((visits::site_id, visits::village_id));
            let all = all.select((visits::site_id, visits::village_id, max(visits::at_ms), count_star())).into_boxed();
            match villages {
                None => all,
                Some(own) => {
                    let is_own = visits::village_id.eq_any(own.iter().copied().map(Key::from));
                    all.filter(is_own.assume_not_null().or(visits::village_id.is_null()))
                }
            }
        };
        // Two questions, so that each is answered from an index of its own; the second leaves out what the first counts.
        let within = || narrowed().filter(visits::at_ms.ge(from)).filter(visits::at_ms.lt(before));
        let questions = [
            narrowed().filter(visits::campaign_id.eq(campaign)),
            within().filter(visits::campaign_id.is_null()),
            within().filter(visits::campaign_id.ne(campaign)),
        ];
        let mut sites: BTreeMap<(RecordId, Option<VillageId>), Reached> = BTreeMap::new();
        for question in questions {
            let rows: Vec<(Key, Option<Key>, Option<Whole>, Whole)> = question.load(self.conn)?;
            for (site, village, last, times) in rows {
                let (site, village) = (RecordId::from(site), village.map(VillageId::from));
                let fresh = Reached { site, village, last_at_ms: 0, times: 0 };
                let of = sites.entry((site, village)).or_insert(fresh);
                of.last_at_ms = of.last_at_ms.max(last.map_or(0, |last| last.0));
                of.times = of.times.saturating_add(times.0);
            }
        }
        Ok(sites.into_values().collect())
    }
}
