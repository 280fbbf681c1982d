//! How PostgreSQL carries out the statements of the hot paths, on tables of 50 townships that are large enough for an
//! index to be worth it: <https://www.postgresql.org/docs/current/using-explain.html>. Plans are asked for without values,
//! as a session has them that runs a statement often.

#![allow(clippy::unwrap_used, reason = "tests may fail loudly")]

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::Tx;
use crate::db::plans::{Caught, hot_paths, refuse};
use crate::db::scratch::{self, Scratch};

/// Twenty thousand rows in every table that grows, spread over 50 townships; `plan_of` gives the lines of a plan.
const FILL: &str = include_str!("plans.sql");

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// Steps that read rows of a table without saying which: all of them, or by an index of which they ask no `=`.
fn walks(plan: &[Line]) -> Vec<String> {
    let mut found = Vec::new();
    for (at, Line { line }) in plan.iter().enumerate() {
        let step = line.trim_start_matches([' ', '-', '>']);
        let of = |what: &str| step.starts_with(what);
        let rest = plan.iter().skip(at.saturating_add(1)).map(|next| next.line.trim());
        let details: Vec<&str> = rest.take_while(|next| !next.starts_with("->")).collect();
        let asks = details
            .iter()
            .any(|detail| detail.starts_with("Index Cond:") && [" = ", " @> "].iter().any(|one| detail.contains(one)));
        if of("Seq Scan") || ((of("Index Scan") || of("Index Only Scan") || of("Bitmap Index Scan")) && !asks) {
            found.push(format!("{step} [{}]", details.join("; ")));
        }
    }
    found
}

/// The plan of a statement with parameters, whatever their values.
fn plan(conn: &mut PgConnection, sql: &str) -> Vec<Line> {
    let last = (1..=2_000).rev().find(|number| sql.contains(&format!("${number}"))).unwrap_or(0);
    conn.batch_execute(&format!("PREPARE asked AS {sql}")).unwrap();
    let values = vec!["NULL"; last].join(", ");
    let execute = if last == 0 { "EXECUTE asked".to_owned() } else { format!("EXECUTE asked({values})") };
    let asked = diesel::sql_query("SELECT plan_of($1) AS line").bind::<Text, _>(format!("EXPLAIN {execute}"));
    let lines = asked.load(conn).unwrap();
    conn.batch_execute("DEALLOCATE asked").unwrap();
    lines
}

#[test]
fn no_statement_of_a_hot_path_walks_through_a_table() {
    let scratch = Scratch::on(&scratch::server().unwrap()).unwrap();
    let mut conn = PgConnection::establish(&scratch.url()).unwrap();
    conn.batch_execute(FILL).unwrap();
    // As autovacuum leaves them sooner or later: which pages an index may answer for alone is then known.
    conn.batch_execute("VACUUM ANALYZE").unwrap();
    let caught = Caught::default();
    let mut writing = PgConnection::establish(&scratch.url()).unwrap();
    writing.set_instrumentation(caught.clone());
    writing.batch_execute("BEGIN").unwrap();
    hot_paths(&mut Tx { conn: &mut writing, moved: Vec::new() }).unwrap();
    writing.batch_execute("COMMIT").unwrap();

    let statements = caught.searching();
    let mut found = Vec::new();
    for sql in &statements {
        found.extend(walks(&plan(&mut conn, sql)).into_iter().map(|step| (sql.clone(), step)));
    }
    refuse(&found, statements.len());
}
