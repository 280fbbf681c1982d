//! PostgreSQL: a pool of connections that write, one township each at a time, a pool that reads, and one that tells and
//! hears of feeds that moved. Any number of processes may share one database. The queries are in `db/rows/`.

mod address;
mod bridge;
#[cfg(test)]
mod bridge_tests;
mod connection;
#[cfg(test)]
mod faults;
mod herald;
mod lanes;
mod many;
mod opening;
#[cfg(test)]
mod plans;
mod readers;
mod search;
mod statistics;
#[cfg(test)]
mod tests;
mod way;
mod writer;

#[path = "../rows/accounts.rs"]
mod accounts;
#[path = "../rows/audit.rs"]
mod audit;
#[path = "../rows/blobs.rs"]
mod blobs;
#[path = "../rows/comments.rs"]
mod comments;
#[path = "../rows/desks.rs"]
mod desks;
#[path = "../rows/devices.rs"]
mod devices;
#[path = "../rows/digests.rs"]
mod digests;
#[path = "../rows/enrolments.rs"]
mod enrolments;
#[path = "../rows/hazards.rs"]
mod hazards;
#[path = "../rows/keeping.rs"]
mod keeping;
#[path = "../rows/meta.rs"]
mod meta;
#[path = "../rows/orders.rs"]
mod orders;
#[path = "../rows/projections.rs"]
mod projections;
#[path = "../rows/records.rs"]
mod records;
#[path = "../rows/sessions.rs"]
mod sessions;
#[path = "../rows/townships.rs"]
mod townships;
#[path = "../rows/versions.rs"]
mod versions;
#[path = "../rows/visits.rs"]
mod visits;

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use diesel::pg::{PgConnection, PgRowByRowLoadingMode};
use sync_core::ids::TownshipId;

use super::feeds::Feeds;
use super::job::{Job, WriterCounts};
use super::types::{Id, Key};
use super::{DatabaseOptions, DbError, OpenError, Scope, Transaction, join};
use connection::Line;
use herald::Herald;
use lanes::Lanes;
use readers::Readers;
use statistics::Tables;
use writer::Writer;

pub use address::{shown, without_password};
#[cfg(test)]
pub(super) use opening::MIGRATIONS;
pub use way::Link;

/// What the files of `db/rows/` call the connection.
type Conn = PgConnection;
/// What they call the kind of database.
type Backend = diesel::pg::Pg;
/// How rows are read that do not fit the memory together.
type Streaming = PgRowByRowLoadingMode;

/// Our advisory locks among those of others on the same database: "HLDG". Townships' locks are in the other, 64-bit space.
const LOCK_CLASS: i32 = 0x484C_4447;
/// Writers of one township share it; who writes the whole holds it alone.
const WHOLE_LOCK: i32 = 1;
/// Held while a process brings the schema up to date.
const OPENING_LOCK: i32 = 2;

/// Text that contains another, by a pattern whose wildcards are escaped with a backslash; case matters as on SQLite.
type Alike = diesel::dsl::Escape<diesel::dsl::ILike<super::schema::hazards::description, String>>;

fn alike(column: super::schema::hazards::description, pattern: String) -> Alike {
    diesel::EscapeExpressionMethods::escape(diesel::PgTextExpressionMethods::ilike(column, pattern), '\\')
}

/// Whether a column holds one of some ids: one parameter, whatever their number.
fn among<C>(column: C, keys: &[Key]) -> diesel::dsl::EqAny<C, &[Key]>
where
    C: diesel::Expression<SqlType = Id>,
{
    diesel::ExpressionMethods::eq_any(column, keys)
}

/// A transaction on a connection.
struct Tx<'a> {
    conn: &'a mut Conn,
    /// The feeds that it has moved, and to where.
    moved: Vec<(TownshipId, u64)>,
}

impl Transaction for Tx<'_> {}

/// A PostgreSQL database that is open.
pub(super) struct Postgres {
    lanes: Arc<Lanes>,
    counts: Arc<WriterCounts>,
    readers: Readers,
    herald: Arc<Herald>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// What carries the connections; it ends after them.
    link: Link,
}

impl Postgres {
    /// Checks the database, brings its schema up to date, and begins to serve. Blocks.
    pub(super) fn open(url: &str, options: &DatabaseOptions, feeds: &Arc<Feeds>) -> Result<Self, OpenError> {
        let link = Link::open(url)?;
        opening::prepare(&link)?;
        let url = Arc::clone(link.url());
        let (lanes, counts) = (Arc::new(Lanes::default()), Arc::new(WriterCounts::default()));
        let herald = Arc::new(Herald::default());
        let failed = |error: std::io::Error| OpenError::Failed {
            path: link.shown().to_owned(),
            why: DbError::Internal(error.to_string()),
        };
        let mut threads =
            vec![herald::spawn(Arc::clone(&herald), Arc::clone(&url), Arc::clone(feeds)).map_err(failed)?];
        for number in 0..options.writers.max(1) {
            let writer = Writer {
                url: Arc::clone(&url),
                line: None,
                lanes: Arc::clone(&lanes),
                counts: Arc::clone(&counts),
                feeds: Arc::clone(feeds),
                herald: Arc::clone(&herald),
            };
            let named = std::thread::Builder::new().name(format!("db-writer-{number}"));
            threads.push(named.spawn(move || writer.serve()).map_err(failed)?);
        }
        let readers = Readers::new(url);
        Ok(Self { lanes, counts, readers, herald, threads: Mutex::new(threads), link })
    }

    /// Opens a database that is there, without writers. Blocks.
    pub(super) fn open_to_read(url: &str) -> Result<Self, OpenError> {
        let link = Link::open(url)?;
        opening::check_as_it_is(&link)?;
        let lanes = Arc::new(Lanes::default());
        // Nobody takes from the lanes: writes are refused.
        lanes.close();
        Ok(Self {
            lanes,
            counts: Arc::new(WriterCounts::default()),
            readers: Readers::patient(Arc::clone(link.url())),
            herald: Arc::new(Herald::default()),
            threads: Mutex::default(),
            link,
        })
    }

    /// Hands a job to the writers.
    pub(super) fn queue(&self, scope: Scope, job: Box<dyn Job>) -> Result<(), DbError> {
        self.lanes.push(scope, job, &self.counts.waiting)
    }

    /// Runs a job that reads, on a snapshot. Blocks.
    pub(super) fn read_now<T, E: From<DbError>>(
        &self,
        job: &mut impl FnMut(&mut dyn Transaction) -> Result<T, E>,
    ) -> Result<T, E> {
        self.readers.run(job)
    }

    /// Has PostgreSQL look at what is in the tables. Blocks.
    pub(super) fn gather_statistics(&self) -> Result<(), DbError> {
        statistics::gather(&mut Line::connect(self.link.url())?, Tables::All)
    }

    pub(super) fn counts(&self) -> &WriterCounts {
        &self.counts
    }

    /// Finishes the jobs that wait and ends the threads.
    pub(super) fn close(&self) {
        let mut threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        self.lanes.close();
        // The first is the herald's: it ends last, so that what the writers still do is told.
        threads.drain(1.min(threads.len())..).for_each(join);
        self.herald.close();
        threads.into_iter().for_each(join);
    }
}
