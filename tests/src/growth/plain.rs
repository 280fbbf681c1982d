//! The limit of a first pull: the same rows by one plain statement, put into a JSON list. No scope, no pages, no joins of what
//! was written meanwhile, no compression, no HTTP.

use std::path::Path;
use std::time::Instant;

use diesel::prelude::*;
use diesel::sql_types::Text;
use serde_json::{Value, json};

use super::Failure;

#[derive(QueryableByName)]
struct State {
    #[diesel(sql_type = Text)]
    state: String,
}

const EVERYTHING: &str = "SELECT state FROM records ORDER BY feed_seq";

/// Reads every record of a SQLite file.
///
/// # Errors
/// The database failed.
pub fn on_sqlite(path: &Path) -> Result<Value, Failure> {
    read(&mut SqliteConnection::establish(&path.display().to_string())?)
}

/// Reads every record of a PostgreSQL database.
///
/// # Errors
/// The database failed.
pub fn on_postgres(url: &str) -> Result<Value, Failure> {
    read(&mut PgConnection::establish(url)?)
}

fn read<C>(conn: &mut C) -> Result<Value, Failure>
where
    C: diesel::connection::LoadConnection,
    diesel::query_builder::SqlQuery: for<'query> diesel::query_dsl::LoadQuery<'query, C, State>,
{
    let began = Instant::now();
    let states: Vec<State> = diesel::sql_query(EVERYTHING).load(conn)?;
    let states: Vec<&serde_json::value::RawValue> =
        states.iter().map(|row| serde_json::from_str(&row.state)).collect::<Result<_, _>>()?;
    let text = serde_json::to_string(&states)?;
    let seconds = began.elapsed().as_secs_f64();
    Ok(json!({"records": states.len(), "bytes": text.len(), "seconds": (seconds * 1e3).round() / 1e3}))
}
