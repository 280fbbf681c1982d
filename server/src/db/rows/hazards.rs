//! The rows of `db/hazards.rs`, and their queries.

use diesel::dsl::count_star;
use diesel::prelude::*;
use sync_core::ids::{RecordId, TownshipId, VillageId};
use sync_core::time::Ms;

use super::{Backend, Tx, alike, many};
use crate::db::DbError;
use crate::db::hazards::{HazardFilter, HazardGroup, HazardLine, HazardNumbers, HazardTurnover, HazardTx};
use crate::db::schema::hazards;
use crate::db::types::{Key, Whole, storable};

#[derive(Queryable, Selectable)]
#[diesel(table_name = hazards)]
struct HazardRow {
    id: Key,
    village_id: Option<Key>,
    site_id: Option<Key>,
    sector: String,
    is_major: bool,
    status: String,
    is_suspended: bool,
    is_escalated: bool,
    is_void: bool,
    deadline: Option<String>,
    found_at_ms: Whole,
    closed_at_ms: Option<Whole>,
    description: String,
}

impl From<HazardRow> for HazardLine {
    fn from(row: HazardRow) -> Self {
        Self {
            id: row.id.into(),
            village: row.village_id.map(VillageId::from),
            site: row.site_id.map(RecordId::from),
            sector: row.sector,
            is_major: row.is_major,
            status: row.status,
            is_suspended: row.is_suspended,
            is_escalated: row.is_escalated,
            is_void: row.is_void,
            deadline: row.deadline,
            found_at_ms: row.found_at_ms.0,
            closed_at_ms: row.closed_at_ms.map(|at| at.0),
            description: row.description,
        }
    }
}

type Boxed<'a> = hazards::BoxedQuery<'a, Backend>;

fn narrowed<'a>(township: TownshipId, filter: &HazardFilter) -> Boxed<'a> {
    let mut query = hazards::table.into_boxed().filter(hazards::township_id.eq(Key::from(township)));
    if let Some(villages) = &filter.villages {
        let keys: Vec<Key> = villages.iter().copied().map(Key::from).collect();
        query = query.filter(hazards::village_id.eq_any(keys));
    }
    if let Some(site) = filter.site {
        query = query.filter(hazards::site_id.eq(Key::from(site)));
    }
    if !filter.sectors.is_empty() {
        query =
            query.filter(hazards::sector.eq_any(filter.sectors.iter().map(|text| storable(text)).collect::<Vec<_>>()));
    }
    if !filter.statuses.is_empty() {
        query =
            query.filter(hazards::status.eq_any(filter.statuses.iter().map(|text| storable(text)).collect::<Vec<_>>()));
    }
    if let Some(is_major) = filter.is_major {
        query = query.filter(hazards::is_major.eq(is_major));
    }
    if let Some(today) = &filter.overdue_on {
        query = query.filter(hazards::status.ne("closed")).filter(hazards::deadline.lt(today.clone()));
    }
    if let Some(from) = filter.found_from_ms {
        query = query.filter(hazards::found_at_ms.ge(Whole(from)));
    }
    if let Some(before) = filter.found_before_ms {
        query = query.filter(hazards::found_at_ms.lt(Whole(before)));
    }
    if let Some(text) = &filter.text {
        let literal = storable(text).replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        query = query.filter(alike(hazards::description, format!("%{literal}%")));
    }
    if !filter.with_void {
        query = query.filter(hazards::is_void.eq(false));
    }
    query
}

impl HazardTx for Tx<'_> {
    fn put_hazards(&mut self, township: TownshipId, lines: &[HazardLine]) -> Result<(), DbError> {
        if lines.is_empty() { Ok(()) } else { many::put_lines(self.conn, township, lines) }
    }

    fn hazards(
        &mut self,
        township: TownshipId,
        filter: &HazardFilter,
        limit: usize,
    ) -> Result<Vec<HazardLine>, DbError> {
        let mut query = narrowed(township, filter);
        if let Some((found_at_ms, id)) = filter.after {
            let (at, id) = (Whole(found_at_ms), Key::from(id));
            // The first condition alone lets the index begin there; the second settles equal times.
            query =
                query.filter(hazards::found_at_ms.le(at)).filter(hazards::found_at_ms.lt(at).or(hazards::id.lt(id)));
        }
        let rows: Vec<HazardRow> = query
            .order((hazards::found_at_ms.desc(), hazards::id.desc()))
            .limit(i64::try_from(limit).unwrap_or(i64::MAX))
            .select(HazardRow::as_select())
            .load(self.conn)?;
        Ok(rows.into_iter().map(HazardLine::from).collect())
    }

    fn hazard_numbers(&mut self, township: TownshipId, today: &str) -> Result<HazardNumbers, DbError> {
        let counted: Vec<(String, bool, Whole)> = hazards::table
            .filter(hazards::township_id.eq(Key::from(township)))
            .filter(hazards::is_void.eq(false))
            .group_by((hazards::status, hazards::is_major))
            .select((hazards::status, hazards::is_major, count_star()))
            .load(self.conn)?;
        let filter = HazardFilter { overdue_on: Some(today.to_owned()), ..HazardFilter::default() };
        let overdue: Whole = narrowed(township, &filter).count().get_result(self.conn)?;
        let by_status = counted.into_iter().map(|(status, is_major, count)| ((status, is_major), count.0)).collect();
        Ok(HazardNumbers { by_status, overdue: overdue.0 })
    }

    fn hazard_groups(&mut self, township: TownshipId, filter: &HazardFilter) -> Result<Vec<HazardGroup>, DbError> {
        let mut query = hazards::table
            .filter(hazards::township_id.eq(Key::from(township)))
            .filter(hazards::is_void.eq(false))
            .group_by((hazards::village_id, hazards::sector, hazards::is_major, hazards::status))
            .select((hazards::village_id, hazards::sector, hazards::is_major, hazards::status, count_star()))
            .into_boxed();
        if let Some(villages) = &filter.villages {
            query = query.filter(hazards::village_id.eq_any(villages.iter().copied().map(Key::from)));
        }
        if let Some(today) = &filter.overdue_on {
            query = query.filter(hazards::status.ne("closed")).filter(hazards::deadline.lt(today.clone()));
        }
        if let Some(from) = filter.found_from_ms {
            query = query.filter(hazards::found_at_ms.ge(Whole(from)));
        }
        if let Some(before) = filter.found_before_ms {
            query = query.filter(hazards::found_at_ms.lt(Whole(before)));
        }
        let rows: Vec<(Option<Key>, String, bool, String, Whole)> = query.load(self.conn)?;
        let group = |(village, sector, is_major, status, count): (Option<Key>, String, bool, String, Whole)| {
            HazardGroup { village: village.map(VillageId::from), sector, is_major, status, count: count.0 }
        };
        Ok(rows.into_iter().map(group).collect())
    }

    fn hazard_turnover(
        &mut self,
        township: TownshipId,
        villages: Option<&[VillageId]>,
        from_ms: Ms,
        before_ms: Ms,
    ) -> Result<HazardTurnover, DbError> {
        let of = |filter: HazardFilter| narrowed(township, &filter);
        let villages = villages.map(<[VillageId]>::to_vec);
        let all = HazardFilter { villages, ..HazardFilter::default() };
        let found = HazardFilter { found_from_ms: Some(from_ms), found_before_ms: Some(before_ms), ..all.clone() };
        let found: Whole = of(found).count().get_result(self.conn)?;
        let closed = of(all)
            .filter(hazards::closed_at_ms.ge(Whole(from_ms)))
            .filter(hazards::closed_at_ms.lt(Whole(before_ms)))
            .count();
        let closed: Whole = closed.get_result(self.conn)?;
        Ok(HazardTurnover { found: found.0, closed: closed.0 })
    }

    fn hazard(&mut self, township: TownshipId, id: RecordId) -> Result<Option<HazardLine>, DbError> {
        let row: Option<HazardRow> = hazards::table
            .filter(hazards::township_id.eq(Key::from(township)))
            .filter(hazards::id.eq(Key::from(id)))
            .select(HazardRow::as_select())
            .first(self.conn)
            .optional()?;
        Ok(row.map(HazardLine::from))
    }
}
