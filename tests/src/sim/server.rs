//! The simulated server: the server's own jobs (`server::sync`) over a store, what of the HTTP handlers is more than bytes,
//! and the wrappers that break it on purpose.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use server::db::Transaction;
use server::db::blobs::Blob;
use server::error::Problem;
use server::photos::hash::ContentHash;
use server::sync::push::{Brought, Sender};
use server::sync::{pull, push};
use sync_core::client::Failure;
use sync_core::dots::Dot;
use sync_core::ids::RecordId;
use sync_core::monthly::{ReportState, report_state};
use sync_core::people::Caller;
use sync_core::protocol::{
    Compare, CompareAnswer, Outcome, Pull, PullAnswer, Push, PushAnswer, SyncAnswer, SyncRequest, Verdict,
};
use sync_core::record::Record;
use sync_core::version::{Fingerprint, Version};

use super::ids;
use super::oracle::{Check, Model, Oracle, StateOf, ensure};
use super::photos::{Ended, Files};
use super::sabotage::Sabotage;
use super::store::{Backup, Commit, Store};
use super::story::Fate;

/// A backup, and what the oracle knew of it.
pub(crate) struct Kept {
    pub(crate) backup: Backup,
    pub(crate) model: Model,
    pub(crate) at_ms: u64,
}

/// The server.
pub(crate) struct Server {
    pub(crate) store: Store,
    pub(crate) files: Files,
    pub(crate) clock_ms: i64,
    pub(crate) backups: Vec<Kept>,
    pub(crate) sabotage: Option<Sabotage>,
    /// The accounts as the story began, for a server that goes by them.
    pub(crate) yesterday: Vec<Caller>,
    page: usize,
    seed: u64,
    epochs: u64,
}

/// What a push did to the store.
#[derive(Debug)]
struct Pushed {
    answer: PushAnswer,
    brought: Brought,
    before: u64,
    after: u64,
}

impl Server {
    pub(crate) fn new(mut store: Store, page: usize, seed: u64, sabotage: Option<Sabotage>) -> Self {
        store.sabotage(sabotage);
        let (files, yesterday, backups) = (Files::default(), Vec::new(), Vec::new());
        let mut server = Self { store, files, clock_ms: 0, backups, sabotage, yesterday, page, seed, epochs: 0 };
        server.begin_epoch();
        server
    }

    pub(crate) fn is(&self, how: Sabotage) -> bool {
        self.sabotage == Some(how)
    }

    /// How the desk derives where a monthly report stands.
    pub(crate) fn report_state(&self) -> StateOf {
        if !self.is(Sabotage::AcceptanceOutlivesCorrections) {
            return report_state;
        }
        |report| if report.text("review") == Some("accepted") { ReportState::Accepted } else { report_state(report) }
    }

    pub(crate) fn now_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_add_signed(self.clock_ms)
    }

    fn begin_epoch(&mut self) {
        self.epochs += 1;
        let epoch = ids::fresh(self.seed, self.epochs);
        self.store.write(Commit::Works, move |tx| Ok(tx.set_epoch(epoch)?)).expect("an epoch");
    }

    pub(crate) fn sender(&self, caller: &Caller, phone: usize, now_ms: u64) -> Sender {
        let is_uncapped = self.is(Sabotage::StampsAreNotCapped);
        let received_at_ms = if is_uncapped { sync_core::limits::TIME_MS_MAX } else { self.now_ms(now_ms) };
        let device = ids::device(phone);
        Sender { caller: caller.clone(), township: ids::township(), device, received_at_ms, clock_offset_ms: 0 }
    }

    /// Carries a request out. What it took is told to the oracle; the answer, or how the connection ended, is returned.
    pub(crate) fn sync(
        &mut self,
        oracle: &mut Oracle,
        caller: &Caller,
        phone: usize,
        body: &str,
        fate: Fate,
        now_ms: u64,
    ) -> Result<Result<Rc<str>, Failure>, super::oracle::Violation> {
        self.store.tick(now_ms);
        oracle.server_ms = oracle.server_ms.max(self.now_ms(now_ms));
        let Ok(request) = serde_json::from_str::<SyncRequest>(body) else { return Ok(Err(Failure::Network)) };
        match fate {
            Fate::Busy => return Ok(Err(Failure::Busy { retry_after_s: Some(5) })),
            Fate::DiesBefore if !self.is(Sabotage::AcksBeforeDurability) => return Ok(Err(Failure::Network)),
            _ => {}
        }
        let does_commit = !matches!(fate, Fate::CommitFails | Fate::DiesBefore);
        let mut answer = SyncAnswer {
            now_ms: self.now_ms(now_ms),
            push: None,
            pull: None,
            photos_received: Vec::new(),
            photos_wanted: Vec::new(),
            compare: None,
        };
        let (mut brought, mut created) = (Brought::default(), BTreeMap::new());
        if let Some(push) = request.push {
            created = self.called_created(&push);
            match self.push(oracle, caller, phone, push, does_commit, now_ms)? {
                Ok(pushed) => (answer.push, brought) = (Some(pushed.answer), pushed.brought),
                Err(_) => return Ok(Err(Failure::Busy { retry_after_s: None })),
            }
        }
        if let Some(asked) = request.pull {
            answer.pull = Some(self.pull(caller, asked, brought, &created));
        }
        answer.compare = request.compare.map(|asked| self.compare(caller, asked));
        (answer.photos_received, answer.photos_wanted) = self.photos(&request.photos);
        if fate == Fate::DiesAfter {
            return Ok(Err(Failure::Network));
        }
        Ok(Ok(Rc::from(serde_json::to_string(&answer).expect("an answer"))))
    }

    fn push(
        &mut self,
        oracle: &mut Oracle,
        caller: &Caller,
        phone: usize,
        push: Push,
        does_commit: bool,
        now_ms: u64,
    ) -> Result<Result<Pushed, Problem>, super::oracle::Violation> {
        let replica = push.replica;
        let sent: Vec<(Dot, Fingerprint)> = (push.first_seq..)
            .zip(&push.versions)
            .map(|(seq, raw)| (Dot { replica, seq }, Fingerprint::of(raw.get().as_bytes())))
            .collect();
        if self.is(Sabotage::BadVersionBlocksTheQueue) {
            let dots = sent.iter().map(|(dot, _)| *dot);
            let is_bad =
                dots.zip(&push.versions).any(|(dot, raw)| sync_core::decision::read_version(raw.get(), dot).is_err());
            if is_bad {
                return Ok(Err(Problem::field("versions", "one of them is bad")));
            }
        }
        let batch = match push::read(push) {
            Ok(batch) => batch,
            Err(problem) => return Ok(Err(problem)),
        };
        let sender = self.sender(caller, phone, now_ms);
        let commit = if does_commit { Commit::Works } else { Commit::Fails };
        // What a server says that answers before its commit.
        let unsure: Arc<Mutex<Option<PushAnswer>>> = Arc::default();
        let said = Arc::clone(&unsure);
        let pushed = self.store.write(commit, move |tx| {
            let before = tx.replica(replica)?.map_or(0, |replica| replica.highest);
            let answer = batch.take(tx, &sender)?;
            let after = tx.replica(replica)?.map_or(0, |replica| replica.highest);
            *said.lock().expect("one thread") = Some(answer.clone());
            let brought = batch.brought(&answer);
            Ok(Pushed { answer, brought, before, after })
        });
        let unsure = unsure.lock().expect("one thread").take();
        let mut pushed = match (pushed, unsure) {
            (Ok(pushed), _) => pushed,
            (Err(_), Some(answer)) if self.is(Sabotage::AcksBeforeDurability) => {
                Pushed { answer, brought: Brought::default(), before: 0, after: 0 }
            }
            (Err(problem), _) => return Ok(Err(problem)),
        };
        self.notice(oracle, caller, &sent, &pushed)?;
        if self.is(Sabotage::RepeatIsPublishedAgain) {
            self.publish_again(&pushed.answer, oracle, replica);
        }
        self.tamper(&mut pushed.answer, &sent);
        if let PushAnswer::Accepted { outcomes, .. } | PushAnswer::ReplicaForked { outcomes, .. } = &pushed.answer {
            self.check_told(oracle, replica, outcomes, pushed.before)?;
        }
        Ok(Ok(pushed))
    }

    /// Tells the oracle what was taken, in its order, with what the store says became of it.
    fn notice(&mut self, oracle: &mut Oracle, caller: &Caller, sent: &[(Dot, Fingerprint)], pushed: &Pushed) -> Check {
        for (dot, fingerprint) in sent.iter().filter(|(dot, _)| dot.seq > pushed.before && dot.seq <= pushed.after) {
            let stored = self.arrived(*dot);
            let Some((kept, outcome)) = stored else {
                ensure!(false, "acknowledged_is_durable", "{dot:?} is counted but not stored");
                continue;
            };
            ensure!(kept == *fingerprint, "nothing_captured_is_lost", "{dot:?} is stored with other bytes");
            oracle.taken(*dot, kept, &outcome, caller)?;
        }
        Ok(())
    }

    fn check_told(
        &mut self,
        oracle: &Oracle,
        replica: sync_core::ids::ReplicaId,
        outcomes: &[Outcome],
        before: u64,
    ) -> Check {
        for outcome in outcomes {
            let dot = Dot { replica, seq: outcome.seq };
            let stored = self.arrived(dot);
            oracle.told(dot, outcome, stored.as_ref().map(|(_, outcome)| outcome), outcome.seq <= before)?;
        }
        Ok(())
    }

    fn arrived(&mut self, dot: Dot) -> Option<(Fingerprint, Outcome)> {
        let taken = self.store.read(move |tx| Ok(tx.arrived(dot.replica, dot.seq..=dot.seq)?)).expect("an arrival");
        taken.into_iter().next()
    }

    fn publish_again(&mut self, answer: &PushAnswer, oracle: &Oracle, replica: sync_core::ids::ReplicaId) {
        let PushAnswer::Accepted { outcomes, .. } = answer else { return };
        let Some(repeat) = outcomes.iter().find(|outcome| outcome.verdict == Verdict::Duplicate) else { return };
        let Some((edit, _)) = oracle.model.taken.get(&Dot { replica, seq: repeat.seq }) else { return };
        let record = oracle.edits[*edit].record;
        let again = move |tx: &mut dyn Transaction| -> Result<(), Problem> {
            let Some(state) = tx.record(ids::township(), record)? else { return Ok(()) };
            let known = sync_core::record::Record::from_json(&state).map_err(Problem::internal)?;
            let scope = sync_core::cursor::feed_scope(&known.kind, known.village);
            let was = Some(sync_core::digest::Mark::of_json(&state));
            let stored = server::db::records::StoredRecord {
                was,
                id: record,
                kind: known.kind,
                village: known.village,
                scope,
                state,
            };
            Ok(tx.publish(ids::township(), &[stored], 0)?)
        };
        self.store.write(Commit::Works, again).expect("published");
    }

    fn tamper(&self, answer: &mut PushAnswer, sent: &[(Dot, Fingerprint)]) {
        if self.is(Sabotage::ForkIsCalledDuplicate) && matches!(answer, PushAnswer::ReplicaForked { .. }) {
            let duplicate = |(dot, _): &(Dot, Fingerprint)| Outcome {
                seq: dot.seq,
                verdict: Verdict::Duplicate,
                first: Some(Verdict::Merged),
                conflicts: Vec::new(),
                refusal: None,
            };
            *answer = PushAnswer::Accepted { outcomes: sent.iter().map(duplicate).collect(), through: 0 };
        }
        if self.is(Sabotage::RepeatGetsAnotherVerdict)
            && let PushAnswer::Accepted { outcomes, .. } = answer
        {
            for outcome in outcomes.iter_mut().filter(|outcome| outcome.first == Some(Verdict::Quarantined)) {
                (outcome.first, outcome.refusal) = (Some(Verdict::Merged), None);
            }
        }
    }

    fn pull(
        &mut self,
        caller: &Caller,
        asked: Pull,
        brought: Brought,
        created: &BTreeMap<RecordId, u64>,
    ) -> PullAnswer {
        let caller = match self.yesterday.iter().find(|known| known.account == caller.account) {
            Some(known) if self.is(Sabotage::ScopeOfYesterday) => known.clone(),
            _ => caller.clone(),
        };
        let asked = Pull { records_max: Some(self.page), ..asked };
        let brought = if asked.as_pushed { brought } else { Brought::default() };
        let answer = self.store.read(move |tx| Ok(pull::pull(tx, ids::township(), &caller, &asked, &brought)?));
        let mut answer = answer.expect("a pull");
        if self.is(Sabotage::ForgetIsNotSaid) {
            answer.forget.clear();
        }
        if self.is(Sabotage::ARecordIsLostOnTheWay) && answer.records.len() > 1 {
            answer.records.pop();
        }
        self.misname(&mut answer, created);
        answer
    }

    /// The records that a push creates, each with the last of its versions: for a server that does not look at how they stand.
    fn called_created(&self, push: &Push) -> BTreeMap<RecordId, u64> {
        let mut created = BTreeMap::new();
        if !matches!(
            self.sabotage,
            Some(Sabotage::ChangedStateIsCalledPushed | Sabotage::ChangedStateIsCalledPushedAndNoDigest)
        ) {
            return created;
        }
        for (seq, raw) in (push.first_seq..).zip(&push.versions) {
            let Ok(version) = Version::from_json(raw.get().as_bytes()) else { continue };
            if version.creates() || created.contains_key(&version.record) {
                created.insert(version.record, seq);
            }
        }
        created
    }

    /// What a sabotaged server says of what a push created.
    fn misname(&self, answer: &mut PullAnswer, created: &BTreeMap<RecordId, u64>) {
        let PullAnswer { records, as_pushed, digest, .. } = answer;
        if !created.is_empty() {
            records.retain(|state| {
                let named = Record::from_json(state.get()).ok().and_then(|record| created.get(&record.id));
                as_pushed.extend(named);
                named.is_none()
            });
        }
        if matches!(self.sabotage, Some(Sabotage::PushedNumberIsWrong | Sabotage::PushedNumberIsWrongAndNoDigest)) {
            as_pushed.iter_mut().for_each(|seq| *seq += 1);
        }
        if matches!(
            self.sabotage,
            Some(Sabotage::PushedNumberIsWrongAndNoDigest | Sabotage::ChangedStateIsCalledPushedAndNoDigest)
        ) {
            *digest = None;
        }
    }

    fn compare(&mut self, caller: &Caller, asked: Compare) -> CompareAnswer {
        let caller = caller.clone();
        self.store.read(move |tx| pull::compare(tx, ids::township(), &caller, &asked)).expect("a comparison")
    }

    fn photos(&mut self, asked: &[String]) -> (Vec<String>, Vec<String>) {
        if self.is(Sabotage::PhotoReceiptBeforeItsBytes) {
            return (asked.to_vec(), Vec::new());
        }
        let hashes: Vec<ContentHash> = asked.iter().filter_map(|hex| hex.parse().ok()).collect();
        let lacking = self.store.read(move |tx| Ok(tx.blobs_lacking(ids::township(), &hashes)?)).expect("blobs");
        let lacking: Vec<String> = lacking.iter().map(ToString::to_string).collect();
        asked.iter().cloned().partition(|hash| !lacking.contains(hash))
    }

    /// Takes bytes of a photo; a whole one is noted in the database.
    pub(crate) fn upload(
        &mut self,
        caller: &Caller,
        phone: usize,
        slot: usize,
        through: u8,
        is_damaged: bool,
        now_ms: u64,
    ) {
        let (hash, bytes) = (super::photos::hash_of(slot), super::photos::bytes_of(slot));
        let is_checked = !self.is(Sabotage::PhotoHashIsNotChecked);
        if self.files.send(phone, hash, &bytes, through, is_damaged, is_checked) != Ended::Whole {
            return;
        }
        let blob = Blob {
            township: ids::township(),
            hash,
            account: caller.account,
            bytes: bytes.len() as u64,
            content_type: "image/jpeg".to_owned(),
            size_px: None,
            facts: "{}".to_owned(),
            stored_at_ms: now_ms,
        };
        self.store.write(Commit::Works, move |tx| Ok(tx.insert_blob(&blob)?)).expect("noted");
    }

    pub(crate) fn backup(&mut self, oracle: &Oracle, now_ms: u64) {
        let backup = self.store.backup();
        self.backups.push(Kept { backup, model: oracle.model.clone(), at_ms: now_ms });
    }

    /// Begins anew from a backup, under another epoch; photo bytes are in a store of their own and are noted again.
    pub(crate) fn restore(&mut self, oracle: &mut Oracle, which: usize, accounts: &Caller, now_ms: u64) {
        let Some(kept) = self.backups.get(which % self.backups.len().max(1)) else { return };
        self.store.restore(&kept.backup);
        oracle.restored(&kept.model);
        if !self.is(Sabotage::EpochStaysAfterRestore) {
            self.begin_epoch();
        }
        let whole: Vec<(ContentHash, u64)> =
            self.files.whole.iter().map(|(hash, bytes)| (*hash, bytes.len() as u64)).collect();
        let account = accounts.account;
        let note = move |tx: &mut dyn Transaction| -> Result<(), Problem> {
            for (hash, bytes) in whole.clone() {
                let (content_type, facts) = ("image/jpeg".to_owned(), "{}".to_owned());
                let township = ids::township();
                tx.insert_blob(&Blob {
                    township,
                    hash,
                    account,
                    bytes,
                    content_type,
                    size_px: None,
                    facts,
                    stored_at_ms: now_ms,
                })?;
            }
            Ok(())
        };
        self.store.write(Commit::Works, note).expect("noted");
    }
}
