//! Searching descriptions on PostgreSQL, by an inverted index of arrays: <https://www.postgresql.org/docs/current/gin.html>.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Bool, Text};

use super::{Backend, Conn};
use crate::db::DbError;
use crate::db::grams::Grams;
use crate::db::schema::hazards;

type Condition = Box<dyn BoxableExpression<hazards::table, Backend, SqlType = Bool>>;

/// The rows that may contain what is asked for; `None` if the index does not know: it has no single letters.
#[allow(clippy::unnecessary_wraps, reason = "another database is asked, and may fail")]
pub(super) fn rows(_: &mut Conn, asked: &Grams) -> Result<Option<Condition>, DbError> {
    let pairs: Vec<String> = asked.pairs.iter().cloned().collect();
    if pairs.is_empty() {
        return Ok(None);
    }
    let condition = sql::<Bool>("hazards.row IN (SELECT row FROM hazard_grams WHERE grams @> ");
    Ok(Some(Box::new(condition.bind::<Array<Text>, _>(pairs).sql(")"))))
}

/// Notes what the descriptions of new lines contain, by their rows.
pub(super) fn add(conn: &mut Conn, described: &[(i64, &str)]) -> Result<(), DbError> {
    PutGrams::of(described, "").execute(conn)?;
    Ok(())
}

/// Notes what the descriptions of lines contain that have another one now, by their rows.
pub(super) fn replace(conn: &mut Conn, described: &[(i64, &str)]) -> Result<(), DbError> {
    PutGrams::of(described, "ON CONFLICT (row) DO UPDATE SET grams = excluded.grams").execute(conn)?;
    Ok(())
}

/// What descriptions contain, as a statement that is kept. The rows are given: to look for the lines by their ids cost a third of it,
/// and read the whole township where PostgreSQL did not know yet how many lines it has.
struct PutGrams {
    rows: Vec<i64>,
    grams: Vec<String>,
    tail: &'static str,
}

impl PutGrams {
    fn of(described: &[(i64, &str)], tail: &'static str) -> Self {
        let (rows, grams) = described.iter().map(|(row, text)| (*row, Grams::pairs_line_of(text))).unzip();
        Self { rows, grams, tail }
    }
}

impl QueryFragment<Backend> for PutGrams {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.push_sql("INSERT INTO hazard_grams (row, grams) SELECT unnest(");
        out.push_bind_param::<Array<BigInt>, _>(&self.rows)?;
        out.push_sql("), string_to_array(unnest(");
        out.push_bind_param::<Array<Text>, _>(&self.grams)?;
        out.push_sql("), ' ') ");
        out.push_sql(self.tail);
        Ok(())
    }
}

impl QueryId for PutGrams {
    type QueryId = ();
    // Two statements: each is kept by its text.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl RunQueryDsl<Conn> for PutGrams {}
