//! How the database finds the rows of what every address asks of it: by an index, never by reading a table through. The statements
//! are those that the addresses really make, seen on their way.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use diesel::connection::{
    Connection, Instrumentation, InstrumentationEvent, SimpleConnection, set_default_instrumentation,
};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::sqlite::SqliteConnection;
use hazard_tests::server::TestServer;
use server::db::Place;

use crate::attempts::attempts;
use crate::town::Town;

/// Tables with a row a township, a step of the schema, or a photo that is about to be removed: reading them through is the
/// quickest there is.
const SMALL: [&str; 5] = ["townships", "meta", "condemned_photos", "__diesel_schema_migrations", "sqlite_master"];

/// What the hourly search for photos that nothing names begins with: it has to look at each, and no request waits for it.
const SWEEP: &str = "blobs";

static MADE: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

struct Collector;

impl Instrumentation for Collector {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            let text = query.to_string();
            let sql = text.rsplit_once(" -- binds: ").map_or(text.as_str(), |(sql, _)| sql).trim();
            let verb = sql.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
            let is_sweep = sql.contains("NOT (EXISTS") && sql.contains(SWEEP);
            let reads_no_table = sql.contains("pg_notify(") || sql.contains("information_schema");
            let is_planned = ["SELECT", "UPDATE", "DELETE", "WITH"].contains(&verb.as_str());
            if is_planned && !is_sweep && !reads_no_table {
                MADE.lock().unwrap().insert(sql.to_owned());
            }
        }
    }
}

#[derive(QueryableByName)]
struct Detail {
    #[diesel(sql_type = Text)]
    detail: String,
}

/// Statement → the steps of its plan that read a table through.
type Slow = BTreeMap<String, Vec<String>>;

#[actix_web::test]
async fn every_statement_of_every_address_finds_its_rows_by_an_index() {
    set_default_instrumentation(|| Some(Box::new(Collector))).unwrap();
    let server = TestServer::start().await;
    let town = Town::found(&server, "jiaxiang").await;
    for attempt in attempts(&town) {
        for who in town.people() {
            let _ = attempt.make(&server, Some(who)).await;
        }
    }
    let made = MADE.lock().unwrap().clone();
    assert!(made.len() > 60, "{} statements were seen", made.len());
    let explain = match &server.app().settings.database.place {
        Place::Sqlite(path) => slow_on_sqlite(&path.display().to_string(), &made),
        Place::Postgres(url) => slow_on_postgres(url, &made),
    };
    assert!(explain.is_empty(), "{explain:#?}");
}

#[test]
fn a_table_that_is_read_through_is_noticed() {
    let mut conn = SqliteConnection::establish(":memory:").unwrap();
    conn.batch_execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, word TEXT)").unwrap();
    assert_eq!(steps_on_sqlite(&mut conn, "SELECT word FROM rows WHERE word = ?"), ["SCAN rows"]);
    assert!(steps_on_sqlite(&mut conn, "SELECT word FROM rows WHERE id = ?").is_empty());
    let plan = ["Sort", "  ->  Seq Scan on rows", "        Filter: (word = $1)"];
    assert_eq!(through_on_postgres(&plan), ["Seq Scan on rows"]);
    let plan = ["Index Scan using rows_pkey on rows", "  Filter: (word = $1)"];
    assert_eq!(through_on_postgres(&plan), ["Index Scan using rows_pkey on rows"]);
    let plan = ["Index Scan using rows_pkey on rows", "  Index Cond: (id = $1)"];
    assert!(through_on_postgres(&plan).is_empty());
}

fn slow_on_sqlite(path: &str, made: &BTreeSet<String>) -> Slow {
    let mut conn = SqliteConnection::establish(path).unwrap();
    let slow = made.iter().map(|sql| (sql.clone(), steps_on_sqlite(&mut conn, sql)));
    slow.filter(|(_, steps)| !steps.is_empty()).collect()
}

/// The steps of SQLite's plan that read a table, or all of an index, through (<https://sqlite.org/eqp.html>).
fn steps_on_sqlite(conn: &mut SqliteConnection, sql: &str) -> Vec<String> {
    let steps = diesel::sql_query(format!("EXPLAIN QUERY PLAN {sql}")).load::<Detail>(conn);
    let steps = steps.unwrap_or_else(|error| panic!("{sql}: {error}")).into_iter().map(|step| step.detail);
    let is_table = |name: &str| !SMALL.contains(&name) && !name.starts_with('(') && name != "CONSTANT";
    steps
        .filter(|step| {
            let mut words = step.split(' ');
            let (verb, name) = (words.next(), words.next().unwrap_or_default());
            let is_made_up = step.contains("VIRTUAL TABLE") || step.contains("CONSTANT ROW");
            verb == Some("SCAN") && is_table(name) && !is_made_up
        })
        .collect()
}

/// PostgreSQL would read small tables through whatever indexes there are: it is told not to where it can be helped.
const ASK: &str = "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_bitmapscan = on; \
    CREATE FUNCTION pg_temp.plan_of(asked text) RETURNS SETOF text LANGUAGE plpgsql AS \
    $$ BEGIN RETURN QUERY EXECUTE 'EXPLAIN (COSTS OFF) ' || asked; END $$";

fn slow_on_postgres(url: &str, made: &BTreeSet<String>) -> Slow {
    let mut conn = PgConnection::establish(url).unwrap();
    conn.batch_execute(ASK).unwrap();
    let mut slow = Slow::new();
    for (at, sql) in made.iter().enumerate() {
        let parameters = (1..).take_while(|number| sql.contains(&format!("${number}"))).count();
        let nulls =
            if parameters == 0 { String::new() } else { format!("({})", ["NULL"].repeat(parameters).join(", ")) };
        conn.batch_execute(&format!("PREPARE asked_{at} AS {sql}")).unwrap_or_else(|error| panic!("{sql}: {error}"));
        let lines = diesel::sql_query(format!(
            "SELECT line AS detail FROM pg_temp.plan_of('EXECUTE asked_{at}{nulls}') AS line"
        ));
        let lines: Vec<String> = lines.load::<Detail>(&mut conn).unwrap().into_iter().map(|line| line.detail).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let through = through_on_postgres(&lines);
        if !through.is_empty() {
            slow.insert(sql.clone(), through);
        }
    }
    slow
}

/// The steps of a plan that read a table through, or all of an index although nothing ends it early.
fn through_on_postgres(plan: &[&str]) -> Vec<String> {
    let has_end = plan.first().is_some_and(|first| first.starts_with("Limit"));
    let mut through = Vec::new();
    for (at, line) in plan.iter().enumerate() {
        let step = line.trim_start_matches([' ', '-', '>']);
        let table = step.rsplit(" on ").next().and_then(|name| name.split(' ').next()).unwrap_or_default();
        let condition = plan.get(at + 1).is_some_and(|next| next.contains("Index Cond"));
        let is_through = step.starts_with("Seq Scan")
            || (step.starts_with("Index") && step.contains(" on ") && !condition && !has_end);
        if is_through && !SMALL.contains(&table) {
            through.push(step.to_owned());
        }
    }
    through
}
