//! The rows of `db/hazards.rs`, and their queries.

use std::collections::BTreeMap;

use diesel::dsl::{count_star, sql};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use sync_core::ids::{RecordId, TownshipId, VillageId};
use sync_core::time::Ms;

use super::{Backend, Tx, alike, among, many, search};
use crate::db::DbError;
use crate::db::grams::Grams;
use crate::db::hazards::{
    DUE_LAST, HazardFilter, HazardGroup, HazardKey, HazardLine, HazardMark, HazardNumbers, HazardOrder, HazardTurnover,
    HazardTx,
};
use crate::db::schema::hazards;
use crate::db::types::{KEYS_PER_STATEMENT, Key, Whole, storable};

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
    missing: i32,
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
            missing: row.missing,
            found_at_ms: row.found_at_ms.0,
            closed_at_ms: row.closed_at_ms.map(|at| at.0),
            description: row.description,
        }
    }
}

type Boxed<'a> = hazards::BoxedQuery<'a, Backend>;

/// What `DUE` says of what is closed, which is due no more.
const CLOSED: &str = "9999-12-31";

/// `HazardLine::due`, word for word as the index has it.
const DUE: &str = "(CASE WHEN status = 'closed' THEN '9999-12-31' ELSE coalesce(deadline, '9999-12-30') END)";

/// What is open and lacks a member of `settled::MEMBERS`, by its place. It begins with the words of the index `hazards_missing`.
const MISSING: [&str; 6] = [
    "(missing <> 0 AND status <> 'closed' AND (missing & 1) <> 0)",
    "(missing <> 0 AND status <> 'closed' AND (missing & 2) <> 0)",
    "(missing <> 0 AND status <> 'closed' AND (missing & 4) <> 0)",
    "(missing <> 0 AND status <> 'closed' AND (missing & 8) <> 0)",
    "(missing <> 0 AND status <> 'closed' AND (missing & 16) <> 0)",
    "(missing <> 0 AND status <> 'closed' AND (missing & 32) <> 0)",
];

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
        query = query.filter(sql::<Text>(DUE).lt(today.clone()));
    }
    if let Some(from) = &filter.due_from {
        query = query.filter(sql::<Text>(DUE).ge(from.clone()));
    }
    if let Some(until) = &filter.due_until {
        query = query.filter(sql::<Text>(DUE).le(until.clone()));
    }
    if filter.due_from.is_some() || filter.due_until.is_some() {
        query = query.filter(sql::<Text>(DUE).lt(CLOSED));
    }
    if let Some(lacks) = filter.missing.and_then(|at| MISSING.get(at)) {
        query = query.filter(sql::<Bool>(lacks));
    }
    if let Some(from) = filter.found_from_ms {
        query = query.filter(hazards::found_at_ms.ge(Whole(from)));
    }
    if let Some(before) = filter.found_before_ms {
        query = query.filter(hazards::found_at_ms.lt(Whole(before)));
    }
    if let Some(from) = filter.closed_from_ms {
        query = query.filter(hazards::closed_at_ms.ge(Whole(from)));
    }
    if let Some(before) = filter.closed_before_ms {
        query = query.filter(hazards::closed_at_ms.lt(Whole(before)));
    }
    for word in filter.text.as_deref().unwrap_or_default().split_whitespace() {
        let literal = storable(word).replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        query = query.filter(alike(hazards::description, format!("%{literal}%")));
    }
    if !filter.with_void {
        query = query.filter(hazards::is_void.eq(false));
    }
    query
}

type Condition = Box<dyn BoxableExpression<hazards::table, Backend, SqlType = Bool>>;

/// Among lines that are equal but for their ids: what comes after a place if the larger id comes first.
fn smaller(mark: &HazardMark) -> Condition {
    let id = hazards::id;
    if mark.is_included { Box::new(id.le(Key::from(mark.id))) } else { Box::new(id.lt(Key::from(mark.id))) }
}

/// The same if the smaller id comes first.
fn larger(mark: &HazardMark) -> Condition {
    let id = hazards::id;
    if mark.is_included { Box::new(id.ge(Key::from(mark.id))) } else { Box::new(id.gt(Key::from(mark.id))) }
}

/// In the order that is asked for, after a place in it. Of two conditions on the place the first alone lets the index begin
/// there; the second settles equal times and days.
fn ordered<'a>(query: Boxed<'a>, order: HazardOrder, after: Option<&HazardMark>) -> Result<Boxed<'a>, DbError> {
    let due = || sql::<Text>(DUE);
    let query = match (order, after.map(|mark| (&mark.key, mark))) {
        (_, None) => query,
        (HazardOrder::NewestFirst, Some((HazardKey::Found(at), mark))) => {
            let at = Whole(*at);
            query.filter(hazards::found_at_ms.le(at)).filter(hazards::found_at_ms.lt(at).or(smaller(mark)))
        }
        (HazardOrder::OldestFirst, Some((HazardKey::Found(at), mark))) => {
            let at = Whole(*at);
            query.filter(hazards::found_at_ms.ge(at)).filter(hazards::found_at_ms.gt(at).or(larger(mark)))
        }
        (HazardOrder::DueFirst, Some((HazardKey::Due(day), mark))) => {
            query.filter(due().ge(day.clone())).filter(due().gt(day.clone()).or(larger(mark)))
        }
        (_, Some(_)) => return Err(DbError::Internal("a place among the lines is one of another order".to_owned())),
    };
    Ok(match order {
        HazardOrder::NewestFirst => query.order((hazards::found_at_ms.desc(), hazards::id.desc())),
        HazardOrder::OldestFirst => query.order((hazards::found_at_ms.asc(), hazards::id.asc())),
        HazardOrder::DueFirst => query.order((due().asc(), hazards::id.asc())),
    })
}

/// A line that is to be stored, and what the ledger says of its hazard until then.
pub(super) struct LineChange<'a> {
    pub(super) line: &'a HazardLine,
    pub(super) before: Option<HazardLine>,
}

impl LineChange<'_> {
    /// Whether a search must learn of it.
    pub(super) fn is_described_anew(&self) -> bool {
        self.before.as_ref().is_none_or(|before| before.description != self.line.description)
    }
}

impl Tx<'_> {
    /// The lines that some hazards have.
    fn lines(
        &mut self,
        township: TownshipId,
        ids: impl Iterator<Item = RecordId>,
    ) -> Result<BTreeMap<RecordId, HazardLine>, DbError> {
        let keys: Vec<Key> = ids.map(Key::from).collect();
        let mut lines = BTreeMap::new();
        for some in keys.chunks(KEYS_PER_STATEMENT) {
            let rows: Vec<HazardRow> = hazards::table
                .filter(hazards::township_id.eq(Key::from(township)))
                .filter(among(hazards::id, some))
                .select(HazardRow::as_select())
                .load(self.conn)?;
            lines.extend(rows.into_iter().map(HazardLine::from).map(|line| (line.id, line)));
        }
        Ok(lines)
    }
}

impl HazardTx for Tx<'_> {
    fn put_hazards(&mut self, township: TownshipId, lines: &[HazardLine]) -> Result<(), DbError> {
        let mut standing = self.lines(township, lines.iter().map(|line| line.id))?;
        let changes = lines.iter().map(|line| LineChange { line, before: standing.remove(&line.id) });
        // Most edits of a hazard leave its line as it is, and to write it again costs all of its indexes.
        let changes: Vec<LineChange<'_>> =
            changes.filter(|change| change.before.as_ref() != Some(change.line)).collect();
        if changes.is_empty() { Ok(()) } else { many::put_lines(self.conn, township, &changes) }
    }

    fn hazards(
        &mut self,
        township: TownshipId,
        filter: &HazardFilter,
        limit: usize,
    ) -> Result<Vec<HazardLine>, DbError> {
        let mut query = narrowed(township, filter);
        if let Some(grams) = filter.text.as_deref().and_then(Grams::asked)
            && let Some(rows) = search::rows(self.conn, &grams)?
        {
            query = query.filter(rows);
        }
        let query = ordered(query, filter.order, filter.after.as_ref())?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows: Vec<HazardRow> = query.limit(limit).select(HazardRow::as_select()).load(self.conn)?;
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
            query = query.filter(sql::<Text>(DUE).lt(today.clone()));
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

    fn hazards_due(
        &mut self,
        township: TownshipId,
        villages: Option<&[VillageId]>,
        from: Option<&str>,
        until: &str,
    ) -> Result<Vec<(Option<VillageId>, u64)>, DbError> {
        let mut query = hazards::table
            .filter(hazards::township_id.eq(Key::from(township)))
            .filter(hazards::is_void.eq(false))
            .filter(sql::<Text>(DUE).le(until.min(DUE_LAST).to_owned()))
            .group_by(hazards::village_id)
            .select((hazards::village_id, count_star()))
            .into_boxed();
        if let Some(from) = from {
            query = query.filter(sql::<Text>(DUE).ge(from.to_owned()));
        }
        if let Some(villages) = villages {
            query = query.filter(hazards::village_id.eq_any(villages.iter().copied().map(Key::from)));
        }
        let rows: Vec<(Option<Key>, Whole)> = query.load(self.conn)?;
        Ok(rows.into_iter().map(|(village, count)| (village.map(VillageId::from), count.0)).collect())
    }

    fn hazard_turnover(
        &mut self,
        township: TownshipId,
        villages: Option<&[VillageId]>,
        from_ms: Ms,
        before_ms: Ms,
    ) -> Result<HazardTurnover, DbError> {
        let villages = villages.map(<[VillageId]>::to_vec);
        let all = HazardFilter { villages, ..HazardFilter::default() };
        let found = HazardFilter { found_from_ms: Some(from_ms), found_before_ms: Some(before_ms), ..all.clone() };
        let closed = HazardFilter { closed_from_ms: Some(from_ms), closed_before_ms: Some(before_ms), ..all };
        let found: Whole = narrowed(township, &found).count().get_result(self.conn)?;
        let closed: Whole = narrowed(township, &closed).count().get_result(self.conn)?;
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
