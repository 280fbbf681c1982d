//! The lines of a township's file, as they are written and read. What each means is `docs/township-file.md`.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sync_core::dots::Dot;
use sync_core::ids::{AccountId, DeviceId, RecordId, ReplicaId, TownshipId, VillageId};
use sync_core::people::Role;
use sync_core::protocol::Outcome;
use sync_core::time::Ms;
use sync_core::version::Fingerprint;

use crate::db::DbError;
use crate::db::accounts::Account;
use crate::db::blobs::Blob;
use crate::db::keeping::{QuarantineEntry, Settled};
use crate::db::versions::{Arrival, Replica};
use crate::photos::hash::ContentHash;

/// The form of files that is written; a later one has a higher number.
pub(super) const FORMAT: u32 = 1;

/// `manifest.json`: what the file holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) format: u32,
    pub(super) program: String,
    pub(super) made_at: String,
    pub(super) township: TownshipId,
    pub(super) name: String,
    pub(super) created_at_ms: Ms,
    pub(super) with_passwords: bool,
    /// Photos whose bytes the server itself had lost.
    pub(super) photos_missing: Vec<ContentHash>,
    pub(super) lists: Vec<List>,
}

/// One list of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct List {
    pub(super) name: String,
    pub(super) lines: u64,
    pub(super) sha256: ContentHash,
}

/// A line of `accounts.jsonl`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct AccountLine {
    id: AccountId,
    pub(super) username: String,
    display_name: String,
    role: String,
    villages: BTreeSet<VillageId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    password_hash: Option<String>,
    disabled_at_ms: Option<Ms>,
    created_at_ms: Ms,
    updated_at_ms: Ms,
}

impl AccountLine {
    pub(super) fn of(account: Account, with_passwords: bool) -> Self {
        Self {
            id: account.id,
            username: account.username,
            display_name: account.display_name,
            role: account.role.name().to_owned(),
            villages: account.villages,
            password_hash: account.password_hash.filter(|_| with_passwords),
            disabled_at_ms: account.disabled_at_ms,
            created_at_ms: account.created_at_ms,
            updated_at_ms: account.updated_at_ms,
        }
    }

    pub(super) fn account(self, township: TownshipId) -> Result<Account, DbError> {
        let role = Role::from_name(&self.role);
        Ok(Account {
            id: self.id,
            township,
            username: self.username,
            display_name: self.display_name,
            role: role.ok_or_else(|| DbError::Internal(format!("no role is called {:?}", self.role)))?,
            villages: self.villages,
            password_hash: self.password_hash,
            disabled_at_ms: self.disabled_at_ms,
            created_at_ms: self.created_at_ms,
            updated_at_ms: self.updated_at_ms,
        })
    }
}

/// A line of `replicas.jsonl`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ReplicaLine {
    pub(super) id: ReplicaId,
    account: AccountId,
    device: DeviceId,
    highest: u64,
    pub(super) seen_at_ms: Ms,
}

impl ReplicaLine {
    pub(super) fn of((replica, seen_at_ms): (Replica, Ms)) -> Self {
        let Replica { id, account, device, highest, .. } = replica;
        Self { id, account, device, highest, seen_at_ms }
    }

    pub(super) fn replica(&self, township: TownshipId) -> Replica {
        Replica { id: self.id, township, account: self.account, device: self.device, highest: self.highest }
    }
}

/// A line of `versions.jsonl`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct VersionLine {
    dot: Dot,
    record: Option<RecordId>,
    sha256: ContentHash,
    received_at_ms: Ms,
    clock_offset_ms: i64,
    outcome: Outcome,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) quarantine: Option<QuarantineLine>,
    /// The bytes that arrived.
    body: String,
}

/// What the quarantine says of a refused version.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct QuarantineLine {
    pub(super) account: AccountId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) settled: Option<SettledLine>,
}

/// How a supervisor dealt with it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SettledLine {
    pub(super) at_ms: Ms,
    pub(super) by: Option<AccountId>,
    pub(super) how: String,
}

impl VersionLine {
    pub(super) fn of(arrival: Arrival, entry: Option<QuarantineEntry>) -> Self {
        let Arrival { dot, record, fingerprint, received_at_ms, clock_offset_ms, outcome, body } = arrival;
        let settled = |Settled { at_ms, by, how }| SettledLine { at_ms, by, how };
        let quarantine =
            entry.map(|entry| QuarantineLine { account: entry.account, settled: entry.settled.map(settled) });
        let sha256 = ContentHash(fingerprint.0);
        Self { dot, record, sha256, received_at_ms, clock_offset_ms, outcome, quarantine, body }
    }

    pub(super) fn arrival(self) -> (Arrival, Option<QuarantineLine>) {
        let arrival = Arrival {
            dot: self.dot,
            record: self.record,
            fingerprint: Fingerprint(self.sha256.0),
            received_at_ms: self.received_at_ms,
            clock_offset_ms: self.clock_offset_ms,
            outcome: self.outcome,
            body: self.body,
        };
        (arrival, self.quarantine)
    }
}

/// A line of `photos.jsonl`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PhotoLine {
    pub(super) sha256: ContentHash,
    account: AccountId,
    bytes: u64,
    content_type: String,
    size_px: Option<(u32, u32)>,
    facts: String,
    stored_at_ms: Ms,
}

impl PhotoLine {
    pub(super) fn of(blob: Blob) -> Self {
        let Blob { hash, account, bytes, content_type, size_px, facts, stored_at_ms, .. } = blob;
        Self { sha256: hash, account, bytes, content_type, size_px, facts, stored_at_ms }
    }

    pub(super) fn blob(self, township: TownshipId) -> Blob {
        let Self { sha256: hash, account, bytes, content_type, size_px, facts, stored_at_ms } = self;
        Blob { township, hash, account, bytes, content_type, size_px, facts, stored_at_ms }
    }
}
