//! Taking a batch: read and hashed before the transaction, judged version by version inside it, answered after its commit.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::value::RawValue;
use sync_core::decision::{Numbering, merged, number, quarantined, read_version};
use sync_core::dots::Dot;
use sync_core::ids::{DeviceId, RecordId, ReplicaId, TownshipId};
use sync_core::limits::{BATCH_VERSIONS_MAX, SEQ_MAX};
use sync_core::own;
use sync_core::people::Caller;
use sync_core::protocol::{Outcome, Push, PushAnswer, Verdict};
use sync_core::time::Ms;
use sync_core::validate::Refusal;
use sync_core::version::{Fingerprint, Version};
use uuid::Uuid;

use super::merge::Merge;
use crate::db::audit::{Act, AuditEntry};
use crate::db::versions::{Arrival, Replica};
use crate::db::{DbError, Transaction};
use crate::error::{Code, Problem};

/// Who sends a batch, and when it arrived.
#[derive(Clone, Debug)]
pub struct Sender {
    /// The account, its role and villages.
    pub caller: Caller,
    /// The account's township.
    pub township: TownshipId,
    /// The device.
    pub device: DeviceId,
    /// When the batch arrived.
    pub received_at_ms: Ms,
    /// How far the sender's clock was ahead of the server's.
    pub clock_offset_ms: i64,
}

impl Sender {
    /// What is noted in the audit log of something that the sender does.
    #[must_use]
    pub fn did(&self, act: Act, subject: Option<Uuid>, detail: impl Into<String>) -> AuditEntry {
        AuditEntry {
            township: self.township,
            at_ms: self.received_at_ms,
            act,
            account: Some(self.caller.account),
            device: Some(self.device),
            subject,
            detail: detail.into(),
        }
    }
}

/// A batch, read and hashed: nothing more can be said about it without the database.
#[derive(Debug)]
pub struct Batch {
    replica: ReplicaId,
    first_seq: u64,
    items: Vec<Item>,
}

/// States that a batch alone comes to, as their text, each with the sequence number of its last version in the batch: whoever
/// sent it makes them by itself.
#[derive(Debug, Default)]
pub struct Brought(BTreeMap<String, u64>);

impl Brought {
    /// The number of the last version of a record that stands exactly as the batch brought it.
    #[must_use]
    pub fn as_it_stands(&self, state: &str) -> Option<u64> {
        self.0.get(state).copied()
    }
}

#[derive(Debug)]
struct Item {
    dot: Dot,
    bytes: Box<RawValue>,
    fingerprint: Fingerprint,
    version: Result<Version, Refusal>,
    /// Why the server put it aside in an earlier life.
    was_refused: Option<Refusal>,
}

/// Reads and hashes a batch. Versions that cannot be read are part of it: each has an outcome of its own.
///
/// # Errors
/// `batch_too_large`, or a first number outside 1 … 2^53 − 1.
pub fn read(push: Push) -> Result<Batch, Problem> {
    let mut refusals = push.refusals();
    let Push { replica, first_seq, versions, .. } = push;
    if versions.len() > BATCH_VERSIONS_MAX {
        let detail = format!("Send at most {BATCH_VERSIONS_MAX} versions at once");
        return Err(Problem::new(Code::BatchTooLarge, detail).with("versions_max", BATCH_VERSIONS_MAX));
    }
    if first_seq == 0 || first_seq > SEQ_MAX.saturating_sub(u64::try_from(versions.len()).unwrap_or(0)) {
        return Err(Problem::field("first_seq", "Sequence numbers run from 1 to 2^53 - 1"));
    }
    let item = |(bytes, seq): (Box<RawValue>, u64)| {
        let dot = Dot { replica, seq };
        let fingerprint = Fingerprint::of(bytes.get().as_bytes());
        let version = read_version(bytes.get(), dot);
        Item { dot, bytes, fingerprint, version, was_refused: refusals.remove(&seq) }
    };
    Ok(Batch { replica, first_seq, items: versions.into_iter().zip(first_seq..).map(item).collect() })
}

impl Batch {
    /// Takes the batch: every version ends merged or quarantined, or the whole is answered with what is wrong with its
    /// numbers. Sending it again changes nothing.
    ///
    /// # Errors
    /// `replica_foreign` when the replica is another account's; the database's own.
    pub fn take(&self, tx: &mut dyn Transaction, sender: &Sender) -> Result<PushAnswer, Problem> {
        let mut replica = self.replica(tx, sender)?;
        if self.first_seq > replica.highest.saturating_add(1) {
            return Ok(PushAnswer::Gap { expected: replica.highest.saturating_add(1) });
        }
        let mut merge = Merge::of(tx, sender.township, &self.records_after(replica.highest), sender.received_at_ms)?;
        let mut outcomes = Vec::with_capacity(self.items.len());
        let mut arrivals = Vec::with_capacity(self.items.len());
        let mut issued = Vec::new();
        let mut before = self.taken_before(tx, replica.highest)?;
        for item in &self.items {
            let taken = before.remove(&item.dot.seq);
            let fingerprint = taken.as_ref().map(|(fingerprint, _)| *fingerprint);
            match (number(replica.highest, item.dot.seq, fingerprint, item.fingerprint), taken) {
                (Numbering::Next, _) => {
                    let arrival = item.take(sender, &mut merge);
                    outcomes.push(arrival.outcome.clone());
                    issued.extend(item.issues(&arrival));
                    arrivals.push(arrival);
                    replica.highest = item.dot.seq;
                }
                (Numbering::Repeat, Some((_, outcome))) => outcomes.push(outcome.repeated()),
                (Numbering::Gap { expected }, _) => return Ok(PushAnswer::Gap { expected }),
                (Numbering::Forked | Numbering::Repeat, _) => {
                    return Ok(PushAnswer::ReplicaForked { seq: item.dot.seq, outcomes });
                }
            }
        }
        tx.insert_arrivals(sender.township, sender.caller.account, &arrivals)?;
        tx.put_replica(&replica, sender.received_at_ms)?;
        for (order, number) in issued {
            tx.note(&sender.did(Act::OrderIssued, Some(order.0), number))?;
        }
        merge.publish(tx)?;
        Ok(PushAnswer::Accepted { outcomes, through: replica.highest })
    }

    /// What its records come to by its own merged versions alone, once the batch was answered.
    #[must_use]
    pub fn brought(&self, answer: &PushAnswer) -> Brought {
        let PushAnswer::Accepted { outcomes, .. } = answer else { return Brought::default() };
        let told = self.items.iter().zip(outcomes);
        let merged = told.filter(|(_, outcome)| outcome.first_verdict() != Verdict::Quarantined);
        Brought(own::states(merged.filter_map(|(item, _)| item.version.as_ref().ok())))
    }

    /// What was taken under those of the batch's numbers that are not new.
    fn taken_before(
        &self,
        tx: &mut dyn Transaction,
        highest: u64,
    ) -> Result<BTreeMap<u64, (Fingerprint, Outcome)>, DbError> {
        let last = self.items.last().map_or(0, |item| item.dot.seq).min(highest);
        if self.first_seq > last {
            return Ok(BTreeMap::new());
        }
        let taken = tx.arrived(self.replica, self.first_seq..=last)?;
        Ok(taken.into_iter().map(|(fingerprint, outcome)| (outcome.seq, (fingerprint, outcome))).collect())
    }

    /// The records that readable versions after a sequence number edit.
    fn records_after(&self, highest: u64) -> BTreeSet<RecordId> {
        let fresh = self.items.iter().filter(|item| item.dot.seq > highest);
        fresh.filter_map(|item| item.version.as_ref().ok()).map(|version| version.record).collect()
    }

    fn replica(&self, tx: &mut dyn Transaction, sender: &Sender) -> Result<Replica, Problem> {
        let known = tx.replica(self.replica)?;
        let replica = known.unwrap_or(Replica {
            id: self.replica,
            township: sender.township,
            account: sender.caller.account,
            device: sender.device,
            highest: 0,
        });
        if replica.account != sender.caller.account || replica.township != sender.township {
            return Err(Problem::new(Code::ReplicaForeign, "Each account writes under replica ids of its own"));
        }
        Ok(replica)
    }
}

impl Item {
    fn take(&self, sender: &Sender, merge: &mut Merge) -> Arrival {
        let seq = self.dot.seq;
        let taken = match (&self.version, &self.was_refused) {
            (Err(refusal), _) | (Ok(_), Some(refusal)) => Err(refusal.clone()),
            (Ok(version), None) => merge.take(version, &sender.caller),
        };
        let outcome = taken.map_or_else(|refusal| quarantined(seq, refusal), |conflicts| merged(seq, conflicts));
        Arrival {
            dot: self.dot,
            record: self.record(),
            fingerprint: self.fingerprint,
            received_at_ms: sender.received_at_ms,
            clock_offset_ms: sender.clock_offset_ms,
            outcome,
            body: self.bytes.get().to_owned(),
        }
    }

    /// The order that it issues, and its number, where it was taken.
    fn issues(&self, arrival: &Arrival) -> Option<(RecordId, &str)> {
        let version = self.version.as_ref().ok().filter(|version| version.kind == "order" && version.creates())?;
        let number = version.changes.get("number").and_then(serde_json::Value::as_str).unwrap_or_default();
        (arrival.outcome.first_verdict() != Verdict::Quarantined).then_some((version.record, number))
    }

    /// The record that the version names, also where the rest of it cannot be read.
    fn record(&self) -> Option<RecordId> {
        #[derive(serde::Deserialize)]
        struct Named {
            record: RecordId,
        }
        match &self.version {
            Ok(version) => Some(version.record),
            Err(_) => serde_json::from_str::<Named>(self.bytes.get()).ok().map(|named| named.record),
        }
    }
}

/// Counts the verdicts of an answer; after the commit, since a transaction may be run again.
pub fn count(answer: &PushAnswer) {
    let PushAnswer::Accepted { outcomes, .. } = answer else { return };
    for outcome in outcomes {
        let verdict = match outcome.verdict {
            Verdict::Merged => "merged",
            Verdict::Duplicate => "duplicate",
            Verdict::Conflict => "conflict",
            Verdict::Quarantined | Verdict::Later => "quarantined",
        };
        metrics::counter!("hazard_versions_total", "verdict" => verdict).increment(1);
    }
}
