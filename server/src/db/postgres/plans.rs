//! How PostgreSQL carries out the statements of the hot paths, on tables of 50 townships that are large enough for an
//! index to be worth it: <https://www.postgresql.org/docs/current/using-explain.html>. Plans are asked for without values,
//! as a session has them that runs a statement often.

#![allow(clippy::unwrap_used, reason = "tests may fail loudly")]

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::Tx;
use crate::db::Database;
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

/// What the hot paths ask for and write, as a session on this database carries it out.
fn caught(scratch: &Scratch) -> Caught {
    let caught = Caught::default();
    let mut writing = PgConnection::establish(&scratch.url()).unwrap();
    writing.set_instrumentation(caught.clone());
    writing.batch_execute("BEGIN").unwrap();
    hot_paths(&mut Tx { conn: &mut writing, moved: Vec::new() }).unwrap();
    writing.batch_execute("COMMIT").unwrap();
    caught
}

#[test]
fn no_statement_of_a_hot_path_walks_through_a_table() {
    let scratch = Scratch::on(&scratch::server().unwrap()).unwrap();
    let mut conn = PgConnection::establish(&scratch.url()).unwrap();
    conn.batch_execute(FILL).unwrap();
    // As autovacuum leaves them sooner or later: which pages an index may answer for alone is then known.
    conn.batch_execute("VACUUM ANALYZE").unwrap();
    let statements = caught(&scratch).searching();
    let mut found = Vec::new();
    for sql in &statements {
        found.extend(walks(&plan(&mut conn, sql)).into_iter().map(|step| (sql.clone(), step)));
    }
    refuse(&found, statements.len());
}

/// A plan for an insertion that reads tables is as good as what PostgreSQL knows of them: of a ledger that had grown quickly one read
/// all lines of the township for each push.
#[test]
fn what_is_inserted_is_given_and_not_looked_for() {
    let scratch = Scratch::on(&scratch::server().unwrap()).unwrap();
    let inserted = caught(&scratch).inserting();
    assert!(inserted.len() > 15, "{inserted:?}");
    for sql in inserted {
        let reads_a_table =
            sql.split(" FROM ").skip(1).any(|from| !from.starts_with("unnest(")) || sql.contains(" JOIN ");
        assert!(!reads_a_table, "{sql}");
    }
}

/// As after a backup was read in: autovacuum comes only where rows are written.
#[test]
fn the_pages_of_a_ledger_of_which_nothing_was_known_are_read_by_their_index_once_it_is_opened() {
    let scratch = Scratch::on(&scratch::server().unwrap()).unwrap();
    let mut conn = PgConnection::establish(&scratch.url()).unwrap();
    conn.batch_execute("ALTER TABLE hazards SET (autovacuum_enabled = false)").unwrap();
    conn.batch_execute(&FILL.replace("ANALYZE;", "").replace("n % 50", "0")).unwrap();
    let page = "EXPLAIN SELECT * FROM hazards WHERE township_id = one('township', 0) AND NOT is_void AND found_at_ms <= 19000 \
         AND (found_at_ms < 19000 OR id < one('record', 19000)) ORDER BY found_at_ms DESC, id DESC LIMIT 100";
    let mut sorts = || {
        let asked = diesel::sql_query("SELECT plan_of($1) AS line").bind::<Text, _>(page);
        asked.load::<Line>(&mut conn).unwrap().iter().any(|one| one.line.contains("Sort"))
    };
    assert!(sorts(), "it is to be shown that statistics are missed");
    Database::open(&scratch.options()).unwrap().close();
    assert!(!sorts());
}
