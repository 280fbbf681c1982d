//! A server in memory, built only from what `sync_core` decides: numbers, versions with their bytes and outcomes, records
//! with their place in the feed, photos. And, in `phone`, a phone around the client. Support of the client's tests.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "test support"
)]

pub mod phone;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::value::RawValue;
use sync_core::carried::{Carried, Receipt, Receipts, SealKey, Unsealed, open, peek, seal};
use sync_core::cursor::{Cursor, FeedScope, feed_scope, scopes_of};
use sync_core::decision::{Judgement, Numbering, judge, number, read_version};
use sync_core::digest::{Digest, Mark, answer_sums};
use sync_core::dots::Dot;
use sync_core::ids::{AccountId, RecordId, ReplicaId, VillageId};
use sync_core::own;
use sync_core::people::{Caller, Role};
use sync_core::permissions::may_read;
use sync_core::protocol::{
    Compare, CompareAnswer, Outcome, Pull, PullAnswer, Push, PushAnswer, SyncAnswer, SyncRequest, Verdict,
};
use sync_core::record::Record;
use sync_core::validate::Refusal;
use sync_core::version::{Fingerprint, Version};
use uuid::Uuid;

/// Few, so that an answer with more to come is an ordinary case.
const PULL_RECORDS_MAX: usize = 4;

#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    pub bytes: String,
    pub outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    pub epoch: u128,
    pub highest: BTreeMap<ReplicaId, u64>,
    pub taken: BTreeMap<Dot, Taken>,
    pub records: BTreeMap<RecordId, (Record, u64)>,
    pub feed: u64,
    pub photos: BTreeSet<String>,
}

pub fn village(number: u128) -> VillageId {
    VillageId(Uuid::from_u128(0x70 + number))
}

pub fn caller(number: u128, role: Role, villages: &[u128]) -> Caller {
    Caller {
        account: AccountId(Uuid::from_u128(0x900 + number)),
        role,
        villages: villages.iter().map(|number| village(*number)).collect(),
    }
}

impl Server {
    pub fn new() -> Self {
        Self {
            epoch: 1,
            highest: BTreeMap::new(),
            taken: BTreeMap::new(),
            records: BTreeMap::new(),
            feed: 0,
            photos: BTreeSet::new(),
        }
    }

    /// The server as it was, begun anew from a backup.
    pub fn restored(&self, backup: &Self) -> Self {
        Self { epoch: self.epoch + 1, ..backup.clone() }
    }

    /// One request, and its answer, as bytes.
    pub fn sync(&mut self, caller: &Caller, body: &str, now_ms: u64) -> String {
        let request: SyncRequest = serde_json::from_str(body).unwrap();
        let (push, brought) = request.push.map(|push| self.push_and_note(caller, &push, now_ms)).unzip();
        let pull = request.pull.map(|pull| {
            let brought = brought.filter(|_| pull.as_pushed).unwrap_or_default();
            self.pull(caller, &pull, &brought)
        });
        let (photos_received, photos_wanted) = request.photos.into_iter().partition(|hash| self.photos.contains(hash));
        let compare = request.compare.map(|compare| self.compare(caller, &compare));
        serde_json::to_string(&SyncAnswer { now_ms, push, pull, photos_received, photos_wanted, compare }).unwrap()
    }

    fn compare(&self, caller: &Caller, compare: &Compare) -> CompareAnswer {
        let visible = self.visible_to(caller);
        match compare {
            Compare::Sums(sums) => {
                let marks: Vec<_> = visible.iter().map(|(id, record)| (*id, Mark::of(record))).collect();
                answer_sums(&marks, sums).unwrap()
            }
            Compare::Records(ids) => {
                let (here, absent): (Vec<_>, Vec<_>) = ids.iter().copied().partition(|id| visible.contains_key(id));
                let state = |id: &RecordId| RawValue::from_string(visible[id].to_json()).unwrap();
                let records = here.iter().take(PULL_RECORDS_MAX).map(state).collect();
                CompareAnswer::States { records, absent }
            }
        }
    }

    /// The receipts for a file, judged as its author's.
    pub fn import(&mut self, caller: &Caller, secret: &[u8], text: &str, now_ms: u64) -> Result<String, Unsealed> {
        let device = peek::<Carried>(text)?.device;
        let key = SealKey::of_device(secret, device);
        let carried: Carried = open(&key, text)?;
        let receipt = |push: &Push| Receipt {
            replica: push.replica,
            marks: Carried::marks(push),
            answer: self.push(caller, push, now_ms),
        };
        let pushes = carried.pushes.iter().map(receipt).collect();
        let (photos_received, photos_wanted) = carried.photos.into_iter().partition(|hash| self.photos.contains(hash));
        let account = carried.account;
        let epoch = self.epoch.to_string();
        Ok(seal(&key, &Receipts { account, device, now_ms, epoch, pushes, photos_received, photos_wanted }))
    }

    /// The answer to a push, and what its records come to by its merged versions alone.
    fn push_and_note(&mut self, caller: &Caller, push: &Push, now_ms: u64) -> (PushAnswer, BTreeMap<String, u64>) {
        let answer = self.push(caller, push, now_ms);
        let PushAnswer::Accepted { outcomes, .. } = &answer else { return (answer, BTreeMap::new()) };
        let merged =
            outcomes.iter().zip(&push.versions).filter(|(told, _)| told.first_verdict() != Verdict::Quarantined);
        let versions: Vec<Version> = merged.map(|(_, raw)| Version::from_json(raw.get().as_bytes()).unwrap()).collect();
        let brought = own::states(&versions);
        (answer, brought)
    }

    fn push(&mut self, caller: &Caller, push: &Push, now_ms: u64) -> PushAnswer {
        let mut outcomes = Vec::new();
        let mut refusals = push.refusals();
        for (seq, raw) in (push.first_seq..).zip(&push.versions) {
            let (dot, bytes) = (Dot { replica: push.replica, seq }, raw.get());
            let highest = self.highest.get(&push.replica).copied().unwrap_or(0);
            let taken = self.taken.get(&dot);
            match number(
                highest,
                seq,
                taken.map(|taken| Fingerprint::of(taken.bytes.as_bytes())),
                Fingerprint::of(bytes.as_bytes()),
            ) {
                Numbering::Next => outcomes.push(self.take(caller, dot, bytes, refusals.remove(&seq), now_ms)),
                Numbering::Repeat => outcomes.push(taken.unwrap().outcome.clone().repeated()),
                Numbering::Forked => return PushAnswer::ReplicaForked { seq, outcomes },
                Numbering::Gap { expected } => return PushAnswer::Gap { expected },
            }
        }
        PushAnswer::Accepted { outcomes, through: self.highest.get(&push.replica).copied().unwrap_or(0) }
    }

    fn take(&mut self, caller: &Caller, dot: Dot, bytes: &str, was_refused: Option<Refusal>, now_ms: u64) -> Outcome {
        let judgement = match (read_version(bytes, dot), was_refused) {
            (Err(refusal), _) | (Ok(_), Some(refusal)) => Judgement::Quarantined(refusal),
            (Ok(version), None) => {
                let standing = self.records.get(&version.record).map(|(record, _)| record.clone());
                judge(&version, caller, standing, now_ms)
            }
        };
        let outcome = judgement.outcome(dot.seq);
        if let Judgement::Merged { record, .. } = judgement {
            self.feed += 1;
            self.records.insert(record.id, (record, self.feed));
        }
        self.highest.insert(dot.replica, dot.seq);
        self.taken.insert(dot, Taken { bytes: bytes.to_owned(), outcome: outcome.clone() });
        outcome
    }

    fn pull(&self, caller: &Caller, pull: &Pull, brought: &BTreeMap<String, u64>) -> PullAnswer {
        let old = pull.cursor.as_deref().and_then(Cursor::decode);
        let followed = Cursor::follow(old, Uuid::from_u128(self.epoch), &scopes_of(caller));
        let mut cursor = followed.cursor;
        let read_to = |record: &Record| {
            let scope = feed_scope(&record.kind, record.village);
            cursor.positions.get(&FeedScope::All).or_else(|| cursor.positions.get(&scope)).copied()
        };
        let mut news: Vec<(u64, &Record)> = self
            .records
            .values()
            .filter(|(record, at)| read_to(record).is_some_and(|read_to| *at > read_to))
            .map(|(record, at)| (*at, record))
            .collect();
        news.sort_by_key(|(at, _)| *at);
        let more = news.len() > PULL_RECORDS_MAX;
        news.truncate(PULL_RECORDS_MAX);
        let read_to = if more { news.last().unwrap().0 } else { self.feed };
        cursor.positions.values_mut().for_each(|position| *position = read_to.max(*position));
        let mut forget: BTreeSet<VillageId> = followed.forget.into_iter().collect();
        if followed.lost_all {
            let known = self.records.values().filter_map(|(record, _)| record.village);
            forget.extend(known.filter(|village| !caller.covers(Some(*village))));
        }
        let states = news.iter().map(|(_, record)| record.to_json());
        let (known, new): (Vec<String>, Vec<String>) = states.partition(|state| brought.contains_key(state));
        PullAnswer {
            records: new.into_iter().map(|state| RawValue::from_string(state).unwrap()).collect(),
            as_pushed: known.iter().map(|state| brought[state]).collect(),
            cursor: cursor.encode(),
            more,
            epoch: self.epoch.to_string(),
            forget: forget.into_iter().collect(),
            digest: (!more).then(|| {
                let visible = self.visible_to(caller).into_values();
                visible.map(|record| (record.id, Mark::of(&record))).collect::<Digest>().total()
            }),
            position: (!more).then_some(self.feed),
        }
    }

    /// The records that a caller may see.
    pub fn visible_to(&self, caller: &Caller) -> BTreeMap<RecordId, Record> {
        let records = self.records.iter().map(|(id, (record, _))| (*id, record.clone()));
        records.filter(|(_, record)| may_read(caller, &record.kind, record.village)).collect()
    }

    /// The bytes of the versions put aside.
    pub fn quarantine(&self) -> BTreeMap<Dot, &str> {
        let aside = self.taken.iter().filter(|(_, taken)| taken.outcome.refusal.is_some());
        aside.map(|(dot, taken)| (*dot, taken.bytes.as_str())).collect()
    }

    /// In how many of the versions taken some words stand.
    pub fn times_taken(&self, words: &str) -> usize {
        self.taken.values().filter(|taken| taken.bytes.contains(words)).count()
    }
}
