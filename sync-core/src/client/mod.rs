//! The client's state machine, sans-IO: it decides what a phone writes, sends, keeps and forgets. The shell around it (a
//! browser, a simulated phone) stores the [`Effect`]s durably *before* it acts on them, and moves the bytes.
//!
//! A shell holds, besides this: the *base* state of every record as the feed delivered it. What a person sees is the base
//! with the outbox joined over it ([`Client::view`]); so a version that is refused disappears from view without a trace in
//! the base, and one that is accepted needs no second write.

mod base;
mod comparison;
mod outbox;
mod pace;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

pub use base::Base;
use comparison::Comparison;
pub use outbox::{Entry, Outbox};
pub use pace::Pace;

use crate::digest::Mark;
use crate::dots::Dot;
use crate::ids::{RecordId, ReplicaId, VillageId};
use crate::limits::{BODY_BYTES_MAX, PHOTOS_ASKED_MAX};
use crate::people::Caller;
use crate::permissions::authorise;
use crate::protocol::{CompareAnswer, Outcome, Pull, PullAnswer, Push, PushAnswer, SyncAnswer, SyncRequest};
use crate::record::Record;
use crate::time::{Ms, Stamp};
use crate::validate::{Refusal, validate};
use crate::version::Version;

/// What somebody changes in one record.
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    /// The record; a fresh id creates one.
    pub record: RecordId,
    /// Its kind.
    pub kind: String,
    /// Its village, or the township.
    pub village: Option<VillageId>,
    /// Path → value; `null` clears.
    pub changes: BTreeMap<String, Value>,
}

/// What the shell stores, in order, in one transaction. Replayed over [`Client::new`] they give the client back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// A version was written: keep its bytes.
    Keep {
        /// Its dot.
        dot: Dot,
        /// The record that it edits.
        record: RecordId,
        /// The version as it will be sent.
        bytes: String,
        /// The clock after it.
        clock: Stamp,
    },
    /// A receipt for one version.
    Settle {
        /// Whose version.
        replica: ReplicaId,
        /// What became of it.
        outcome: Outcome,
    },
    /// The server lost what it had of this replica from here on: offer it again.
    Reopen {
        /// The first to offer.
        from: Dot,
    },
    /// Join a delta into the base state of its record.
    Merge(Box<Record>),
    /// Put this state in the place of the base state of its record, which differs from the server's. Where the new one
    /// lacks something of the old ([`Record::lacks`]), keep the old one apart and say so: nothing is lost by a repair.
    Replace(Box<Record>),
    /// Take the record out of the base: the server has none for this account. Keep it apart and say so.
    Drop(RecordId),
    /// A delta that this build cannot read: keep it, say so, and read it again after an update.
    Unreadable(String),
    /// Drop the base states of the records in this village's part of the feed (`cursor::feed_scope`; its sites are in the
    /// directory and stay). What is in the outbox stays too.
    Forget(VillageId),
    /// Where to read on.
    Position {
        /// The cursor for the next pull.
        cursor: String,
        /// The life of the server's data.
        epoch: String,
    },
    /// The bytes of a photo wait to be sent.
    KeepPhoto(String),
    /// The server has the bytes of this photo: its copy may be freed.
    PhotoReceived(String),
    /// This replica exists twice, is another account's, or the server cannot be brought up to it: call [`Client::renumber`] with a fresh id.
    TakeNewReplica {
        /// The one to give up.
        instead_of: ReplicaId,
    },
    /// A new replica id was taken; what waited under the old one follows as [`Effect::Keep`].
    Renumbered {
        /// The id given up.
        old: ReplicaId,
        /// The new id.
        new: ReplicaId,
    },
}

/// Why a round trip brought no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No network, a cut, a time-out: nobody knows what the server did.
    Network,
    /// The server asks to come later.
    Busy {
        /// Seconds, from `Retry-After`.
        retry_after_s: Option<u64>,
    },
    /// The token is not accepted: sign in, then call [`Client::retry_now`].
    SignedOut,
    /// The problem `replica_foreign`: the id belongs to another account (a phone was handed on with its data).
    ReplicaForeign,
    /// Any other problem that will come again for the same request: said to the person, and tried again later.
    Refused,
}

/// One replica's client.
#[derive(Clone, Debug, PartialEq)]
pub struct Client {
    replica: ReplicaId,
    next_seq: u64,
    clock: Stamp,
    outbox: Outbox,
    cursor: Option<String>,
    epoch: Option<String>,
    photos: BTreeMap<String, PhotoState>,
    pace: Pace,
    in_flight: Option<InFlight>,
    pull_due: bool,
    comparison: Comparison,
    halted: Option<Halt>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PhotoState {
    /// Whether the server has it is to be asked.
    ToAsk,
    /// The server has said that it lacks it: to be sent.
    Wanted,
}

/// What the round trip under way asked.
#[derive(Clone, Debug, PartialEq, Eq)]
struct InFlight {
    pushed: Option<ReplicaId>,
    photos: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Halt {
    SignedOut,
    Forked(ReplicaId),
}

impl Client {
    /// A client that has written and seen nothing. The id must be fresh.
    #[must_use]
    pub fn new(replica: ReplicaId) -> Self {
        Self {
            replica,
            next_seq: 1,
            clock: Stamp::default(),
            outbox: Outbox::default(),
            cursor: None,
            epoch: None,
            photos: BTreeMap::new(),
            pace: Pace::default(),
            in_flight: None,
            pull_due: true,
            comparison: Comparison::default(),
            halted: None,
        }
    }

    /// Takes back one stored effect, in the order in which they were stored.
    pub fn restore(&mut self, effect: Effect) {
        match effect {
            Effect::Keep { dot, record, bytes, clock } => {
                self.outbox.insert(dot, Entry { record, bytes, outcome: None });
                if dot.replica == self.replica {
                    self.next_seq = self.next_seq.max(dot.seq.saturating_add(1));
                }
                self.clock = self.clock.max(clock);
            }
            Effect::Settle { replica, outcome } => {
                self.outbox.settle(replica, &outcome);
            }
            Effect::Reopen { from } => self.outbox.reopen(from),
            Effect::Position { cursor, epoch } => (self.cursor, self.epoch) = (Some(cursor), Some(epoch)),
            Effect::KeepPhoto(hash) => {
                self.photos.insert(hash, PhotoState::ToAsk);
            }
            Effect::PhotoReceived(hash) => {
                self.photos.remove(&hash);
            }
            Effect::TakeNewReplica { instead_of } => self.halted = Some(Halt::Forked(instead_of)),
            Effect::Renumbered { old, new } => {
                self.outbox.take_waiting(old);
                (self.replica, self.next_seq, self.halted) = (new, 1, None);
            }
            Effect::Merge(_) | Effect::Replace(_) | Effect::Drop(_) | Effect::Unreadable(_) | Effect::Forget(_) => {}
        }
    }

    /// Writes an edit on top of what the caller sees. It is saved once the effect is stored, not before.
    ///
    /// # Errors
    /// What is wrong with it, by the same rules by which the server will judge it.
    pub fn write(&mut self, edit: Edit, caller: &Caller, base: Option<&Record>, now_ms: Ms) -> Result<Effect, Refusal> {
        let view = self.view(edit.record, base);
        // Later than everything that it replaces (Kulkarni et al. 2014), whatever this phone's clock says.
        let seen = view.as_ref().and_then(Record::latest_stamp).unwrap_or_default();
        let clock = self.clock.max(seen).next(now_ms);
        let version = Version {
            record: edit.record,
            kind: edit.kind,
            village: edit.village,
            dot: Dot { replica: self.replica, seq: self.next_seq },
            context: view.as_ref().map(|record| record.seen.context().clone()).unwrap_or_default(),
            stamp: clock,
            author: caller.account,
            changes: edit.changes,
        };
        validate(&version)?;
        authorise(&version, caller, view.as_ref())?;
        let effect = keep(&version, clock);
        self.restore(effect.clone());
        Ok(effect)
    }

    /// A record as its user sees it: the base with those of this replica's own standing versions joined over it that the
    /// feed has not brought yet.
    #[must_use]
    pub fn view(&self, record: RecordId, base: Option<&Record>) -> Option<Record> {
        let mut view = base.cloned();
        for version in self.own_versions(record, base) {
            let mut delta = Record::delta(&version);
            // A replica knows its own order; a predecessor that was refused leaves no gap.
            delta.complete_up_to(version.dot);
            match &mut view {
                Some(view) => view.join(&delta),
                None => view = Some(delta),
            }
        }
        view
    }

    fn own_versions(&self, record: RecordId, base: Option<&Record>) -> impl Iterator<Item = Version> {
        let brought = move |dot: Dot| base.is_some_and(|base| base.seen.context().covers(dot));
        let standing =
            self.outbox.of_record(record).filter(move |(dot, entry)| !entry.is_quarantined() && !brought(*dot));
        standing.filter_map(|(_, entry)| serde_json::from_str(&entry.bytes).ok())
    }

    /// The next round trip, when one is due: never while one is under way, while signed out, or before the wait is over.
    pub fn poll(&mut self, now_ms: Ms) -> Option<SyncRequest> {
        if self.pace.is_waiting(now_ms) || self.in_flight.is_some() || self.halted.is_some() {
            return None;
        }
        let push = self.next_batch();
        let to_ask = self.photos.iter().filter(|(_, state)| **state == PhotoState::ToAsk);
        let photos: Vec<String> = to_ask.map(|(hash, _)| hash.clone()).take(PHOTOS_ASKED_MAX).collect();
        let compare = if self.pull_due { None } else { self.comparison.question() };
        if push.is_none() && !self.pull_due && photos.is_empty() && compare.is_none() {
            return None;
        }
        self.in_flight = Some(InFlight { pushed: push.as_ref().map(|push| push.replica), photos: photos.clone() });
        let pull = Pull { cursor: self.cursor.clone(), records_max: None };
        Some(SyncRequest { sent_at_ms: now_ms, push, pull: Some(pull), photos, compare })
    }

    fn next_batch(&self) -> Option<Push> {
        let (first, _) = self.outbox.waiting().next()?;
        let mut bytes = 0_usize;
        let entries = self.outbox.waiting().zip(first.seq..).take_while(|((dot, entry), expected)| {
            bytes = bytes.saturating_add(entry.bytes.len());
            dot.replica == first.replica && dot.seq == *expected && (*dot == first || bytes < BODY_BYTES_MAX / 2)
        });
        let versions = entries
            .take(self.pace.batch())
            .map_while(|((_, entry), _)| RawValue::from_string(entry.bytes.clone()).ok())
            .collect();
        Some(Push { replica: first.replica, first_seq: first.seq, versions })
    }

    /// Takes in the answer to the round trip under way.
    pub fn handle_answer(&mut self, answer: SyncAnswer) -> Vec<Effect> {
        let Some(asked) = self.in_flight.take() else { return Vec::new() };
        self.pace.succeeded();
        let mut effects = Vec::new();
        if let (Some(replica), Some(push)) = (asked.pushed, answer.push) {
            self.handle_push_answer(replica, push, &mut effects);
        }
        if let Some(pull) = answer.pull {
            self.handle_pull_answer(pull, &mut effects);
        }
        if let Some(compare) = answer.compare {
            self.handle_compare_answer(compare, &mut effects);
        }
        for hash in asked.photos {
            if answer.photos_received.contains(&hash) {
                self.photos.remove(&hash);
                effects.push(Effect::PhotoReceived(hash));
            } else if answer.photos_wanted.contains(&hash) {
                self.photos.entry(hash).and_modify(|state| *state = PhotoState::Wanted);
            }
        }
        effects
    }

    fn handle_push_answer(&mut self, replica: ReplicaId, answer: PushAnswer, effects: &mut Vec<Effect>) {
        let (outcomes, reopen, forked) = match answer {
            PushAnswer::Accepted { outcomes, .. } => (outcomes, None, false),
            PushAnswer::ReplicaForked { outcomes, .. } => (outcomes, None, true),
            PushAnswer::Gap { expected } => {
                let from = Dot { replica, seq: expected };
                let held = self.outbox.get(from).is_some();
                (Vec::new(), held.then_some(from), !held)
            }
        };
        let news = outcomes.into_iter().filter(|outcome| self.outbox.settle(replica, outcome));
        effects.extend(news.map(|outcome| Effect::Settle { replica, outcome }));
        if let Some(from) = reopen {
            self.outbox.reopen(from);
            effects.push(Effect::Reopen { from });
        }
        if forked {
            self.give_up(replica, effects);
        }
    }

    fn handle_pull_answer(&mut self, answer: PullAnswer, effects: &mut Vec<Effect>) {
        if matches!(self.halted, Some(Halt::Forked(_))) {
            // What waits is written anew first. To take receipts back now would write anew what the server has just told
            // apart as its own.
            return self.put_off(answer.epoch, false, effects);
        }
        let read = |raw: &Box<RawValue>| Record::from_json(raw.get()).map_err(|_| raw.get().to_owned());
        let records: Vec<Result<Record, String>> = answer.records.iter().map(read).collect();
        let seen_of_own = |record: &Record| record.seen.context().get(self.replica);
        // A copy of this replica has written on: its numbers are taken, and edits of what it wrote would claim them.
        let is_overtaken = records.iter().flatten().any(|record| seen_of_own(record) >= self.next_seq);
        let restored = self.epoch.as_ref().is_some_and(|known| *known != answer.epoch);
        for from in if restored { self.outbox.firsts() } else { Vec::new() } {
            self.outbox.reopen(from);
            effects.push(Effect::Reopen { from });
        }
        if is_overtaken && self.outbox.waiting().any(|(dot, _)| dot.replica == self.replica) {
            // What waits may be what the copy sent: the server is asked first, for it tells a repeat from a fork. Until then
            // the base takes in nothing that the copy wrote.
            return self.put_off(answer.epoch, restored, effects);
        }
        if is_overtaken {
            self.give_up(self.replica, effects);
        }
        effects.extend(answer.forget.into_iter().map(Effect::Forget));
        effects.extend(records.into_iter().map(|record| match record {
            Ok(record) => Effect::Merge(Box::new(record)),
            Err(text) => Effect::Unreadable(text),
        }));
        self.cursor = Some(answer.cursor.clone());
        self.epoch = Some(answer.epoch.clone());
        self.pull_due = answer.more || restored;
        self.comparison.heard(answer.digest.filter(|_| !self.pull_due));
        effects.push(Effect::Position { cursor: answer.cursor, epoch: answer.epoch });
    }

    /// Leaves what a pull brought to the next one. The epoch is kept where none was known, or where its receipts have been
    /// taken back: a receipt without its epoch would not be taken back after a restore.
    fn put_off(&mut self, epoch: String, is_taken_back: bool, effects: &mut Vec<Effect>) {
        self.pull_due = true;
        if self.epoch.is_none() || is_taken_back {
            // No cursor, or one of another epoch, counts for nothing: everything comes again.
            let cursor = self.cursor.clone().unwrap_or_default();
            (self.cursor, self.epoch) = (Some(cursor.clone()), Some(epoch.clone()));
            effects.push(Effect::Position { cursor, epoch });
        }
    }

    fn handle_compare_answer(&mut self, answer: CompareAnswer, effects: &mut Vec<Effect>) {
        let (records, absent) = match answer {
            CompareAnswer::Marks { buckets, marks } => return self.comparison.take_marks(buckets, marks),
            CompareAnswer::States { records, absent } => (records, absent),
        };
        let mut told: BTreeSet<RecordId> = absent.iter().copied().collect();
        for raw in &records {
            match Record::from_json(raw.get()) {
                Ok(record) => {
                    told.insert(record.id);
                    effects.push(Effect::Replace(Box::new(record)));
                }
                Err(_) => effects.push(Effect::Unreadable(raw.get().to_owned())),
            }
        }
        effects.extend(absent.into_iter().map(Effect::Drop));
        self.comparison.told(&told);
        self.pull_due = true;
    }

    /// The base state of a record has become another one: what each is in the digest (`None`: there was, or is, none).
    /// To be called for every change of the base, and at a start for every record of it.
    pub fn note_base(&mut self, id: RecordId, old: Option<Mark>, new: Option<Mark>) {
        self.comparison.note(id, old, new);
    }

    /// The buckets in which the base differs from what the server has, when it has told its marks there: answer with
    /// [`Client::compare_marks`].
    #[must_use]
    pub fn buckets_to_compare(&self) -> Option<&BTreeSet<u8>> {
        self.comparison.buckets()
    }

    /// The marks of the base in those buckets. The next polls ask for the states of the records that differ.
    pub fn compare_marks(&mut self, mine: impl IntoIterator<Item = (RecordId, Mark)>) {
        self.comparison.lay_beside(mine);
    }

    /// Whether the base was shown to be, byte for byte, what the server had for this account at the last pull.
    #[must_use]
    pub fn is_proved_equal(&self) -> bool {
        self.comparison.is_equal()
    }

    /// Takes note that the round trip under way brought no answer.
    pub fn handle_failure(&mut self, failure: Failure, now_ms: Ms) -> Vec<Effect> {
        let pushed = self.in_flight.take().and_then(|asked| asked.pushed);
        self.pull_due = true;
        let mut effects = Vec::new();
        match failure {
            Failure::Network => self.pace.failed(now_ms, self.replica, None),
            Failure::Busy { retry_after_s } => self.pace.failed(now_ms, self.replica, retry_after_s),
            Failure::Refused => self.pace.refused(now_ms, self.replica),
            Failure::SignedOut => self.halted = Some(Halt::SignedOut),
            Failure::ReplicaForeign => self.give_up(pushed.unwrap_or(self.replica), &mut effects),
        }
        effects
    }

    fn give_up(&mut self, replica: ReplicaId, effects: &mut Vec<Effect>) {
        if !matches!(self.halted, Some(Halt::Forked(_))) {
            self.halted = Some(Halt::Forked(replica));
            effects.push(Effect::TakeNewReplica { instead_of: replica });
        }
    }

    /// Signed in again, the network is back, or somebody pressed the button.
    pub fn retry_now(&mut self) {
        self.pace.retry_now();
        if self.halted == Some(Halt::SignedOut) {
            self.halted = None;
        }
    }

    /// Asks for what is new at the next poll.
    pub fn want_pull(&mut self) {
        self.pull_due = true;
    }

    /// Takes a new replica id, when [`Effect::TakeNewReplica`] asked for one, and writes anew under it what the server has
    /// not acknowledged of the old one.
    ///
    /// Where a version had seen an earlier unacknowledged one of the old replica on the same record, it now has seen its
    /// successor; the old dot belongs to the other copy of this replica, which nobody here has seen.
    pub fn renumber(&mut self, new: ReplicaId) -> Vec<Effect> {
        let Some(Halt::Forked(old)) = self.halted else { return Vec::new() };
        let waiting = self.outbox.clone().take_waiting(old);
        let effect = Effect::Renumbered { old, new };
        self.restore(effect.clone());
        let mut effects = vec![effect];
        let mut chains: BTreeMap<RecordId, (u64, u64)> = BTreeMap::new();
        for entry in waiting {
            let dot = Dot { replica: new, seq: self.next_seq };
            let Ok(mut version) = serde_json::from_str::<Version>(&entry.bytes) else {
                // Nothing can be mended in what cannot be read; the server keeps it whole, aside.
                let kept = Effect::Keep { dot, record: entry.record, bytes: entry.bytes, clock: self.clock };
                self.restore(kept.clone());
                effects.push(kept);
                continue;
            };
            let (seen_of_old, last_new) = *chains.entry(version.record).or_insert((version.context.get(old), 0));
            version.context.remove(old);
            version.context.raise(Dot { replica: old, seq: seen_of_old });
            version.context.raise(Dot { replica: new, seq: last_new });
            version.dot = dot;
            chains.insert(version.record, (seen_of_old, version.dot.seq));
            let kept = keep(&version, self.clock);
            self.restore(kept.clone());
            effects.push(kept);
        }
        effects
    }

    /// Notes a photo whose bytes the shell has stored.
    pub fn add_photo(&mut self, hash: String) -> Effect {
        self.photos.insert(hash.clone(), PhotoState::ToAsk);
        Effect::KeepPhoto(hash)
    }

    /// The photos to send now: those that the server has said it lacks, once no record waits.
    pub fn photos_to_send(&self) -> impl Iterator<Item = &str> {
        let records_first = self.outbox.waiting().next().is_some();
        let wanted = self.photos.iter().filter(move |(_, state)| **state == PhotoState::Wanted && !records_first);
        wanted.map(|(hash, _)| hash.as_str())
    }

    /// A photo's upload ended, one way or the other: the server is asked again, and only its receipt counts.
    pub fn photo_sent(&mut self, hash: &str) {
        if let Some(state) = self.photos.get_mut(hash) {
            *state = PhotoState::ToAsk;
        }
    }

    /// How many photos the server has given no receipt for.
    #[must_use]
    pub fn photos_unsent(&self) -> usize {
        self.photos.len()
    }

    /// Frees accepted entries up to a dot of its replica, when they are old enough that no backup of the server is older.
    ///
    /// Only what the base has already taken in (`seen` of its record covers the dot) may be freed: of anything else the
    /// outbox is the only copy that its author still sees, and a later edit would overwrite it unseen.
    pub fn free_settled(&mut self, up_to: Dot) {
        self.outbox.free_settled(up_to);
    }

    /// This replica's id.
    #[must_use]
    pub fn replica(&self) -> ReplicaId {
        self.replica
    }

    /// Everything that this replica wrote and keeps.
    #[must_use]
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Whether nothing waits to be sent, received or asked.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.in_flight.is_none() && !self.pull_due && self.photos.is_empty() && self.outbox.waiting().next().is_none()
    }

    /// Before this instant [`Client::poll`] gives nothing, unless the clock is set back behind the failure.
    #[must_use]
    pub fn not_before_ms(&self) -> Ms {
        self.pace.not_before_ms()
    }
}

fn keep(version: &Version, clock: Stamp) -> Effect {
    let bytes = serde_json::to_string(version).unwrap_or_default();
    Effect::Keep { dot: version.dot, record: version.record, bytes, clock }
}
