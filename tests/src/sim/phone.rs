//! A phone: the client's state machine in a shell that stores every effect before it acts on it, and that comes back from
//! what it stored. Beside each thing the shell keeps, for the oracle only, which edits it holds.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use sync_core::client::{Base, Client, Edit, Effect, Failure};
use sync_core::dots::Dot;
use sync_core::ids::{RecordId, ReplicaId};
use sync_core::people::Caller;
use sync_core::protocol::{Outcome, PushAnswer, SyncAnswer, SyncRequest, Verdict};
use sync_core::record::Record;
use sync_core::validate::Refusal;
use sync_core::version::Version;

use super::disk::{Disk, Stored, Written};
use super::ids;
use super::network::{Answer, Holdings};
use super::oracle::Violation;
use super::photos::hash_of;
use super::sabotage::Sabotage;
use super::set::{EditId, Set};
use super::story::{Disk as Fate, Flaw};

/// A version under which an edit goes: as it was saved, or as it was written anew under another replica id.
#[derive(Clone, Debug)]
pub(crate) struct Bound {
    pub(crate) edit: EditId,
    pub(crate) dot: Dot,
    pub(crate) bytes: String,
    /// Whether the flaw that was asked for is in the bytes.
    pub(crate) is_flawed: bool,
}

/// What came of a save.
#[derive(Debug)]
pub(crate) enum Saved {
    /// The person was told that it is saved.
    Yes(Bound),
    /// The disk refused, or the phone died; it may have reached the disk nevertheless.
    Unsure(Option<Bound>),
    /// The client refused it.
    Refused(Refusal),
}

/// How the phones of a story are built.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Build {
    pub(crate) seed: u64,
    pub(crate) is_atomic: bool,
    pub(crate) sabotage: Option<Sabotage>,
}

/// One phone.
#[derive(Clone, Debug)]
pub(crate) struct Phone {
    pub(crate) client: Client,
    pub(crate) caller: Caller,
    pub(crate) person: usize,
    pub(crate) base: Base,
    pub(crate) clock_ms: i64,
    pub(crate) is_there: bool,
    pub(crate) connection: Option<u64>,
    pub(crate) no_network_until_ms: u64,
    pub(crate) disk: Disk,
    pub(crate) image: Option<Disk>,
    /// Which edit went under which number, and whether a client can read it.
    pub(crate) edit_of: BTreeMap<Dot, (EditId, bool)>,
    /// When each receipt came, for freeing.
    pub(crate) settled_at_ms: BTreeMap<Dot, u64>,
    /// What the oracle has not been told yet.
    pub(crate) news: Vec<Bound>,
    pub(crate) findings: Vec<Violation>,
    pub(crate) acknowledged: Vec<(EditId, Outcome)>,
    pub(crate) photos_received: Vec<String>,
    pub(crate) photos: BTreeSet<usize>,
    /// What a comparison found to differ and mended, since it was last asked.
    pub(crate) mended: Vec<RecordId>,
    /// What a comparison took out of the base, since it was last asked.
    pub(crate) taken_out: Vec<RecordId>,
    /// Whether its disk ever kept only the beginning of an answer.
    pub(crate) is_torn: bool,
    /// The records of which it has freed versions of its own.
    freed: BTreeSet<RecordId>,
    /// Whether a state was ever lost from its disk.
    pub(crate) is_damaged: bool,
    base_holds: BTreeMap<RecordId, Rc<Set>>,
    pushed: Vec<Dot>,
    first: ReplicaId,
    ids_taken: u64,
    number: u64,
    build: Build,
}

impl Phone {
    pub(crate) fn new(number: usize, person: usize, caller: Caller, build: Build) -> Self {
        let number = number as u64 + 1;
        let first = ids::replica(build.seed, number << 32);
        Self {
            client: Client::new(first),
            caller,
            person,
            base: Base::default(),
            clock_ms: 0,
            is_there: true,
            connection: None,
            no_network_until_ms: 0,
            disk: Disk::default(),
            image: None,
            edit_of: BTreeMap::new(),
            settled_at_ms: BTreeMap::new(),
            news: Vec::new(),
            findings: Vec::new(),
            acknowledged: Vec::new(),
            photos_received: Vec::new(),
            photos: BTreeSet::new(),
            mended: Vec::new(),
            taken_out: Vec::new(),
            is_torn: false,
            freed: BTreeSet::new(),
            is_damaged: false,
            base_holds: BTreeMap::new(),
            pushed: Vec::new(),
            first,
            ids_taken: 0,
            number,
            build,
        }
    }

    fn is(&self, how: Sabotage) -> bool {
        self.build.sabotage == Some(how)
    }

    /// The phone's own time.
    pub(crate) fn now_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_add_signed(self.clock_ms)
    }

    /// The edits of a record that its user sees.
    pub(crate) fn knows(&self, record: RecordId) -> Set {
        let mut set = self.base_holds.get(&record).map(|set| (**set).clone()).unwrap_or_default();
        for (dot, entry) in self.client.outbox().of_record(record).filter(|(_, entry)| !entry.is_quarantined()) {
            let _ = entry;
            if let Some((edit, true)) = self.edit_of.get(&dot) {
                set.add(*edit);
            }
        }
        set
    }

    /// The edits of every record that its user sees.
    pub(crate) fn knows_all(&self) -> BTreeMap<RecordId, Set> {
        let own = self.client.outbox().iter().map(|(_, entry)| entry.record);
        let records: BTreeSet<RecordId> = self.base_holds.keys().copied().chain(own).collect();
        records.into_iter().map(|record| (record, self.knows(record))).collect()
    }

    pub(crate) fn view(&self, record: RecordId) -> Option<Record> {
        self.client.view(record, self.base.get(record))
    }

    /// Writes an edit and stores it.
    pub(crate) fn save(&mut self, id: EditId, edit: Edit, flaw: Option<Flaw>, fate: Fate, now_ms: u64) -> Saved {
        let now_ms = self.now_ms(now_ms);
        let base = self.base.get(edit.record);
        let mut effect = match self.client.write(edit, &self.caller, base, now_ms) {
            Ok(effect) => effect,
            Err(refusal) => return Saved::Refused(refusal),
        };
        let Effect::Keep { dot, bytes, .. } = &mut effect else { panic!("not kept: {effect:?}") };
        let written = bytes.clone();
        let spoilt = flaw.and_then(|flaw| super::contents::spoil(bytes, flaw));
        let is_flawed = spoilt.is_some();
        if let Some(spoilt) = spoilt {
            *bytes = spoilt;
        }
        if let Some(tampered) = self.tampered(bytes) {
            *bytes = tampered;
        }
        let bound = Bound { edit: id, dot: *dot, bytes: bytes.clone(), is_flawed };
        let is_as_written = written == *bytes;
        let row = Stored::Effect { effect, edit: Some(id), holds: None };
        let stored = self.disk.write(vec![row], fate, self.build.is_atomic);
        if stored != Written::All || !is_as_written {
            self.boot();
        } else {
            self.edit_of.insert(bound.dot, (id, true));
        }
        match stored {
            Written::All => Saved::Yes(bound),
            _ if self.is(Sabotage::SavedBeforeStored) => Saved::Yes(bound),
            Written::Died(1) => Saved::Unsure(Some(bound)),
            _ => Saved::Unsure(None),
        }
    }

    /// Takes the last save back, as if it had never been made.
    pub(crate) fn take_back(&mut self) {
        self.disk.take_back();
        self.boot();
    }

    /// What a sabotaged client does to the context of what it writes.
    fn tampered(&self, bytes: &str) -> Option<String> {
        let mut version: Version = serde_json::from_str(bytes).ok()?;
        let others: Vec<Dot> = version.context.iter().filter(|dot| dot.replica != version.dot.replica).collect();
        for dot in others {
            if self.is(Sabotage::ContextIsForgotten) {
                version.context.remove(dot.replica);
                version.context.raise(Dot { seq: 1.max(dot.seq / 2), ..dot });
            } else if self.is(Sabotage::ContextClaimsMore) {
                version.context.raise(Dot { seq: dot.seq + 3, ..dot });
            }
        }
        let is_tampered = self.is(Sabotage::ContextIsForgotten) || self.is(Sabotage::ContextClaimsMore);
        is_tampered.then(|| serde_json::to_string(&version).unwrap())
    }

    /// Takes a photo: its bytes are stored in the same step as its record.
    pub(crate) fn add_photo(&mut self, slot: usize) {
        let effect = self.client.add_photo(hash_of(slot).to_string());
        self.disk.write(vec![Stored::Photo { slot }, Stored::plain(effect)], Fate::Works, true);
        self.photos.insert(slot);
    }

    /// The next round trip, if one is due.
    pub(crate) fn poll(&mut self, now_ms: u64) -> Option<String> {
        let request: SyncRequest = self.client.poll(self.now_ms(now_ms))?;
        let seqs = |push: &sync_core::protocol::Push| {
            let replica = push.replica;
            (push.first_seq..).take(push.versions.len()).map(|seq| Dot { replica, seq }).collect::<Vec<_>>()
        };
        self.pushed = request.push.as_ref().map(seqs).unwrap_or_default();
        Some(serde_json::to_string(&request).unwrap())
    }

    /// Nobody knows what became of the round trip.
    pub(crate) fn fail(&mut self, failure: Failure, now_ms: u64) {
        self.connection = None;
        if self.is(Sabotage::ReceiptsAreInvented) && failure == Failure::Network && !self.pushed.is_empty() {
            let outcome = |dot: &Dot| Outcome {
                seq: dot.seq,
                verdict: Verdict::Merged,
                first: None,
                conflicts: vec![],
                refusal: None,
            };
            let outcomes = self.pushed.iter().map(outcome).collect();
            let push = Some(PushAnswer::Accepted { outcomes, through: 0 });
            let answer = SyncAnswer { now_ms, push, ..SyncAnswer::default() };
            let effects = self.client.handle_answer(answer);
            self.store(effects, &Holdings::default(), 0, Fate::Works, now_ms);
            return;
        }
        let effects = self.client.handle_failure(failure, self.now_ms(now_ms));
        self.store(effects, &Holdings::default(), 0, Fate::Works, now_ms);
    }

    /// Takes an answer in.
    pub(crate) fn take(&mut self, answer: &Answer, fate: Fate, now_ms: u64) {
        self.connection = None;
        if let Some(caller) = &answer.caller {
            self.caller = caller.clone();
        }
        match &answer.body {
            Err(failure) => self.fail(*failure, now_ms),
            Ok(body) => match serde_json::from_str::<SyncAnswer>(body) {
                Err(_) => self.fail(Failure::Network, now_ms),
                Ok(parsed) => {
                    let told = parsed.pull.as_ref().map_or(0, |pull| pull.records.len());
                    let effects = self.client.handle_answer(parsed);
                    self.store(effects, &answer.holdings, told, fate, now_ms);
                }
            },
        }
    }

    /// Stores what an answer led to, in which so many states were told by the feed; those that are merged after them the phone
    /// made by itself, and they hold what it knows of them, whatever the server holds.
    fn store(&mut self, mut effects: Vec<Effect>, holdings: &Holdings, mut told: usize, fate: Fate, now_ms: u64) {
        let place = |effect: &Effect| u8::from(!matches!(effect, Effect::Position { .. }));
        if self.is(Sabotage::CursorIsStoredFirst) {
            effects.sort_by_key(place);
        }
        let count = effects.len();
        if self.is(Sabotage::ReceiptsAreNotTakenBack) {
            effects.retain(|effect| !matches!(effect, Effect::Reopen { .. }));
        }
        let is_tampered = effects.len() < count;
        let is_forked = effects.iter().any(|effect| matches!(effect, Effect::TakeNewReplica { .. }));
        let rows: Vec<Stored> = effects
            .into_iter()
            .map(|effect| match &effect {
                Effect::Merge(made) if told == 0 => {
                    let holds = Some(self.pushed_of(made));
                    Stored::Effect { effect, edit: None, holds }
                }
                Effect::Merge(delta) | Effect::Replace(delta) => {
                    told = told.saturating_sub(1);
                    let holds = holdings.get(&delta.id).cloned();
                    Stored::Effect { effect, edit: None, holds }
                }
                _ => Stored::plain(effect),
            })
            .collect();
        let before = self.disk.rows().len();
        let written = self.disk.write(rows, fate, self.build.is_atomic);
        self.is_torn |= matches!(written, Written::Died(kept) if kept > 0);
        let stored = self.disk.rows()[before..].to_vec();
        for row in &stored {
            if let Stored::Effect { effect: Effect::Settle { replica, outcome }, .. } = &**row {
                let dot = Dot { replica: *replica, seq: outcome.seq };
                self.settled_at_ms.insert(dot, now_ms);
                let edit = self.edit_of.get(&dot).map(|(edit, _)| *edit);
                self.acknowledged.extend(edit.map(|edit| (edit, outcome.clone())));
            }
            match &**row {
                Stored::Effect { effect: Effect::PhotoReceived(hash), .. } => self.photos_received.push(hash.clone()),
                Stored::Effect { effect: Effect::Replace(state), .. } => self.mended.push(state.id),
                Stored::Effect { effect: Effect::Drop(id), .. } => self.taken_out.push(*id),
                _ => {}
            }
            if written == Written::All {
                self.apply(row);
            }
        }
        if written != Written::All || is_tampered {
            self.boot();
        } else if is_forked {
            self.renumber();
        }
        self.base.compare(&mut self.client);
    }

    /// The edits of its own that a state holds which the phone made of what it had pushed.
    fn pushed_of(&self, made: &Record) -> Rc<Set> {
        let own = self.client.outbox().of_record(made.id).filter(|(_, entry)| !entry.is_quarantined());
        let within = own.filter(|(dot, _)| made.seen.context().covers(*dot));
        let known = within.filter_map(|(dot, _)| self.edit_of.get(&dot));
        Rc::new(known.filter(|(_, is_readable)| *is_readable).map(|(edit, _)| *edit).collect())
    }

    /// What the shell holds in memory after a row is on the disk; the client has taken it in already.
    fn apply(&mut self, row: &Stored) {
        match row {
            Stored::Effect { effect: Effect::Forget(_), .. } if self.is(Sabotage::ForgetIsNotDone) => {}
            Stored::Effect { effect: Effect::Merge(delta), .. } if self.is(Sabotage::BaseIsReplaced) => {
                self.replace(delta);
            }
            Stored::Effect { effect, .. } => self.base.apply(effect, &mut self.client),
            Stored::Damaged(record) => self.base.put(*record, None, &mut self.client),
            Stored::Photo { .. } | Stored::Freed(_) => {}
        }
        match row {
            Stored::Effect { effect: Effect::Merge(delta), holds: Some(holds), .. } => {
                Rc::make_mut(self.base_holds.entry(delta.id).or_default()).join(holds);
            }
            Stored::Effect { effect: Effect::Replace(state), holds, .. } => {
                self.base_holds.insert(state.id, holds.clone().unwrap_or_default());
            }
            Stored::Effect { effect: Effect::Forget(_) | Effect::Drop(_), .. } | Stored::Damaged(_) => {
                let base = &self.base;
                self.base_holds.retain(|id, _| base.get(*id).is_some());
            }
            Stored::Effect { effect: Effect::Unreadable(text), .. } => {
                self.findings.push(Violation::new("states_can_be_read", format!("this cannot: {text}")));
            }
            Stored::Effect { effect: Effect::Keep { dot, bytes, .. }, edit: Some(edit), .. } => {
                let is_readable = serde_json::from_str::<Version>(bytes).is_ok();
                self.edit_of.insert(*dot, (*edit, is_readable));
            }
            Stored::Effect { effect: Effect::PhotoReceived(hash), .. } => {
                self.photos.retain(|slot| hash_of(*slot).to_string() != *hash);
            }
            Stored::Photo { slot } => {
                self.photos.insert(*slot);
            }
            Stored::Effect { .. } | Stored::Freed(_) => {}
        }
    }

    /// What a sabotaged shell does instead of joining.
    fn replace(&mut self, delta: &Record) {
        let shrinks = |held: &Record| !delta.seen.context().dominates(held.seen.context());
        if self.base.get(delta.id).is_some_and(shrinks) {
            let what = format!("record {} shrank on phone {}", delta.id, self.number - 1);
            self.findings.push(Violation::new("no_base_shrinks", what));
        }
        self.base.put(delta.id, Some(delta.clone()), &mut self.client);
    }

    /// A base state is gone from the disk, and nobody notices.
    pub(crate) fn damage(&mut self, record: RecordId) {
        // What it wrote and freed itself stands nowhere else on the phone: an edit before the repair would overwrite it.
        let is_freed = self.freed.contains(&record);
        if self.base.get(record).is_some() && !is_freed {
            self.is_damaged = true;
            self.disk.write(vec![Stored::Damaged(record)], Fate::Works, true);
            self.apply(&Stored::Damaged(record));
        }
    }

    /// The process ends and begins again from the disk.
    pub(crate) fn boot(&mut self) {
        self.client = Client::new(self.first);
        self.connection = None;
        self.base = Base::default();
        self.base_holds.clear();
        self.edit_of.clear();
        self.photos.clear();
        let rows = self.disk.rows().to_vec();
        for row in rows {
            match &*row {
                Stored::Effect { effect: Effect::Merge(_), .. } | Stored::Photo { .. } | Stored::Damaged(_) => {}
                Stored::Effect { effect: Effect::Keep { .. }, .. }
                    if self.is(Sabotage::RestartsCountingAfterCrash) && self.client.outbox().iter().count() > 2 => {}
                Stored::Effect { effect, .. } => self.client.restore(effect.clone()),
                Stored::Freed(up_to) => self.free_up_to(*up_to),
            }
            self.apply(&row);
        }
        self.renumber();
    }

    /// Takes a new replica id, if one is due, and stores in one step what is written anew under it.
    fn renumber(&mut self) {
        if self.is(Sabotage::ForkIsIgnored) {
            return;
        }
        let old: Vec<Dot> = self.client.outbox().waiting().map(|(dot, _)| dot).collect();
        self.ids_taken += 1;
        let fresh = ids::replica(
            self.build.seed,
            (self.number << 32) + (self.disk.rows().len() as u64 * 1_000) + self.ids_taken,
        );
        let effects = self.client.renumber(fresh);
        let Some(Effect::Renumbered { old: given_up, .. }) = effects.first() else { return };
        let waited = old.iter().filter(|dot| dot.replica == *given_up).filter_map(|dot| self.edit_of.get(dot));
        let mut edits = waited.map(|(edit, _)| *edit).collect::<Vec<_>>().into_iter();
        let mut rows = Vec::new();
        for effect in effects {
            let edit = if let Effect::Keep { dot, bytes, .. } = &effect {
                let edit = edits.next();
                self.news.extend(edit.map(|edit| Bound { edit, dot: *dot, bytes: bytes.clone(), is_flawed: false }));
                edit
            } else {
                None
            };
            if self.is(Sabotage::RenumberingDropsWhatWaits) && edit.is_some() {
                continue;
            }
            rows.push(Stored::Effect { effect, edit, holds: None });
        }
        let before = self.disk.rows().len();
        self.disk.write(rows, Fate::Works, true);
        let stored = self.disk.rows()[before..].to_vec();
        for row in &stored {
            self.apply(row);
        }
        if self.is(Sabotage::RenumberingDropsWhatWaits) {
            self.boot();
        }
    }

    /// Frees what was settled before a moment.
    pub(crate) fn free(&mut self, before_ms: u64) {
        let before_ms = if self.is(Sabotage::FreesTooEarly) { u64::MAX } else { before_ms };
        // A prefix of each replica's numbers: the first that is too young ends it.
        let mut last: BTreeMap<ReplicaId, Option<Dot>> = BTreeMap::new();
        let mut ended: BTreeSet<ReplicaId> = BTreeSet::new();
        for (dot, entry) in self.client.outbox().iter() {
            let brought = |base: &Record| base.seen.context().covers(dot);
            let is_brought = entry.is_quarantined() || self.base.get(entry.record).is_some_and(brought);
            let is_old =
                is_brought && entry.outcome.is_some() && self.settled_at_ms.get(&dot).is_some_and(|at| *at < before_ms);
            if !is_old {
                ended.insert(dot.replica);
            }
            if !ended.contains(&dot.replica) {
                last.insert(dot.replica, Some(dot));
                self.freed.insert(entry.record);
            }
        }
        for dot in last.into_values().flatten() {
            self.disk.write(vec![Stored::Freed(dot)], Fate::Works, true);
            self.free_up_to(dot);
        }
    }

    fn free_up_to(&mut self, dot: Dot) {
        for base in self.base.records().values() {
            self.client.free_settled(base, dot);
        }
    }

    /// A copy of the phone, to work beside it.
    pub(crate) fn copied_to(&self, number: usize, clock_ms: i64) -> Self {
        let mut copy = Self { number: number as u64 + 1, clock_ms, is_there: true, image: None, ..self.clone() };
        copy.boot();
        copy
    }

    /// Sets the phone back to its image, and tells which edits were on it and are no more.
    pub(crate) fn set_back(&mut self) -> Vec<EditId> {
        let Some(image) = self.image.clone() else { return Vec::new() };
        let before: BTreeSet<EditId> = self.offers().collect();
        self.disk = image;
        self.boot();
        let after: BTreeSet<EditId> = self.offers().collect();
        before.difference(&after).copied().collect()
    }

    /// The edits that it would offer to a server that lost them.
    pub(crate) fn offers(&self) -> impl Iterator<Item = EditId> + '_ {
        self.client.outbox().iter().filter_map(|(dot, _)| self.edit_of.get(&dot).map(|(edit, _)| *edit))
    }
}
