//! What a client does with what comes back: answers of the server, receipts that were carried by hand, failures.

use serde_json::value::RawValue;

use super::{Client, Effect, Failure, Halt, PhotoState};
use crate::carried::{Receipt, Receipts};
use crate::digest::Mark;
use crate::dots::Dot;
use crate::ids::{RecordId, ReplicaId};
use crate::own;
use crate::protocol::{CompareAnswer, PullAnswer, PushAnswer, SyncAnswer};
use crate::record::Record;
use crate::sorted::SortedSet;
use crate::time::Ms;
use crate::version::Version;

impl Client {
    /// Takes in the answer to the round trip under way.
    pub fn handle_answer(&mut self, answer: SyncAnswer) -> Vec<Effect> {
        let Some(asked) = self.in_flight.take() else { return Vec::new() };
        self.pace.succeeded();
        let mut effects = Vec::new();
        let mut is_restored = false;
        // After a restore a fork or a gap is dealt with first: to take receipts back before would write anew what the server
        // has just told apart as its own.
        let can_take_back = matches!(answer.push, None | Some(PushAnswer::Accepted { .. }));
        if let Some(pull) = answer.pull.as_ref().filter(|_| can_take_back || self.epoch.is_none()) {
            is_restored = self.hear_epoch(&pull.epoch, &mut effects);
        }
        if let (Some(first), Some(push)) = (asked.pushed, answer.push) {
            self.handle_push_answer(first.replica, push, &mut effects);
        }
        if let Some(pull) = answer.pull {
            self.handle_pull_answer(pull, asked.pushed, is_restored, &mut effects);
        }
        if let Some(compare) = answer.compare.filter(|_| !self.is_forked()) {
            self.handle_compare_answer(compare, &mut effects);
        }
        for hash in asked.photos {
            if answer.photos_received.contains(&hash) {
                self.photos.remove(&hash);
                effects.push(Effect::PhotoReceived(hash));
            } else if let Some(state) = self.photos.get_mut(&hash) {
                let is_wanted = answer.photos_wanted.contains(&hash);
                *state = if is_wanted { PhotoState::Wanted } else { PhotoState::Unanswered };
            }
        }
        effects
    }

    /// Brings what the phone holds into the life of the server in which an answer was given, before anything of the answer is
    /// noted: a receipt of an unknown life could not be taken back after a restore, and one of this life must not be taken
    /// back with those of the last. Whether the server was restored since the last answer.
    fn hear_epoch(&mut self, epoch: &str, effects: &mut Vec<Effect>) -> bool {
        let known = self.epoch.replace(epoch.to_owned());
        if known.as_deref() == Some(epoch) {
            return false;
        }
        if known.is_some() {
            for from in self.outbox.firsts() {
                self.outbox.reopen(from);
                effects.push(Effect::Reopen { from });
            }
        }
        // No cursor, or one of another epoch, counts for nothing: the next pull brings everything.
        let cursor = self.cursor.get_or_insert_default().clone();
        effects.push(Effect::Position { cursor, epoch: epoch.to_owned() });
        known.is_some()
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

    /// Unlike an answer, a receipt may be for what another copy of this replica gave away: bytes decide.
    fn handle_receipt(&mut self, receipt: Receipt, effects: &mut Vec<Effect>) {
        let Receipt { replica, marks, mut answer } = receipt;
        let mut is_of_a_copy = false;
        if let PushAnswer::Accepted { outcomes, .. } | PushAnswer::ReplicaForked { outcomes, .. } = &mut answer {
            let mut marks = marks.into_iter();
            outcomes.retain(|outcome| {
                let mark = marks.next();
                let held = self.outbox.get(Dot { replica, seq: outcome.seq });
                let is_same = held.map(|entry| Some(Mark::of_json(&entry.bytes)) == mark);
                is_of_a_copy |= is_same == Some(false);
                is_same == Some(true)
            });
        }
        self.handle_push_answer(replica, answer, effects);
        if is_of_a_copy {
            self.give_up(replica, effects);
        }
    }

    fn handle_pull_answer(
        &mut self,
        answer: PullAnswer,
        pushed: Option<Dot>,
        is_restored: bool,
        effects: &mut Vec<Effect>,
    ) {
        if self.is_forked() {
            // What waits is written anew first.
            self.pull_due = true;
            return;
        }
        let is_restored = self.hear_epoch(&answer.epoch, effects) || is_restored;
        let records = read_states(&answer.records);
        let is_overtaken = records.iter().flatten().any(|record| self.overtakes(record));
        if is_overtaken && self.waits_under_this_id() {
            // What waits may be what the copy sent: the server is asked first, for it tells a repeat from a fork. Until then
            // the base takes in nothing that the copy wrote.
            self.pull_due = true;
            return;
        }
        if is_overtaken {
            self.give_up(self.replica, effects);
        }
        effects.extend(answer.forget.into_iter().map(Effect::Forget));
        effects.extend(records.into_iter().map(|record| match record {
            Ok(record) => Effect::Merge(Box::new(record)),
            Err(text) => Effect::Unreadable(text),
        }));
        let made = answer.as_pushed.iter().filter_map(|seq| self.as_pushed(pushed?, *seq));
        effects.extend(made.map(|record| Effect::Merge(Box::new(record))));
        self.cursor = Some(answer.cursor.clone());
        self.pull_due = answer.more || is_restored;
        self.comparison.heard(answer.digest.filter(|_| !self.pull_due));
        effects.push(Effect::Position { cursor: answer.cursor, epoch: answer.epoch });
    }

    fn handle_compare_answer(&mut self, answer: CompareAnswer, effects: &mut Vec<Effect>) {
        let (records, absent) = match answer {
            CompareAnswer::Marks { buckets, marks } => return self.comparison.take_marks(buckets, marks),
            CompareAnswer::States { records, absent } => (records, absent),
        };
        self.pull_due = true;
        let records = read_states(&records);
        let is_overtaken = records.iter().flatten().any(|record| self.overtakes(record));
        if is_overtaken && self.waits_under_this_id() {
            // As with a pull: asked again when the server has told repeats from a fork.
            return;
        }
        if is_overtaken {
            self.give_up(self.replica, effects);
        }
        let told = absent.iter().copied().chain(records.iter().flatten().map(|record| record.id));
        let told: SortedSet<RecordId> = told.collect();
        effects.extend(records.into_iter().map(|record| match record {
            Ok(record) => Effect::Replace(Box::new(record)),
            Err(text) => Effect::Unreadable(text),
        }));
        effects.extend(absent.into_iter().map(Effect::Drop));
        self.comparison.told(&told);
    }

    /// The state of a record that a push created, from what it brought of it up to its last version there. What this gets wrong, the
    /// digest shows.
    fn as_pushed(&self, first: Dot, last: u64) -> Option<Record> {
        let last = Dot { seq: last, ..first };
        let record = self.outbox.get(last)?.record;
        let brought = self
            .outbox
            .of_record(record)
            .filter(|(dot, entry)| (first..=last).contains(dot) && !entry.is_quarantined());
        own::over(None, brought.filter_map(|(_, entry)| Version::from_json(entry.bytes.as_bytes()).ok()))
    }

    /// Whether a copy of this replica has written on, or may have: a number is taken under which nothing was written here, or
    /// what was written under it has no receipt. Edits of what the copy wrote would claim to have seen it.
    fn overtakes(&self, record: &Record) -> bool {
        let waiting = self.outbox.waiting().map(|(dot, _)| dot).find(|dot| dot.replica == self.replica);
        record.seen.context().get(self.replica) >= waiting.map_or(self.next_seq, |dot| dot.seq)
    }

    fn waits_under_this_id(&self) -> bool {
        self.outbox.waiting().any(|(dot, _)| dot.replica == self.replica)
    }

    fn is_forked(&self) -> bool {
        matches!(self.halted, Some(Halt::Forked(_)))
    }

    /// Takes in the receipts for a file, which the shell has opened with its key. Those that the server gave before it was
    /// restored from a backup, or after, in a life that this phone has not heard of, count for nothing: it offers all again.
    pub fn take_receipts(&mut self, receipts: Receipts) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.pull_due = true;
        if self.epoch.as_ref().is_some_and(|known| *known != receipts.epoch) {
            return effects;
        }
        self.hear_epoch(&receipts.epoch, &mut effects);
        for receipt in receipts.pushes {
            self.handle_receipt(receipt, &mut effects);
        }
        for hash in receipts.photos_received {
            if self.photos.remove(&hash).is_some() {
                effects.push(Effect::PhotoReceived(hash));
            }
        }
        effects
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
            // An id that is to be given up stays so; the new one will find out about the token by itself.
            Failure::SignedOut => self.halted = self.halted.or(Some(Halt::SignedOut)),
            Failure::ReplicaForeign => self.give_up(pushed.map_or(self.replica, |first| first.replica), &mut effects),
        }
        effects
    }

    fn give_up(&mut self, replica: ReplicaId, effects: &mut Vec<Effect>) {
        if !self.is_forked() {
            self.halted = Some(Halt::Forked(replica));
            effects.push(Effect::TakeNewReplica { instead_of: replica });
        }
    }
}

/// States as far as this build can read them; others as their text.
fn read_states(raw: &[Box<RawValue>]) -> Vec<Result<Record, String>> {
    raw.iter().map(|raw| Record::from_json(raw.get()).map_err(|_| raw.get().to_owned())).collect()
}
