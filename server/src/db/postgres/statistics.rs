//! What PostgreSQL knows of a table when it chooses how to read it: how many rows there are, and what stands in them
//! (<https://www.postgresql.org/docs/current/planner-stats.html>). autovacuum looks at a table within a minute after a tenth of it has
//! changed. It has not yet where very much was written at once, and it does not come by itself where an index was added or a
//! backup was read in: there a page of the ledger is read by fetching and sorting all lines of its township.

use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};

use super::connection::Line;
use crate::db::DbError;

/// Of which tables PostgreSQL is to look at the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tables {
    /// All that have rows.
    All,
    /// Those that have rows and of which it knows nothing.
    Unknown,
}

/// Ours that have rows, by name; all of them, or those without statistics.
const NAMES: &str = "SELECT quote_ident(relname) AS name FROM pg_class \
     WHERE relkind = 'r' AND relnamespace = current_schema()::text::regnamespace AND pg_relation_size(oid) > 0 \
     AND ($1 OR NOT EXISTS (SELECT FROM pg_stats WHERE schemaname = current_schema() AND tablename = relname)) ORDER BY 1";

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Has the rows of tables looked at, some tens of thousands of each, however long that takes. Nobody waits for it who reads or writes.
pub(super) fn gather(line: &mut Line, tables: Tables) -> Result<(), DbError> {
    line.execute("SET statement_timeout = 0; SET lock_timeout = 0")?;
    let named = diesel::sql_query(NAMES).bind::<Bool, _>(tables == Tables::All);
    let names: Vec<Name> = named.load(&mut line.conn)?;
    for Name { name } in names {
        line.execute(&format!("ANALYZE {name}"))?;
    }
    Ok(())
}
