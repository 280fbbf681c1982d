//! One connection to PostgreSQL: how it is made, what it is set to, and what can be told of its troubles. libpq gives no
//! error codes through diesel, so that trouble is told by kind, by the state of the connection, and last by words.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use diesel::connection::{Connection, Instrumentation, InstrumentationEvent, SimpleConnection};
use diesel::pg::PgConnection;
use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::db::DbError;

/// What a URL asks for unless it says otherwise: a server that is gone is noticed in seconds, also when the network
/// swallows every packet. Names of libpq: <https://www.postgresql.org/docs/current/libpq-connect.html>.
const PARAMETERS: [(&str, &str); 7] = [
    ("connect_timeout", "5"),
    ("keepalives", "1"),
    ("keepalives_idle", "10"),
    ("keepalives_interval", "5"),
    ("keepalives_count", "3"),
    ("tcp_user_timeout", "20000"),
    ("application_name", "hazard-ledger"),
];

/// What every session is set to. A lock is waited for less long than a client waits for its answer; a session that was
/// left in a transaction gives its locks back. Commits are durable before they are answered, whatever the default.
const SETTINGS: &str = "SET statement_timeout = '30s'; SET lock_timeout = '10s'; \
    SET idle_in_transaction_session_timeout = '60s'; SET client_min_messages = 'warning'; SET bytea_output = 'hex'; \
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';";

/// What was turned away is run again, but not after so long: it would only hold a connection and a lock once more.
pub(super) const RERUN_WITHIN: Duration = Duration::from_secs(10);

/// How bad the worst trouble since the last look was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trouble {
    /// Every statement was carried out.
    None,
    /// A statement failed for a reason of its own: a key that exists, a row that may not be.
    Refused,
    /// A statement failed and may do better another time: a deadlock, a lock that was held too long, anything unknown.
    Passing,
    /// The connection is lost.
    Lost,
}

impl Trouble {
    const ALL: [Self; 4] = [Self::None, Self::Refused, Self::Passing, Self::Lost];

    fn number(self) -> u8 {
        (0..).zip(Self::ALL).find(|(_, one)| *one == self).map_or(0, |(number, _)| number)
    }

    fn of(error: &DieselError) -> Self {
        match error {
            DieselError::NotFound => Self::None,
            DieselError::DatabaseError(DatabaseErrorKind::ClosedConnection, _) => Self::Lost,
            DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure | DatabaseErrorKind::Unknown, _) => {
                Self::Passing
            }
            _ => Self::Refused,
        }
    }
}

/// Hears of every statement that failed.
struct Witness(Arc<AtomicU8>);

impl Instrumentation for Witness {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let InstrumentationEvent::FinishQuery { error: Some(error), .. } = event {
            self.0.fetch_max(Trouble::of(error).number(), Ordering::Relaxed);
        }
    }
}

/// A connection, and what has befallen it.
pub(super) struct Line {
    pub(super) conn: PgConnection,
    worst: Arc<AtomicU8>,
}

impl Line {
    /// Connects.
    ///
    /// # Errors
    /// `Busy`: the server cannot be reached, is starting or ending, has no connection left, or turns the user away.
    pub(super) fn connect(url: &str) -> Result<Self, DbError> {
        let conn = PgConnection::establish(&with_parameters(url));
        let mut conn = conn.map_err(|error| DbError::Busy(told(error.to_string())))?;
        conn.batch_execute(SETTINGS)?;
        let worst = Arc::new(AtomicU8::new(0));
        conn.set_instrumentation(Witness(Arc::clone(&worst)));
        Ok(Self { conn, worst })
    }

    /// Carries out statements that give nothing back.
    pub(super) fn execute(&mut self, sql: &str) -> Result<(), DbError> {
        Ok(self.conn.batch_execute(sql)?)
    }

    /// The worst trouble since the last look.
    pub(super) fn trouble(&self) -> Trouble {
        let worst = self.worst.swap(0, Ordering::Relaxed);
        Trouble::ALL.get(usize::from(worst)).copied().unwrap_or(Trouble::Lost)
    }

    /// Ends the transaction without keeping anything; whether the connection can be used again.
    pub(super) fn roll_back(&mut self) -> bool {
        let ended = self.conn.batch_execute("ROLLBACK").is_ok();
        ended && self.trouble() < Trouble::Lost
    }
}

/// What libpq says of a connection that was not made: of a URL that it cannot read it quotes a part, which may be of the
/// password.
fn told(why: String) -> String {
    let quotes = ["percent-encoded", "in URI", "invalid integer value", "invalid port number"];
    if quotes.iter().any(|quote| why.contains(quote)) {
        return "the URL of the database cannot be read: percent-encode its user and its password".to_owned();
    }
    why
}

/// The URL with what it does not say itself.
fn with_parameters(url: &str) -> String {
    let mut whole = url.to_owned();
    for (name, value) in PARAMETERS {
        if !url.contains(&format!("{name}=")) {
            whole.push(if whole.contains('?') { '&' } else { '?' });
            whole.push_str(&format!("{name}={value}"));
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic, reason = "tests")]
    use super::*;

    #[test]
    fn a_password_that_breaks_the_url_is_not_told() {
        for url in [
            "postgres://ledger:100%geheim@127.0.0.1/x",
            "postgres://ledger:ge/heim@127.0.0.1:1/x",
            "postgres://l:[geheim@x/y",
        ] {
            let Err(DbError::Busy(why)) = Line::connect(url).map(drop) else { panic!("{url} can be reached") };
            assert!(!why.contains("heim") && !why.contains("100%") && !why.contains("ge/"), "{url}: {why}");
        }
    }

    #[test]
    fn what_a_url_says_itself_is_not_said_again() {
        let whole = with_parameters("postgres://db/ledger?connect_timeout=60");
        assert!(whole.starts_with("postgres://db/ledger?connect_timeout=60&keepalives=1&"), "{whole}");
        assert_eq!(whole.matches("connect_timeout").count(), 1);
        assert!(with_parameters("postgres://db/ledger").contains("/ledger?connect_timeout=5&"));
    }

    #[test]
    fn troubles_keep_their_order() {
        assert!(Trouble::ALL.is_sorted() && Trouble::Lost.number() == 3);
    }
}
