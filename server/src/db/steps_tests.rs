//! That every step of the schema can be taken back, on both databases: an update that went wrong is undone by what its release
//! brought along (`down.sql`). What is in the tables is another matter: a step that adds a column cannot keep it.

#![allow(clippy::unwrap_used, reason = "tests may fail loudly")]

use diesel::backend::Backend;
use diesel::connection::LoadConnection;
use diesel::migration::MigrationSource;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::sqlite::SqliteConnection;
use diesel_migrations::MigrationHarness;

use super::scratch::{self, Scratch};
use super::{postgres, sqlite};

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// Takes each step, takes it back, and takes it again; `schema` says all that is to be as before.
fn each_is_taken_back<B: Backend, C: MigrationHarness<B> + LoadConnection<Backend = B>>(
    conn: &mut C,
    steps: &impl MigrationSource<B>,
    schema: impl Fn(&mut C) -> Vec<String>,
) {
    assert!(conn.applied_migrations().unwrap().is_empty());
    let nothing = schema(conn);
    let mut steps = steps.migrations().unwrap();
    steps.sort_by_key(|step| step.name().version().as_owned());
    for step in steps {
        let before = schema(conn);
        conn.run_migration(&*step).unwrap();
        conn.revert_migration(&*step).unwrap();
        let after = schema(conn);
        let beside = |these: &[String], those: &[String]| -> Vec<String> {
            these.iter().filter(|line| !those.contains(line)).cloned().collect()
        };
        let (gone, left) = (beside(&before, &after), beside(&after, &before));
        assert!(gone.is_empty() && left.is_empty(), "{}: gone {gone:#?}, left {left:#?}", step.name());
        conn.run_migration(&*step).unwrap();
    }
    assert_ne!(schema(conn), nothing, "the schema is not looked at");
}

#[test]
fn every_step_on_sqlite_can_be_taken_back() {
    let said = "SELECT type || ' ' || name || ' ' || coalesce(sql, '') AS line FROM sqlite_master \
                WHERE tbl_name NOT LIKE '%schema_migrations' ORDER BY 1";
    each_is_taken_back(&mut SqliteConnection::establish(":memory:").unwrap(), &sqlite::MIGRATIONS, |conn| {
        diesel::sql_query(said).load::<Line>(conn).unwrap().into_iter().map(|row| row.line).collect()
    });
}

#[test]
fn every_step_on_postgresql_can_be_taken_back() {
    let said = "SELECT line FROM ( \
        SELECT concat_ws(' ', 'column', table_name, column_name, data_type, is_nullable, column_default) AS line \
            FROM information_schema.columns WHERE table_schema = 'public' \
        UNION ALL SELECT concat_ws(' ', 'constraint', conrelid::regclass, conname, pg_get_constraintdef(oid)) \
            FROM pg_constraint WHERE connamespace = 'public'::regnamespace \
        UNION ALL SELECT 'index ' || pg_get_indexdef(indexrelid) FROM pg_index \
            JOIN pg_class ON pg_class.oid = indexrelid WHERE relnamespace = 'public'::regnamespace \
        UNION ALL SELECT 'function ' || pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace \
        UNION ALL SELECT 'trigger ' || pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal \
        UNION ALL SELECT concat_ws(' ', 'options', relname, reloptions::text) FROM pg_class \
            WHERE relnamespace = 'public'::regnamespace) AS said \
        WHERE line NOT LIKE '%schema_migrations%' ORDER BY line COLLATE \"C\"";
    let scratch = Scratch::empty(&scratch::server().unwrap()).unwrap();
    each_is_taken_back(&mut PgConnection::establish(&scratch.url()).unwrap(), &postgres::MIGRATIONS, |conn| {
        diesel::sql_query(said).load::<Line>(conn).unwrap().into_iter().map(|row| row.line).collect()
    });
}
