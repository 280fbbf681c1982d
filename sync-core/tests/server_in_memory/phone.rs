//! A phone around the client: it stores every effect before it acts on it, and comes back from what it stored.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sync_core::carried::Receipts;
use sync_core::client::{Base, Client, Edit, Effect, Failure};
use sync_core::dots::Dot;
use sync_core::ids::{RecordId, ReplicaId, VillageId};
use sync_core::people::Caller;
use sync_core::protocol::{SyncAnswer, Verdict};
use sync_core::record::Record;
use sync_core::validate::Refusal;
use uuid::Uuid;

use super::{Server, village};

/// What happens to one round trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    Works,
    RequestLost,
    AnswerLost,
    /// The request reaches the server twice; the second answer comes back.
    RequestTwice,
    /// The phone dies after it has stored so many of the answer's effects.
    DiesAfter(usize),
}

#[derive(Clone)]
pub struct Phone {
    pub client: Client,
    pub caller: Caller,
    pub base: Base,
    /// Hashes of the photos whose bytes it holds.
    pub photos: BTreeSet<String>,
    /// What it stored, in order; all that outlives a crash, beside the id of its first replica.
    pub log: Vec<Effect>,
    pub now_ms: u64,
    first: ReplicaId,
}

pub fn replica(number: u128) -> ReplicaId {
    ReplicaId(Uuid::from_u128(number))
}

pub fn record(number: u128) -> RecordId {
    RecordId(Uuid::from_u128(0x5000 + number))
}

/// What a hazard needs at least, with these words as its description.
pub fn hazard(words: &str) -> Vec<(&'static str, Value)> {
    vec![
        ("sector", json!("fire")),
        ("level", json!("general")),
        ("description", json!(words)),
        ("found_at", json!(1_699_999_000_000_u64)),
        ("found_by", json!("李安全")),
    ]
}

impl Phone {
    pub fn new(first: u128, caller: Caller) -> Self {
        Self::from_log(replica(first), caller, Vec::new(), 1_700_000_000_000)
    }

    /// The phone as it comes back from what it stored.
    pub fn from_log(first: ReplicaId, caller: Caller, log: Vec<Effect>, now_ms: u64) -> Self {
        let (client, base, photos) = (Client::new(first), Base::default(), BTreeSet::new());
        let mut phone = Self { client, caller, base, photos, log: Vec::new(), now_ms, first };
        for effect in log {
            phone.client.restore(effect.clone());
            phone.store([effect]);
        }
        phone
    }

    pub fn crash(&mut self) {
        *self = Self::from_log(self.first, self.caller.clone(), self.log.clone(), self.now_ms);
    }

    /// The same phone as it was when it had stored so many effects.
    pub fn as_of(&self, effects: usize) -> Self {
        Self::from_log(self.first, self.caller.clone(), self.log[..effects].to_vec(), self.now_ms)
    }

    /// Stores what the client asked for, and acts on it.
    pub fn store(&mut self, effects: impl IntoIterator<Item = Effect>) {
        for effect in effects {
            self.base.apply(&effect, &mut self.client);
            match &effect {
                Effect::KeepPhoto(hash) => {
                    self.photos.insert(hash.clone());
                }
                Effect::PhotoReceived(hash) => {
                    self.photos.remove(hash);
                }
                _ => {}
            }
            self.log.push(effect);
        }
    }

    /// Takes in what an opened file of receipts says.
    pub fn take_receipts(&mut self, receipts: Receipts) {
        let effects = self.client.take_receipts(receipts);
        let fork = effects.iter().any(|effect| matches!(effect, Effect::TakeNewReplica { .. }));
        self.store(effects);
        if fork {
            self.renumber();
        }
    }

    /// Changes the base behind the phone's back: damage.
    pub fn put_base(&mut self, id: RecordId, record: Option<Record>) {
        self.base.put(id, record, &mut self.client);
    }

    pub fn write_in(
        &mut self,
        village: VillageId,
        number: u128,
        kind: &str,
        changes: &[(&str, Value)],
    ) -> Result<Dot, Refusal> {
        let changes = changes.iter().map(|(path, value)| ((*path).to_owned(), value.clone())).collect();
        let edit = Edit { record: record(number), kind: kind.to_owned(), village: Some(village), changes };
        self.now_ms += 1;
        let effect = self.client.write(edit, &self.caller, self.base.get(record(number)), self.now_ms)?;
        let Effect::Keep { dot, .. } = &effect else { panic!("not kept: {effect:?}") };
        let dot = *dot;
        self.store([effect]);
        Ok(dot)
    }

    /// Finds a hazard in village 1.
    pub fn find(&mut self, number: u128, words: &str) -> Dot {
        self.write_in(village(1), number, "hazard", &hazard(words)).unwrap()
    }

    /// Edits a hazard of village 1.
    pub fn edit(&mut self, number: u128, changes: &[(&str, Value)]) -> Dot {
        self.write_in(village(1), number, "hazard", changes).unwrap()
    }

    pub fn add_photo(&mut self, hash: &str) {
        let effect = self.client.add_photo(hash.to_owned());
        self.store([effect]);
    }

    pub fn view(&self, number: u128) -> Option<Record> {
        self.client.view(record(number), self.base.get(record(number)))
    }

    pub fn words(&self, number: u128) -> Option<String> {
        self.view(number)?.text("description").map(str::to_owned)
    }

    pub fn verdict(&self, dot: Dot) -> Option<Verdict> {
        self.client.outbox().get(dot).unwrap().outcome.as_ref().map(sync_core::protocol::Outcome::first_verdict)
    }

    /// Frees what may go up to a dot, record by record.
    pub fn free(&mut self, up_to: Dot) {
        for record in self.base.records().values() {
            self.client.free_settled(record, up_to);
        }
    }

    /// One round trip over a link, as soon as one is due; whether one was.
    pub fn round_trip(&mut self, server: &mut Server, caller: &Caller, link: Link) -> bool {
        self.now_ms += self.client.wait_ms(self.now_ms) + 1;
        let Some(request) = self.client.poll(self.now_ms) else { return false };
        let body = serde_json::to_string(&request).unwrap();
        if link == Link::RequestLost {
            self.client.handle_failure(Failure::Network, self.now_ms);
            return true;
        }
        let mut answer = server.sync(caller, &body, self.now_ms);
        if link == Link::RequestTwice {
            answer = server.sync(caller, &body, self.now_ms);
        }
        if link == Link::AnswerLost {
            self.client.handle_failure(Failure::Network, self.now_ms);
            return true;
        }
        self.take(&answer, link);
        true
    }

    /// Takes an answer in and stores what follows from it.
    pub fn take(&mut self, answer: &str, link: Link) {
        let answer: SyncAnswer = serde_json::from_str(answer).unwrap();
        let mut effects = self.client.handle_answer(answer);
        if let Link::DiesAfter(stored) = link {
            effects.truncate(stored);
            self.store(effects);
            self.crash();
            return;
        }
        let fork = effects.iter().any(|effect| matches!(effect, Effect::TakeNewReplica { .. }));
        self.store(effects);
        self.base.compare(&mut self.client);
        if fork {
            self.renumber();
        }
    }

    /// Takes the next id of its own.
    pub fn renumber(&mut self) {
        let next =
            replica(self.client.replica().0.as_u128() + 0x1_0000 + u128::from(self.log.len() as u64) * 0x100_0000);
        let effects = self.client.renumber(next);
        assert!(!effects.is_empty());
        self.store(effects);
    }

    /// Syncs, photos included, until nothing is left to do.
    pub fn sync(&mut self, server: &mut Server) {
        let caller = self.caller.clone();
        self.sync_as(server, &caller);
    }

    /// Sends the bytes of every photo that the server wants now.
    pub fn send_photos(&mut self, server: &mut Server) {
        let sent: Vec<String> = self.client.photos_to_send().map(str::to_owned).collect();
        for hash in sent {
            self.client.photo_sent(&hash);
            server.photos.insert(hash);
        }
    }

    /// The same, where the server knows more of the account than the phone.
    pub fn sync_as(&mut self, server: &mut Server, caller: &Caller) {
        self.client.want_pull();
        for _ in 0..1_000 {
            if !self.round_trip(server, caller, Link::Works) {
                assert!(self.client.is_idle(), "halted");
                return;
            }
            self.send_photos(server);
        }
        panic!("never at rest");
    }
}
