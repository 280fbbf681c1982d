//! One run: a story is played, faults stop, everything syncs until it is quiet, and the oracle checks what must hold.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use sync_core::client::Failure;
use sync_core::ids::RecordId;

use super::contents::BEGIN_MS;
use super::ids;
use super::oracle::{Check, Violation, ensure};
use super::plan;
use super::report::{Counts, Failed, Run};
use super::sabotage::Sabotage;
use super::shrink;
use super::store::{Memory, Real, Store};
use super::story::{Link, Story};
use super::world::World;

/// On what the server stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// In memory.
    Memory,
    /// SQLite, in a folder of its own.
    Sqlite,
    /// PostgreSQL, in a database of its own (`server::db::scratch`).
    Postgres,
}

impl StoreKind {
    /// What it is called on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }

    /// The kind that is called so.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Memory, Self::Sqlite, Self::Postgres].into_iter().find(|kind| kind.name() == name)
    }

    /// The real database on which this run of the tests is to be.
    #[must_use]
    pub fn real() -> Self {
        if server::db::scratch::is_postgres() { Self::Postgres } else { Self::Sqlite }
    }
}

/// How stories are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// On what the server stores.
    pub store: StoreKind,
    /// Days in a story; drawn from the seed where it is not given.
    pub days: Option<u64>,
    /// What is broken on purpose.
    pub sabotage: Option<Sabotage>,
}

impl Default for Options {
    fn default() -> Self {
        Self { store: StoreKind::Memory, days: None, sabotage: None }
    }
}

/// Which edits stand on which path, and which were put aside: what no clock may change.
pub type Outline = BTreeMap<(RecordId, String), Vec<usize>>;

/// Runs one seed; a failing one is shrunk.
#[must_use]
pub fn seed(seed: u64, options: Options) -> Run {
    let story = plan::story(seed, options.days);
    match story_once(&story, options) {
        (Ok(_), counts) => Run { seed, counts, failed: None },
        (Err(violation), counts) => {
            let shrunk = shrink::shrink(&story, violation.invariant, options);
            Run { seed, counts, failed: Some(Box::new(Failed { violation, story, shrunk, options })) }
        }
    }
}

/// Runs one seed and says what it breaks, if it breaks anything.
#[must_use]
pub fn verdict(seed: u64, options: Options) -> Option<Violation> {
    story_once(&plan::story(seed, options.days), options).0.err()
}

/// The story of a seed, not run.
#[must_use]
pub fn story(seed: u64, days: Option<u64>) -> Story {
    plan::story(seed, days)
}

/// Plays a story to its end and checks everything.
pub fn story_once(story: &Story, options: Options) -> (Result<Outline, Violation>, Counts) {
    let store = match options.store {
        StoreKind::Memory => Store::Memory(Memory::default()),
        kind => Store::Real(Real::new(kind, story.people.len())),
    };
    let mut world = World::new(story, store, options.sabotage);
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        world.play()?;
        world.come_to_rest()?;
        Ok(world.outline())
    }));
    let outcome = outcome.unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().cloned();
        let words = words.or_else(|| panic.downcast_ref::<&str>().map(|words| (*words).to_owned()));
        Err(Violation::new("nobody_panics", words.unwrap_or_default()))
    });
    world.counts.phone_days += story.days * story.phones.iter().filter(|phone| !phone.is_copy).count() as u64;
    (outcome, world.counts)
}

impl World<'_> {
    /// Faults stop; everything syncs until nothing moves; then everything is checked.
    fn come_to_rest(&mut self) -> Check {
        for account in &mut self.people.0 {
            account.is_enabled = true;
        }
        self.now_ms = self.now_ms.max(BEGIN_MS) + 3_600_000;
        for phone in &mut self.phones {
            phone.no_network_until_ms = 0;
            if phone.connection.is_some() {
                phone.fail(Failure::Network, self.now_ms);
            }
        }
        self.check_server()?;
        for _ in 0..2 {
            for phone in 0..self.phones.len() {
                self.drain(phone)?;
            }
        }
        let states = self.check_server()?;
        for (number, phone) in self.phones.iter().enumerate().filter(|(_, phone)| phone.is_there) {
            self.oracle.check_phone(number, phone, &self.caller_of(number), &states)?;
        }
        self.oracle.check_nothing_is_lost()?;
        self.check_bytes()?;
        self.check_quiet(&states)?;
        if let Store::Real(real) = &self.server.store {
            let rebuilt = real.rebuild().expect("a rebuild");
            let is_equal = rebuilt.lines_mended == 0 && rebuilt.conflicts_mended == 0;
            ensure!(is_equal, "projections_equal_a_rebuild", "{rebuilt:?}");
        }
        Ok(())
    }

    /// One phone syncs until it is idle, within a bounded number of round trips and without waiting for ever.
    fn drain(&mut self, phone: usize) -> Check {
        if !self.phones[phone].is_there {
            return Ok(());
        }
        self.phones[phone].client.want_pull();
        let (mut waited, mut has_signed_in) = (false, false);
        let waiting = self.phones[phone].client.outbox().iter().count();
        let bound =
            20 + 2 * waiting + 4 * (self.story.slots.len() / self.story.page + 2) + 2 * self.phones[phone].photos.len();
        for _ in 0..bound {
            let shell = &mut self.phones[phone];
            let body = loop {
                if let Some(body) = shell.poll(self.now_ms) {
                    break body;
                }
                if shell.client.is_idle() {
                    return self.hear(phone);
                }
                // It may wait after a failure, at most a quarter of an hour; then it may have to be signed in again.
                if !waited {
                    self.now_ms += 900_000;
                    waited = true;
                    continue;
                }
                ensure!(!has_signed_in, "the_outbox_drains", "phone {phone} has something to do and does nothing");
                // A clock that was set back behind the failure ends the wait, however late it was to end.
                let now_ms = shell.now_ms(self.now_ms);
                let wait_ms = shell.client.wait_ms(now_ms);
                ensure!(wait_ms == 0, "the_outbox_drains", "phone {phone} waits for {wait_ms} ms more");
                has_signed_in = true;
                shell.client.retry_now();
            };
            waited = false;
            shell.connection = Some(0);
            let person = shell.person;
            let answer = self.serve(phone, person, &body, Link::default())?;
            self.phones[phone].take(&answer, super::story::Disk::Works, self.now_ms);
            self.hear(phone)?;
            let shell = &mut self.phones[phone];
            let wanted: Vec<String> = shell.client.photos_to_send().map(str::to_owned).collect();
            for hash in wanted {
                let slots = shell.photos.iter().copied();
                let slot = slots.into_iter().find(|slot| super::photos::hash_of(*slot).to_string() == hash);
                if let Some(slot) = slot {
                    let caller = self.people.caller(person);
                    self.server.upload(&caller, phone, slot, 100, false, self.now_ms);
                }
                shell.client.photo_sent(&hash);
            }
            self.now_ms += 200;
        }
        Err(Violation::new("the_outbox_drains", format!("phone {phone} is not done after {bound} round trips")))
    }

    /// What was put aside is kept with its bytes, and so is everything that was merged.
    fn check_bytes(&mut self) -> Check {
        let aside = self.server.store.read(|tx| Ok(tx.quarantined(ids::township(), None, 100_000)?)).expect("a list");
        for row in aside {
            let fingerprint = sync_core::version::Fingerprint::of(row.body.as_bytes());
            let edit = self.oracle.edit_of(row.dot, fingerprint);
            ensure!(edit.is_some(), "nothing_captured_is_lost", "{:?} lies aside as {}", row.dot, row.body);
        }
        let records: Vec<RecordId> = self.oracle.model.sets.keys().copied().collect();
        for record in records {
            let history = self.server.store.read(move |tx| Ok(tx.history(ids::township(), record, 0, 100_000)?));
            for arrival in history.expect("a history") {
                let fingerprint = sync_core::version::Fingerprint::of(arrival.body.as_bytes());
                let edit = self.oracle.edit_of(arrival.dot, fingerprint);
                ensure!(edit.is_some(), "nothing_captured_is_lost", "{:?} is kept as {}", arrival.dot, arrival.body);
            }
        }
        Ok(())
    }

    /// At rest nothing moves: neither by another sync of everybody, nor by everything that was ever sent coming once more.
    fn check_quiet(&mut self, states: &BTreeMap<RecordId, String>) -> Check {
        let end = |world: &mut Self| world.server.store.read(|tx| Ok(tx.feed_end(ids::township())?)).expect("an end");
        let before = end(self);
        for phone in 0..self.phones.len() {
            self.drain(phone)?;
        }
        ensure!(end(self) == before, "at_rest_nothing_moves", "the feed moved from {before} to {}", end(self));
        let sent = std::mem::take(&mut self.sent);
        let old = sent.len().saturating_sub(60);
        for (person, body) in &sent[old..] {
            self.serve(0, *person, body, Link::default())?;
        }
        ensure!(end(self) == before, "a_repeat_changes_nothing", "the feed moved from {before} to {}", end(self));
        ensure!(self.states() == *states, "a_repeat_changes_nothing", "a state changed");
        Ok(())
    }

    /// What stands, by the server, in terms of edits.
    fn outline(&mut self) -> Outline {
        let mut outline = Outline::new();
        for (id, state) in self.states() {
            let Ok(record) = sync_core::record::Record::from_json(&state) else { continue };
            for path in record.paths() {
                let dots = record.siblings(path).map(|sibling| sibling.dot);
                let mut edits: Vec<usize> = dots.filter_map(|dot| Some(self.oracle.model.taken.get(&dot)?.0)).collect();
                edits.sort_unstable();
                outline.insert((id, path.to_owned()), edits);
            }
        }
        outline
    }
}
