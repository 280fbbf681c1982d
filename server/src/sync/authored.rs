//! Versions that the server writes itself, on behalf of somebody in the office: it is a replica like any other, and what
//! it writes is judged, merged, kept and fed by the same rules as what phones send.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde_json::Value;
use sync_core::decision::{merged, read_version};
use sync_core::dots::{Dot, VersionVector};
use sync_core::ids::{DeviceId, RecordId, ReplicaId, TownshipId, VillageId};
use sync_core::protocol::Outcome;
use sync_core::record::Record;
use sync_core::validate::{Refusal, RefusalCode};
use sync_core::version::{Fingerprint, Version};
use uuid::Uuid;

use super::merge::Merge;
use super::push::Sender;
use crate::db::versions::{Arrival, Replica};
use crate::db::{DbError, Transaction};
use crate::error::{Code, Problem};

/// What is to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct Writing {
    /// The record.
    pub record: RecordId,
    /// Its kind.
    pub kind: String,
    /// Its village.
    pub village: Option<VillageId>,
    /// What its author had seen; `None`: everything that is in the record now.
    pub context: Option<VersionVector>,
    /// The quarantined version that it takes the place of. It goes under a replica id of its own: the server's replica may
    /// have written to the record what that version's author had not seen, and a replica's later write covers its earlier.
    pub instead_of: Option<Dot>,
    /// Path → value.
    pub changes: BTreeMap<String, Value>,
}

/// Writes versions as the server's replica of the sender's township, all or none, in their order.
///
/// # Errors
/// Inside: why one of them may not be written; nothing is, then. Outside: the database failed.
pub fn write(
    tx: &mut dyn Transaction,
    sender: &Sender,
    writings: &[Writing],
) -> Result<Result<Vec<Outcome>, Refusal>, DbError> {
    let mut replicas = BTreeMap::new();
    let records = writings.iter().map(|writing| writing.record).collect();
    let mut merge = Merge::of(tx, sender.township, &records, sender.received_at_ms)?;
    let mut arrivals = Vec::with_capacity(writings.len());
    for writing in writings {
        let replica = match replicas.entry(writing.instead_of) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(free) => free.insert(server_replica(tx, sender, writing.instead_of)?),
        };
        replica.highest = replica.highest.saturating_add(1);
        let dot = Dot { replica: replica.id, seq: replica.highest };
        let taken = compose(merge.standing(writing.record), sender, writing, dot).and_then(|(version, body)| {
            let conflicts = merge.take(&version, &sender.caller)?;
            Ok((body, conflicts))
        });
        let (body, conflicts) = match taken {
            Ok(taken) => taken,
            Err(refusal) => return Ok(Err(refusal)),
        };
        arrivals.push(Arrival {
            dot,
            record: Some(writing.record),
            fingerprint: Fingerprint::of(body.as_bytes()),
            received_at_ms: sender.received_at_ms,
            clock_offset_ms: 0,
            outcome: merged(dot.seq, conflicts),
            body,
        });
    }
    tx.insert_arrivals(sender.township, sender.caller.account, &arrivals)?;
    for replica in replicas.values() {
        tx.put_replica(replica, sender.received_at_ms)?;
    }
    merge.publish(tx)?;
    Ok(Ok(arrivals.into_iter().map(|arrival| arrival.outcome).collect()))
}

fn compose(
    standing: Option<&Record>,
    sender: &Sender,
    writing: &Writing,
    dot: Dot,
) -> Result<(Version, String), Refusal> {
    let seen = standing.map(|record| record.seen.context().clone()).unwrap_or_default();
    let last = standing.into_iter().flat_map(|record| record.standing_versions().map(|(_, by)| by.stamp)).max();
    let version = Version {
        record: writing.record,
        kind: writing.kind.clone(),
        village: writing.village,
        dot,
        context: writing.context.clone().unwrap_or(seen),
        stamp: last.unwrap_or_default().next(sender.received_at_ms),
        author: sender.caller.account,
        changes: writing.changes.clone(),
    };
    let body = serde_json::to_string(&version)
        .map_err(|error| Refusal::new(RefusalCode::Malformed, format!("cannot be written: {error}")))?;
    read_version(&body, dot).map(|version| (version, body))
}

/// The last of its own writes to a record, if there is one: whoever writes to it through this server and has not seen that
/// one would overwrite it, since a replica's later write covers its earlier.
///
/// # Errors
/// The database failed.
pub fn last_own(tx: &mut dyn Transaction, sender: &Sender, record: &Record) -> Result<Option<Dot>, DbError> {
    let own = server_replica(tx, sender, None)?.id;
    Ok(record.seen.context().iter().find(|dot| dot.replica == own))
}

/// Demands that somebody who writes to a record through this server has seen its own last write to it ([`last_own`]).
///
/// # Errors
/// `conflict_changed`, or the database failed.
pub fn demand_seen(
    tx: &mut dyn Transaction,
    sender: &Sender,
    record: &Record,
    seen: &VersionVector,
) -> Result<(), Problem> {
    if last_own(tx, sender, record)?.is_some_and(|last| !seen.covers(last)) {
        return Err(Problem::new(Code::ConflictChanged, "Read the record again; another desk has written to it"));
    }
    Ok(())
}

/// The replica under which this server writes in a township: derived from the epoch, so that a server restored from a
/// backup does not reuse the numbers that it gave out after it. What it is derived from is no secret: where a phone, of this
/// township or another, has taken the id, the next one is derived from it.
fn server_replica(tx: &mut dyn Transaction, sender: &Sender, instead_of: Option<Dot>) -> Result<Replica, DbError> {
    let epoch = tx.epoch()?.ok_or_else(|| DbError::Internal("the database has no epoch".to_owned()))?;
    let own = DeviceId(Uuid::nil());
    let mut id = ReplicaId(server_replica_id(epoch, sender.township, instead_of));
    loop {
        match tx.replica(id)? {
            None => {
                let (township, account) = (sender.township, sender.caller.account);
                return Ok(Replica { id, township, account, device: own, highest: 0 });
            }
            Some(known) if known.township == sender.township && known.device == own => return Ok(known),
            Some(taken) => id = ReplicaId(server_replica_id(taken.id.0, sender.township, instead_of)),
        }
    }
}

/// A UUID of version 8 (RFC 9562): SHA-256 over the epoch, the township, and the dot whose place is taken.
fn server_replica_id(epoch: Uuid, township: TownshipId, instead_of: Option<Dot>) -> Uuid {
    let mut named = [epoch.as_bytes().as_slice(), township.0.as_bytes()].concat();
    if let Some(dot) = instead_of {
        named.extend(dot.replica.0.as_bytes());
        named.extend(dot.seq.to_be_bytes());
    }
    let digest = Fingerprint::of(&named);
    let mut bytes = [0_u8; 16];
    bytes.iter_mut().zip(digest.0).for_each(|(to, from)| *to = from);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
