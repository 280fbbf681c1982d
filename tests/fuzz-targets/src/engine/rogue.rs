//! An account that writes versions as no honest phone does: contexts that claim what was never seen or does not exist
//! yet, stamps from any time, numbers in order, because anything else is refused at the door.

use std::collections::BTreeMap;

use arbitrary::{Result, Unstructured};
use serde_json::value::RawValue;
use sync_core::dots::{Dot, VersionVector};
use sync_core::ids::ReplicaId;
use sync_core::people::{Caller, Role};
use sync_core::protocol::{Push, SyncRequest};
use sync_core::time::Stamp;
use sync_core::version::Version;

use super::event::{RECORDS, path, value};
use crate::server_in_memory::phone::{record, replica};
use crate::server_in_memory::{Server, caller, village};

/// A phone that speaks the protocol and lies.
pub(super) struct Rogue {
    caller: Caller,
    replica: ReplicaId,
}

impl Rogue {
    pub(super) fn new() -> Self {
        Self { caller: caller(9, Role::Supervisor, &[]), replica: replica(9) }
    }

    fn next(&self, server: &Server) -> Dot {
        let highest = server.highest.get(&self.replica).copied().unwrap_or(0);
        Dot { replica: self.replica, seq: highest + 1 }
    }

    /// Sends some text as a version. What is not even JSON never leaves: no request could carry it.
    pub(super) fn send(&self, server: &mut Server, text: String, now_ms: u64) {
        let Ok(raw) = RawValue::from_string(text) else { return };
        let before = server.taken.len();
        let dot = self.next(server);
        let push = Push { replica: dot.replica, first_seq: dot.seq, versions: vec![raw], refused: Vec::new() };
        let request = SyncRequest { sent_at_ms: now_ms, push: Some(push), ..SyncRequest::default() };
        server.sync(&self.caller, &serde_json::to_string(&request).unwrap(), now_ms);
        assert_eq!(server.taken.len(), before + 1, "whatever was sent is kept, merged or aside");
    }

    /// Sends a version that can be read, built from `seed`.
    pub(super) fn write(&self, server: &mut Server, seed: &[u8], now_ms: u64) {
        let dot = self.next(server);
        if let Ok(version) = self.version(&mut Unstructured::new(seed), dot) {
            self.send(server, serde_json::to_string(&version).unwrap(), now_ms);
        }
    }

    fn version(&self, input: &mut Unstructured, dot: Dot) -> Result<Version> {
        let mut context = VersionVector::new();
        for _ in 0..input.int_in_range(0..=3_u8)? {
            let of = replica(input.int_in_range(1..=4)?);
            context.raise(Dot { replica: of, seq: input.int_in_range(1..=9)? });
        }
        Ok(Version {
            record: record(input.int_in_range(1..=RECORDS)?),
            kind: "hazard".to_owned(),
            village: Some(village(1)),
            dot,
            context,
            stamp: Stamp { ms: input.arbitrary()?, counter: 0 },
            author: self.caller.account,
            changes: BTreeMap::from([(path(input)?, value(input)?)]),
        })
    }
}
