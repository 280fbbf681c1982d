//! How SQLite carries out the statements of the hot paths: <https://www.sqlite.org/eqp.html>.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly")]

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::sqlite::SqliteConnection;

use super::Tx;
use super::connection::{existing, open_writer};
use crate::db::DatabaseOptions;
use crate::db::plans::{Caught, hot_paths, refuse};

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

/// One line of what `EXPLAIN` tells: https://www.sqlite.org/opcode.html
#[derive(QueryableByName)]
struct Operation {
    #[diesel(sql_type = Text)]
    opcode: String,
}

/// A step that reads rows of a table without saying which: it has no condition with `=`, and no word to look for in an index of
/// FTS5 (`M`). The lines that the search's index does not know yet are read by their place; they are never many
/// (`UNINDEXED_ROWS_MAX`).
fn walks(step: &Step) -> bool {
    if step.detail == "SEARCH unindexed USING INTEGER PRIMARY KEY (rowid>?)" {
        return false;
    }
    let reads = step.detail.starts_with("SCAN ") || step.detail.starts_with("SEARCH ");
    let of_nothing = step.detail.starts_with("SCAN CONSTANT ROW") || step.detail.starts_with("SCAN (");
    // The ids that are asked for.
    let of_parameter = step.detail.starts_with("SCAN json_each ");
    reads
        && !of_nothing
        && !of_parameter
        && !step.detail.contains("=?")
        && !step.detail.contains("VIRTUAL TABLE INDEX 0:M")
}

/// What the hot paths carry out, and a connection to ask how.
fn carried_out() -> (Caught, SqliteConnection, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.sqlite3");
    let mut conn = open_writer(&path, &DatabaseOptions::at(path.clone())).unwrap();
    let caught = Caught::default();
    conn.set_instrumentation(caught.clone());
    conn.batch_execute("BEGIN").unwrap();
    hot_paths(&mut Tx { conn: &mut conn, moved: Vec::new() }).unwrap();
    conn.batch_execute("COMMIT").unwrap();
    let asking = existing(&path).unwrap();
    (caught, asking, dir)
}

#[test]
fn no_statement_of_a_hot_path_walks_through_a_table() {
    let (caught, mut asking, _dir) = carried_out();
    let statements = caught.searching();
    let mut found = Vec::new();
    for sql in &statements {
        let plan: Vec<Step> = diesel::sql_query(format!("EXPLAIN QUERY PLAN {sql}")).load(&mut asking).unwrap();
        found.extend(plan.into_iter().filter(walks).map(|step| (sql.clone(), step.detail)));
    }
    refuse(&found, statements.len());
}

#[test]
fn what_a_push_inserts_makes_no_table_for_itself() {
    let (caught, mut asking, _dir) = carried_out();
    for table in ["versions", "records", "hazards", "mentions", "replicas", "feeds", "digests"] {
        let statement = caught.inserting().into_iter().find(|sql| sql.starts_with(&format!("INSERT INTO `{table}`")));
        let statement = statement.unwrap_or_else(|| panic!("nothing is inserted into {table}"));
        let steps: Vec<Operation> = diesel::sql_query(format!("EXPLAIN {statement}")).load(&mut asking).unwrap();
        assert!(steps.iter().any(|step| step.opcode.contains("Insert")), "{statement}");
        let for_itself = steps.iter().filter(|step| step.opcode == "OpenEphemeral").count();
        assert_eq!(for_itself, 0, "{statement}");
    }
}
