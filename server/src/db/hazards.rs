//! The hazard ledger as a table: one derived row a hazard, made for filters and pages. What a row says is decided in
//! `crate::ledger`; the facts themselves are in `records`.

use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text};
use diesel::sqlite::{Sqlite, SqliteConnection};
use sync_core::ids::{RecordId, TownshipId, VillageId};
use sync_core::time::Ms;

use super::schema::hazards;
use super::types::{Key, Whole};
use super::{DbError, SqliteTransaction};

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
    /// When it was found.
    pub found_at_ms: Ms,
    /// When it was closed.
    pub closed_at_ms: Option<Ms>,
    /// What was found.
    pub description: String,
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
    /// Found at or after this instant.
    pub found_from_ms: Option<Ms>,
    /// Found before this instant.
    pub found_before_ms: Option<Ms>,
    /// The description contains this.
    pub text: Option<String>,
    /// Also those that are voided.
    pub with_void: bool,
    /// Only what comes after this line, the newest first.
    pub after: Option<(Ms, RecordId)>,
}

/// Questions about the ledger.
pub trait HazardTx {
    /// Stores the line of a hazard.
    ///
    /// # Errors
    /// The database failed.
    fn put_hazard(&mut self, township: TownshipId, line: &HazardLine) -> Result<(), DbError>;

    /// The lines that a filter leaves, the newest find first, at most `limit`.
    ///
    /// # Errors
    /// The database failed.
    fn hazards(
        &mut self,
        township: TownshipId,
        filter: &HazardFilter,
        limit: usize,
    ) -> Result<Vec<HazardLine>, DbError>;

    /// The line of one hazard.
    ///
    /// # Errors
    /// The database failed.
    fn hazard(&mut self, township: TownshipId, id: RecordId) -> Result<Option<HazardLine>, DbError>;
}

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

/// Stores a line, whether or not the hazard has one. By hand for the same reason as `records::PutRecord`.
struct PutHazard<'a> {
    township_id: Key,
    id: Key,
    village_id: Option<Key>,
    site_id: Option<Key>,
    found_at_ms: Whole,
    closed_at_ms: Option<Whole>,
    line: &'a HazardLine,
}

impl QueryFragment<Sqlite> for PutHazard<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        let line = self.line;
        out.push_sql(
            "INSERT INTO hazards (township_id, id, village_id, site_id, found_at_ms, closed_at_ms, sector, is_major, \
             status, is_suspended, is_escalated, is_void, deadline, description) VALUES (",
        );
        out.push_bind_param::<Binary, _>(&self.township_id)?;
        out.push_sql(", ");
        out.push_bind_param::<Binary, _>(&self.id)?;
        for key in [&self.village_id, &self.site_id] {
            out.push_sql(", ");
            out.push_bind_param::<Nullable<Binary>, _>(key)?;
        }
        out.push_sql(", ");
        out.push_bind_param::<BigInt, _>(&self.found_at_ms)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<BigInt>, _>(&self.closed_at_ms)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&line.sector)?;
        out.push_sql(", ");
        out.push_bind_param::<Bool, _>(&line.is_major)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&line.status)?;
        for flag in [&line.is_suspended, &line.is_escalated, &line.is_void] {
            out.push_sql(", ");
            out.push_bind_param::<Bool, _>(flag)?;
        }
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Text>, _>(&line.deadline)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&line.description)?;
        out.push_sql(
            ") ON CONFLICT (township_id, id) DO UPDATE SET village_id = excluded.village_id, \
             site_id = excluded.site_id, found_at_ms = excluded.found_at_ms, closed_at_ms = excluded.closed_at_ms, \
             sector = excluded.sector, is_major = excluded.is_major, status = excluded.status, \
             is_suspended = excluded.is_suspended, is_escalated = excluded.is_escalated, is_void = excluded.is_void, \
             deadline = excluded.deadline, description = excluded.description",
        );
        Ok(())
    }
}

impl QueryId for PutHazard<'_> {
    type QueryId = PutHazard<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl RunQueryDsl<SqliteConnection> for PutHazard<'_> {}

type Boxed<'a> = hazards::BoxedQuery<'a, diesel::sqlite::Sqlite>;

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
        query = query.filter(hazards::sector.eq_any(filter.sectors.clone()));
    }
    if !filter.statuses.is_empty() {
        query = query.filter(hazards::status.eq_any(filter.statuses.clone()));
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
        let literal = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        query = query.filter(hazards::description.like(format!("%{literal}%")).escape('\\'));
    }
    if !filter.with_void {
        query = query.filter(hazards::is_void.eq(false));
    }
    query
}

impl HazardTx for SqliteTransaction<'_> {
    fn put_hazard(&mut self, township: TownshipId, line: &HazardLine) -> Result<(), DbError> {
        let put = PutHazard {
            township_id: township.into(),
            id: line.id.into(),
            village_id: line.village.map(Key::from),
            site_id: line.site.map(Key::from),
            found_at_ms: Whole(line.found_at_ms),
            closed_at_ms: line.closed_at_ms.map(Whole),
            line,
        };
        put.execute(self.conn)?;
        Ok(())
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
