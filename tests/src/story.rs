//! Words for the stories of the sync protocol: people with phones in their hands, what they write, how they meet the
//! server. A phone here is the real client of sync-core over real HTTP, without faults; the fleet has those.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a harness fails loudly, so that the story that uses it does"
)]

use serde_json::{Value, json};
use sync_core::client::{Base, Client, Edit, Effect};
use sync_core::ids::{RecordId, ReplicaId, VillageId};
use sync_core::people::{Caller, Role};
use sync_core::protocol::{SyncAnswer, Verdict};
use sync_core::record::Record;
use sync_core::status::follow_keys;
use sync_core::validate::Refusal;
use uuid::Uuid;

use crate::server::{START_MS, Session, TestServer};

/// A person's phone.
pub struct Phone {
    /// Who holds it.
    pub caller: Caller,
    /// Their session.
    pub session: Session,
    /// The client's state machine.
    pub client: Client,
    /// What the feed delivered.
    pub base: Base,
    /// The phone's own clock.
    pub now_ms: u64,
}

impl Phone {
    /// Makes an account of a role in some villages, signs in, and takes up a fresh phone.
    pub async fn of(server: &TestServer, username: &str, role: Role, villages: &[VillageId]) -> Self {
        Self::with(server.enlist(username, role, villages).await, role, villages)
    }

    /// A fresh phone of somebody who has signed in.
    #[must_use]
    pub fn with(session: Session, role: Role, villages: &[VillageId]) -> Self {
        let villages = villages.iter().copied().collect();
        let caller = Caller { account: session.account, role, villages };
        let client = Client::new(ReplicaId(Uuid::now_v7()));
        Self { caller, session, client, base: Base::default(), now_ms: START_MS }
    }

    /// Saves an edit on the phone.
    ///
    /// # Errors
    /// Why the phone does not take it.
    pub fn try_save(&mut self, edit: Edit) -> Result<RecordId, Refusal> {
        self.now_ms += 1;
        let record = edit.record;
        self.client.write(edit, &self.caller, self.base.get(record), self.now_ms)?;
        Ok(record)
    }

    /// Saves an edit that the phone must take.
    pub fn save(&mut self, edit: Edit) -> RecordId {
        self.try_save(edit).expect("the phone takes it")
    }

    /// A record as its holder sees it.
    #[must_use]
    pub fn sees(&self, record: RecordId) -> Option<Record> {
        self.client.view(record, self.base.get(record))
    }

    /// The keys by which a re-inspection follows some facts, as its holder sees them.
    #[must_use]
    pub fn follow(&self, facts: &[RecordId]) -> Vec<String> {
        facts.iter().filter_map(|fact| self.sees(*fact)).flat_map(|fact| follow_keys(&fact)).collect()
    }

    /// Meets the server until nothing waits and nothing is new.
    pub async fn sync(&mut self, server: &TestServer) {
        self.client.want_pull();
        for _ in 0..1_000 {
            let Some(request) = self.client.poll(self.now_ms) else { return };
            let (status, answer) = server.post(&self.session, "/sync", &serde_json::to_value(&request).unwrap()).await;
            assert_eq!(status, 200, "{answer}");
            let answer: SyncAnswer = serde_json::from_value(answer).unwrap();
            for effect in self.client.handle_answer(answer) {
                self.apply(&effect);
            }
            self.base.compare(&mut self.client);
        }
        panic!("the phone never comes to rest");
    }

    fn apply(&mut self, effect: &Effect) {
        self.base.apply(effect, &mut self.client);
        if matches!(effect, Effect::TakeNewReplica { .. }) {
            self.client.renumber(ReplicaId(Uuid::now_v7()));
        }
    }

    /// The verdicts of everything that this phone sent, in order.
    #[must_use]
    pub fn verdicts(&self) -> Vec<Verdict> {
        self.client.outbox().iter().filter_map(|(_, entry)| Some(entry.outcome.as_ref()?.first_verdict())).collect()
    }
}

/// A hazard as an inspector finds it.
#[must_use]
pub fn hazard(village: VillageId) -> Edit {
    let changes = [
        ("sector", json!("fire")),
        ("level", json!("general")),
        ("description", json!("灭火器过期")),
        ("found_at", json!(START_MS)),
        ("found_by", json!("安监员")),
    ];
    edit(RecordId(Uuid::now_v7()), "hazard", Some(village), &changes)
}

/// A change of a hazard.
#[must_use]
pub fn change(hazard: RecordId, village: VillageId, changes: &[(&str, Value)]) -> Edit {
    edit(hazard, "hazard", Some(village), changes)
}

/// An edit of any record.
#[must_use]
pub fn edit(record: RecordId, kind: &str, village: Option<VillageId>, changes: &[(&str, Value)]) -> Edit {
    let changes = changes.iter().map(|(path, value)| ((*path).to_owned(), value.clone())).collect();
    Edit { record, kind: kind.to_owned(), village, changes }
}

/// A re-inspection of a hazard that follows these keys ([`Phone::follow`]).
#[must_use]
pub fn reinspection(hazard: RecordId, village: VillageId, result: &str, follows: &[String]) -> Edit {
    let mut made = edit(
        RecordId(Uuid::now_v7()),
        "reinspection",
        Some(village),
        &[("hazard", json!(hazard)), ("at", json!(START_MS)), ("by", json!("安监员")), ("result", json!(result))],
    );
    made.changes.extend(follows.iter().map(|key| (format!("follows/{key}"), json!(true))));
    made
}
