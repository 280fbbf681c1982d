//! Searching descriptions on SQLite, by an index of FTS5: <https://www.sqlite.org/fts5.html>.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Bool, Text};

use super::{Backend, Conn};
use crate::db::DbError;
use crate::db::grams::Grams;
use crate::db::schema::{hazards, meta};

/// What more rows than this have is found sooner by going through the ledger in its order than by fetching them all.
const ROWS_MAX: i64 = 5_000;

/// Lines after the end of the index, which every search reads: with so many it takes them all. A search reads them in a few ms, and
/// to take them holds up a push for about as many ms as it has lines in hundreds.
pub(super) const UNINDEXED_ROWS_MAX: i64 = 2_000;

/// Under which name `meta` keeps the last row that the index knows.
const INDEXED_THROUGH: &str = "search_indexed_through";

type Condition = Box<dyn BoxableExpression<hazards::table, Backend, SqlType = Bool>>;

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

/// The rows that may contain what is asked for; `None` if they are too many to begin with them.
pub(super) fn rows(conn: &mut Conn, asked: &Grams) -> Result<Option<Condition>, DbError> {
    let pairs = asked.pairs.iter().map(|pair| format!("\"{pair}\""));
    let asked =
        pairs.chain(asked.single.iter().map(|letter| format!("\"{letter}\" *"))).collect::<Vec<_>>().join(" AND ");
    let count = "SELECT count(*) AS rows FROM (SELECT rowid FROM hazard_grams WHERE hazard_grams MATCH ? LIMIT ?)";
    let found: Counted = diesel::sql_query(count)
        .bind::<Text, _>(&asked)
        .bind::<BigInt, _>(ROWS_MAX.saturating_add(1))
        .get_result(conn)?;
    if found.rows > ROWS_MAX {
        return Ok(None);
    }
    let through = indexed_through(conn)?;
    let condition = sql::<Bool>("hazards.row IN (SELECT rowid FROM hazard_grams WHERE hazard_grams MATCH ");
    let condition =
        condition.bind::<Text, _>(asked).sql(" UNION ALL SELECT row FROM hazards AS unindexed WHERE row > ");
    Ok(Some(Box::new(condition.bind::<BigInt, _>(through).sql(")"))))
}

/// How far the index goes: it knows the lines up to this row, and a search reads those after it one by one.
fn indexed_through(conn: &mut Conn) -> Result<i64, DbError> {
    let kept: Option<String> =
        meta::table.find(INDEXED_THROUGH).select(meta::value).first(conn).optional().map_err(DbError::from)?;
    let through = kept.map_or(Ok(0), |row| row.parse());
    through.map_err(|error| DbError::Internal(format!("how far the index of the search goes: {error}")))
}

/// Notes up to which row there are new lines now, and lines that say something else than before. The index takes many at once:
/// what it writes out for each commit it merges again and again, and that cost a sixth of a push.
pub(super) fn note(conn: &mut Conn, newest: Option<i64>, described: &[(i64, &str)]) -> Result<(), DbError> {
    if newest.is_none() && described.is_empty() {
        return Ok(());
    }
    let through = indexed_through(conn)?;
    for (row, description) in described.iter().filter(|(row, _)| *row <= through) {
        PutGrams::<true>::new(*row, description).execute(conn)?;
    }
    let behind = newest.map_or(0, |newest| newest.saturating_sub(through));
    if behind >= UNINDEXED_ROWS_MAX { index_after(conn, through) } else { Ok(()) }
}

/// Brings the index up to the newest line. All rows are read before the first is noted: any statement that ends in between
/// makes FTS5 write out what it has gathered (its `xSavepoint`).
fn index_after(conn: &mut Conn, through: i64) -> Result<(), DbError> {
    let rows: Vec<(i64, String)> = hazards::table
        .filter(hazards::row.gt(through))
        .order(hazards::row)
        .select((hazards::row, hazards::description))
        .load(conn)?;
    for (row, description) in &rows {
        PutGrams::<false>::new(*row, description).execute(conn)?;
    }
    let value = rows.last().map_or(through, |(row, _)| *row).to_string();
    diesel::insert_into(meta::table)
        .values((meta::key.eq(INDEXED_THROUGH), meta::value.eq(&value)))
        .on_conflict(meta::key)
        .do_update()
        .set(meta::value.eq(&value))
        .execute(conn)?;
    Ok(())
}

/// Notes what a description contains, by the row of its line, in place of what it contained or where nothing is noted: to look for that
/// costs more than to insert.
pub(super) struct PutGrams<const REPLACES: bool> {
    row: i64,
    grams: String,
}

impl<const REPLACES: bool> PutGrams<REPLACES> {
    pub(super) fn new(row: i64, description: &str) -> Self {
        Self { row, grams: Grams::line_of(description) }
    }
}

impl<const REPLACES: bool> QueryFragment<Backend> for PutGrams<REPLACES> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.push_sql(if REPLACES { "REPLACE" } else { "INSERT" });
        out.push_sql(" INTO hazard_grams (rowid, grams) VALUES (");
        out.push_bind_param::<BigInt, _>(&self.row)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&self.grams)?;
        out.push_sql(")");
        Ok(())
    }
}

impl<const REPLACES: bool> QueryId for PutGrams<REPLACES> {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<const REPLACES: bool> RunQueryDsl<Conn> for PutGrams<REPLACES> {}
