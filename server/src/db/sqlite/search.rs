//! Searching descriptions on SQLite, by an index of FTS5: <https://www.sqlite.org/fts5.html>.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Bool, Text};

use super::{Backend, Conn};
use crate::db::DbError;
use crate::db::grams::Grams;
use crate::db::schema::hazards;

/// What more rows than this have is found sooner by going through the ledger in its order than by fetching them all.
const ROWS_MAX: i64 = 5_000;

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
    let condition = sql::<Bool>("hazards.row IN (SELECT rowid FROM hazard_grams WHERE hazard_grams MATCH ");
    Ok(Some(Box::new(condition.bind::<Text, _>(asked).sql(")"))))
}

/// Notes what a description contains; `row` is that of its line. By hand, as the upserts of `many` are, for the same reason.
pub(super) struct PutGrams {
    row: i64,
    grams: String,
    /// Whether the row has some: to look for them costs more than to insert.
    is_replaced: bool,
}

impl PutGrams {
    pub(super) fn new(row: i64, description: &str, is_replaced: bool) -> Self {
        let grams = Grams::of(description);
        let grams: Vec<&str> = grams.pairs.iter().chain(&grams.single).map(String::as_str).collect();
        Self { row, grams: grams.join(" "), is_replaced }
    }
}

impl QueryFragment<Backend> for PutGrams {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.push_sql(if self.is_replaced { "REPLACE" } else { "INSERT" });
        out.push_sql(" INTO hazard_grams (rowid, grams) VALUES (");
        out.push_bind_param::<BigInt, _>(&self.row)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&self.grams)?;
        out.push_sql(")");
        Ok(())
    }
}

impl QueryId for PutGrams {
    type QueryId = ();
    // Two statements: each is kept by its text.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl RunQueryDsl<Conn> for PutGrams {}
