//! Searching descriptions on PostgreSQL, by an inverted index of arrays: <https://www.postgresql.org/docs/current/gin.html>.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Text};

use super::{Backend, Conn};
use crate::db::DbError;
use crate::db::grams::Grams;
use crate::db::hazards::HazardLine;
use crate::db::schema::hazards;
use crate::db::types::{Id, Key};

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

/// Notes what descriptions contain whose lines are stored.
pub(super) fn put(conn: &mut Conn, township: Key, lines: &[&HazardLine]) -> Result<(), DbError> {
    let ids: Vec<Key> = lines.iter().map(|line| line.id.into()).collect();
    let grams: Vec<String> =
        lines.iter().map(|line| Grams::of(&line.description).pairs.into_iter().collect::<Vec<_>>().join(" ")).collect();
    diesel::sql_query(
        "INSERT INTO hazard_grams (row, grams) SELECT hazards.row, string_to_array(new.grams, ' ') \
         FROM unnest($1, $2) AS new (id, grams) JOIN hazards ON hazards.township_id = $3 AND hazards.id = new.id \
         ON CONFLICT (row) DO UPDATE SET grams = excluded.grams",
    )
    .bind::<Array<Id>, _>(ids)
    .bind::<Array<Text>, _>(grams)
    .bind::<Id, _>(township)
    .execute(conn)?;
    Ok(())
}
