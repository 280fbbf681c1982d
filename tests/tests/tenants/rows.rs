//! Every row of the database that belongs to a township, as text: whatever a stranger's request changed there is seen, whether
//! or not any address would show it.

use std::collections::BTreeMap;

use diesel::connection::Connection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::sqlite::SqliteConnection;
use hazard_tests::server::TestServer;
use server::db::Place;
use sync_core::ids::TownshipId;

#[derive(QueryableByName)]
struct Word {
    #[diesel(sql_type = Text)]
    word: String,
}

/// Table → its rows of the township, sorted.
pub(crate) type Rows = BTreeMap<String, Vec<String>>;

/// Tables that hold nothing of any township.
const OF_NOBODY: [&str; 2] = ["meta", "condemned_photos"];

/// Demands that nothing of a township has changed; says which rows did.
pub(crate) fn assert_unchanged(server: &TestServer, township: TownshipId, before: &Rows) {
    let mut after = rows_of(server, township);
    for (table, rows) in before {
        let now = after.remove(table).unwrap_or_default();
        let gone: Vec<&String> = rows.iter().filter(|row| !now.contains(row)).collect();
        // That somebody tried to sign in by a name of the township is for the township to know.
        let is_noted = |row: &str| table == "audit" && row.contains("sign_in_refused");
        let new: Vec<&String> = now.iter().filter(|row| !rows.contains(row) && !is_noted(row)).collect();
        assert!(gone.is_empty() && new.is_empty(), "{table} of the other township: {gone:?} became {new:?}");
    }
    assert!(after.is_empty(), "{after:?}");
}

/// Which rows of a table are a township's; `None`: none of the table's.
fn condition(table: &str, columns: &[String], township: &str) -> Option<String> {
    // What FTS5 keeps behind its index is nobody's by rows.
    if OF_NOBODY.contains(&table) || table.starts_with("hazard_grams_") {
        return None;
    }
    if columns.iter().any(|column| column == "township_id") {
        return Some(format!("township_id = {township}"));
    }
    Some(match table {
        "townships" => format!("id = {township}"),
        "account_villages" => format!("account_id IN (SELECT id FROM accounts WHERE township_id = {township})"),
        "refresh_tokens" => format!("session_id IN (SELECT id FROM sessions WHERE township_id = {township})"),
        // A table of its own on PostgreSQL, an index of FTS5 on SQLite.
        "hazard_grams" => {
            let row = if columns.iter().any(|column| column == "row") { "row" } else { "rowid" };
            format!("{row} IN (SELECT row FROM hazards WHERE township_id = {township})")
        }
        other => panic!("say here whose the rows of {other} are"),
    })
}

/// What stands in the database of a township now.
pub(crate) fn rows_of(server: &TestServer, township: TownshipId) -> Rows {
    match &server.app().settings.database.place {
        Place::Sqlite(path) => on_sqlite(&path.display().to_string(), township),
        Place::Postgres(url) => on_postgres(url, township),
    }
}

fn on_sqlite(path: &str, township: TownshipId) -> Rows {
    let mut conn = SqliteConnection::establish(path).unwrap();
    let mut ask = |sql: String| -> Vec<String> {
        diesel::sql_query(sql).load::<Word>(&mut conn).unwrap().into_iter().map(|word| word.word).collect()
    };
    let township = format!("X'{}'", township.0.simple());
    let tables = ask("SELECT name AS word FROM sqlite_master WHERE type = 'table' \
        AND name NOT LIKE 'sqlite%' AND name NOT LIKE '%diesel%'"
        .to_owned());
    let mut rows = Rows::new();
    for table in tables {
        let columns = ask(format!("SELECT name AS word FROM pragma_table_info('{table}')"));
        let Some(condition) = condition(&table, &columns, &township) else { continue };
        let line: Vec<String> = columns.iter().map(|column| format!("quote(\"{column}\")")).collect();
        let line = line.join(" || ',' || ");
        rows.insert(table.clone(), ask(format!("SELECT {line} AS word FROM {table} WHERE {condition} ORDER BY 1")));
    }
    rows
}

fn on_postgres(url: &str, township: TownshipId) -> Rows {
    let mut conn = PgConnection::establish(url).unwrap();
    let mut ask = |sql: String| -> Vec<String> {
        diesel::sql_query(sql).load::<Word>(&mut conn).unwrap().into_iter().map(|word| word.word).collect()
    };
    let township = format!("'{township}'");
    let tables = ask("SELECT tablename::text AS word FROM pg_tables WHERE schemaname = 'public' \
        AND tablename NOT LIKE '%diesel%'"
        .to_owned());
    let mut rows = Rows::new();
    for table in tables {
        let columns = ask(format!(
            "SELECT column_name::text AS word FROM information_schema.columns WHERE table_schema = 'public' \
             AND table_name = '{table}'"
        ));
        let Some(condition) = condition(&table, &columns, &township) else { continue };
        let sql = format!("SELECT t::text AS word FROM {table} t WHERE {condition} ORDER BY 1");
        rows.insert(table.clone(), ask(sql));
    }
    rows
}
