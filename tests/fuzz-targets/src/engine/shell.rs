//! One phone, its storage, and the list of what it still owes the server: kept apart from the client, from nothing but the
//! effects that the client gave out, and compared with it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use sync_core::carried::{Receipts, SealKey, seal};
use sync_core::client::{Edit, Effect, Failure};
use sync_core::dots::Dot;
use sync_core::ids::{DeviceId, ReplicaId};
use sync_core::limits::{BATCH_VERSIONS_MAX, BODY_BYTES_MAX, PHOTOS_ASKED_MAX, TIME_MS_MAX};
use sync_core::people::Caller;
use sync_core::protocol::{SyncAnswer, SyncRequest};
use sync_core::version::Version;

use crate::server_in_memory::Server;
use crate::server_in_memory::phone::Phone;

#[derive(Clone)]
pub(super) struct Shell {
    pub(super) phone: Phone,
    /// What was kept and has no receipt that counts.
    pub(super) owed: BTreeMap<Dot, String>,
    /// The round trip under way, and the answer that is on its way back.
    pub(super) attempt: Option<u64>,
    pub(super) answer: Option<String>,
    /// Whether an answer that no server gave was taken in.
    pub(super) is_deceived: bool,
    /// Requests so far, over all lives of the phone: an answer comes to the one that it is for, whatever was restored since.
    pub(super) attempts: u64,
    /// The phone's clock at the last failure that began a wait: one that is set back behind it ends the wait.
    failed_at_ms: u64,
}

impl Shell {
    pub(super) fn new(number: u128, who: Caller) -> Self {
        let phone = Phone::new(number, who);
        Self {
            phone,
            owed: BTreeMap::new(),
            attempt: None,
            answer: None,
            is_deceived: false,
            attempts: 0,
            failed_at_ms: 0,
        }
    }

    pub(super) fn write(&mut self, edit: Edit) {
        let phone = &mut self.phone;
        phone.now_ms = phone.now_ms.saturating_add(1);
        let base = phone.base.get(edit.record);
        // A refusal is an answer too; the person is told at once.
        let Ok(effect) = phone.client.write(edit, &phone.caller, base, phone.now_ms) else { return };
        let Effect::Keep { dot, record, .. } = &effect else { panic!("not kept: {effect:?}") };
        let view = phone.client.view(*record, phone.base.get(*record)).expect("what was written is seen");
        assert!(view.seen.context().covers(*dot), "an edit is seen by its author at once");
        self.store(vec![effect]);
    }

    /// A new replica id, where one is due.
    pub(super) fn renumber(&mut self, new: ReplicaId) {
        let owed = self.owed.clone();
        let effects = self.phone.client.renumber(new);
        let Some(Effect::Renumbered { old, .. }) = effects.first() else { return };
        let of_old = owed.iter().filter(|(dot, _)| dot.replica == *old).map(|(_, bytes)| changes(bytes));
        let written_anew = effects.iter().filter_map(|effect| match effect {
            Effect::Keep { bytes, .. } => Some(changes(bytes)),
            _ => None,
        });
        assert!(of_old.eq(written_anew), "what waits is written anew, all of it, in its order");
        self.store(effects);
    }

    /// The next request, if one is due once the wait is over.
    pub(super) fn send(&mut self) -> Option<(u64, String)> {
        let phone = &mut self.phone;
        let wait_ms = phone.client.wait_ms(phone.now_ms);
        if wait_ms > 0 {
            assert!(self.failed_at_ms <= phone.now_ms, "a clock that was set back behind the failure ends the wait");
            assert!(phone.client.poll(phone.now_ms).is_none(), "nothing is sent before the wait is over");
            phone.now_ms += wait_ms;
        }
        if self.attempt.is_some() {
            assert!(phone.client.poll(u64::MAX).is_none(), "one round trip at a time");
            return None;
        }
        let request = phone.client.poll(phone.now_ms)?;
        self.is_in_order(&request);
        self.attempts += 1;
        self.attempt = Some(self.attempts);
        Some((self.attempts, serde_json::to_string(&request).unwrap()))
    }

    fn is_in_order(&self, request: &SyncRequest) {
        assert!(request.photos.len() <= PHOTOS_ASKED_MAX);
        let Some(push) = &request.push else {
            assert!(self.owed.is_empty(), "what waits is sent");
            return;
        };
        assert!(!push.versions.is_empty() && push.versions.len() <= BATCH_VERSIONS_MAX);
        let bytes: usize = push.versions.iter().map(|version| version.get().len()).sum();
        assert!(bytes <= BODY_BYTES_MAX);
        for (seq, version) in (push.first_seq..).zip(&push.versions) {
            let dot = Dot { replica: push.replica, seq };
            assert_eq!(self.owed.get(&dot).map(String::as_str), Some(version.get()), "sent as it was written");
        }
    }

    pub(super) fn take(&mut self, answer: SyncAnswer) {
        let waited = self.attempt.take().is_some();
        self.answer = None;
        let effects = self.phone.client.handle_answer(answer);
        assert!(waited || effects.is_empty(), "what nobody asked for changes nothing");
        self.store(effects);
        self.phone.base.compare(&mut self.phone.client);
    }

    /// Everything that waits, as a sealed text.
    pub(super) fn carry(&self, device: DeviceId, key: &SealKey) -> String {
        let carried = self.phone.client.carry(self.phone.caller.account, device, self.phone.now_ms);
        let numbered = carried.pushes.iter().flat_map(|push| {
            (push.first_seq..)
                .zip(&push.versions)
                .map(|(seq, version)| (Dot { replica: push.replica, seq }, version.get()))
        });
        let owed = self.owed.iter().map(|(dot, bytes)| (*dot, bytes.as_str()));
        assert!(carried.is_whole && numbered.eq(owed), "a file holds all that waits");
        seal(key, &carried)
    }

    pub(super) fn take_receipts(&mut self, receipts: Receipts) {
        let effects = self.phone.client.take_receipts(receipts);
        self.store(effects);
    }

    pub(super) fn fail(&mut self, failure: Failure) {
        self.attempt = None;
        self.answer = None;
        let now_ms = self.phone.now_ms.min(TIME_MS_MAX);
        // Of the others none begins a wait: they stop the client, or have it take a new id.
        if matches!(failure, Failure::Network | Failure::Busy { .. } | Failure::Refused) {
            self.failed_at_ms = now_ms;
        }
        let effects = self.phone.client.handle_failure(failure, now_ms);
        self.store(effects);
    }

    /// The phone dies and comes back; all that it had to store it still has.
    pub(super) fn crash(&mut self) {
        self.shows_what_it_holds();
        let (client, base) = (self.phone.client.clone(), self.phone.base.clone());
        self.attempt = None;
        self.answer = None;
        self.phone.crash();
        let stored = client.as_stored();
        let gave_back = self.phone.client == stored;
        assert!(gave_back, "the stored effects give the client back{}", differences(&stored, &self.phone.client));
        assert_eq!(self.phone.base, base);
    }

    /// Frees what is settled and in the server's backup, and forgets the effects that kept it. The last entry stays: it
    /// tells the next number.
    pub(super) fn free(&mut self, backup: &Server) {
        let entries: Vec<(Dot, bool)> = self
            .phone
            .client
            .outbox()
            .iter()
            .map(|(dot, entry)| {
                let is_safe = backup.taken.get(&dot).is_some_and(|taken| taken.bytes == entry.bytes);
                (dot, is_safe && entry.outcome.is_some())
            })
            .collect();
        let Some((first, _)) = entries.first().copied() else { return };
        let safe = entries.iter().take_while(|(dot, is_safe)| *is_safe && dot.replica == first.replica).count();
        if safe == 0 || safe == entries.len() {
            return;
        }
        self.phone.free(entries[safe - 1].0);
        let left: BTreeSet<Dot> = self.phone.client.outbox().iter().map(|(dot, _)| dot).collect();
        let gone: BTreeSet<Dot> = entries.iter().map(|(dot, _)| *dot).filter(|dot| !left.contains(dot)).collect();
        self.phone.log.retain(|effect| match effect {
            Effect::Keep { dot, .. } => !gone.contains(dot),
            Effect::Settle { replica, outcome } => !gone.contains(&Dot { replica: *replica, seq: outcome.seq }),
            _ => true,
        });
    }

    fn store(&mut self, effects: Vec<Effect>) {
        for effect in &effects {
            match effect {
                Effect::Keep { dot, bytes, .. } => {
                    assert_eq!(self.owed.insert(*dot, bytes.clone()), None, "a number is given once");
                }
                Effect::Settle { replica, outcome } => {
                    self.owed.remove(&Dot { replica: *replica, seq: outcome.seq });
                }
                Effect::Reopen { from } => {
                    let held = self.phone.client.outbox().iter().filter(|(dot, _)| dot.replica == from.replica);
                    self.owed
                        .extend(held.filter(|(dot, _)| dot >= from).map(|(dot, entry)| (dot, entry.bytes.clone())));
                }
                Effect::Renumbered { old, .. } => self.owed.retain(|dot, _| dot.replica != *old),
                _ => {}
            }
        }
        self.phone.store(effects);
    }

    /// The client waits with exactly what is owed.
    pub(super) fn check(&self) {
        let client = &self.phone.client;
        let waiting = client.outbox().waiting().map(|(dot, entry)| (dot, &entry.bytes));
        assert!(waiting.eq(self.owed.iter().map(|(dot, bytes)| (*dot, bytes))), "the outbox waits with what is owed");
    }

    /// Everything that the person wrote is in what they see, unless it was refused. Slow, so not asked after every event.
    pub(super) fn shows_what_it_holds(&self) {
        let client = &self.phone.client;
        for (dot, entry) in client.outbox().iter() {
            let view = client.view(entry.record, self.phone.base.get(entry.record));
            let is_seen = view.is_some_and(|view| view.seen.context().covers(dot));
            assert!(is_seen || entry.is_quarantined(), "{dot:?} is seen by its author");
        }
    }
}

fn changes(bytes: &str) -> (sync_core::ids::RecordId, BTreeMap<String, serde_json::Value>) {
    let version: Version = serde_json::from_str(bytes).unwrap();
    (version.record, version.changes)
}

/// The lines in which two values differ, the expected one first: a whole client is too much to read.
fn differences(expected: &impl Debug, found: &impl Debug) -> String {
    let [expected, found] = [format!("{expected:#?}"), format!("{found:#?}")];
    let pairs = expected.lines().zip(found.lines());
    pairs.filter(|(a, b)| a != b).take(8).map(|(a, b)| format!("\n< {}\n> {}", a.trim(), b.trim())).collect()
}
