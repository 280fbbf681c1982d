//! The office at the server's own screens: a supervisor looks at the conflicts of a record and decides one of those that
//! they saw, mends a version that was put aside, or dismisses it. The server writes under a replica of its own.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use server::db::Transaction;
use server::db::projections::OpenConflict;
use server::db::versions::{Arrival, Quarantined};
use server::error::{Code, Problem};
use server::ledger::project::{facts_about, open_conflicts, read_state};
use server::sync::authored::{self, Writing};
use server::sync::push::Sender;
use server::sync::repair::{self, Mending};
use sync_core::dots::{Dot, VersionVector};
use sync_core::ids::RecordId;
use sync_core::people::Caller;
use sync_core::record::Record;
use sync_core::status::{standing, to_void};
use sync_core::version::VOID;

use super::contents::Changes;
use super::ids;
use super::oracle::{Check, Edit, Oracle, Violation};
use super::phone::Bound;
use super::sabotage::Sabotage;
use super::server::Server;
use super::set::Set;
use super::store::Commit;
use super::story::{Flaw, Story};

/// A conflict as somebody saw it.
#[derive(Clone, Debug)]
pub(crate) struct Looked {
    record: RecordId,
    path: String,
    siblings: Vec<(Dot, Value)>,
    seen: VersionVector,
    /// Of a hazard: what a voiding of it would follow.
    to_void: Vec<String>,
    /// For the oracle: the edits that the record held then.
    knew: Set,
}

impl Server {
    /// The conflicts of a record, as its page shows them.
    pub(crate) fn look(&mut self, oracle: &Oracle, record: RecordId) -> Vec<Looked> {
        let read = self
            .store
            .read(move |tx| Ok((tx.record(ids::township(), record)?, facts_about(tx, ids::township(), record)?)));
        let (state, facts) = read.expect("a record");
        let Some(record) = state.and_then(|state| Record::from_json(&state).ok()) else { return Vec::new() };
        let is_hazard = record.kind == "hazard";
        let to_void: Vec<String> = to_void(record.id, &facts).filter(|_| is_hazard).collect();
        let paths = open_conflicts(&record, is_hazard.then(|| standing(&record, &facts)).as_ref());
        let looked = |open: OpenConflict| Looked {
            record: record.id,
            siblings: record.siblings(&open.path).map(|sibling| (sibling.dot, sibling.value.clone())).collect(),
            path: open.path,
            to_void: to_void.clone(),
            seen: record.seen.context().clone(),
            knew: (*oracle.merged(record.id)).clone(),
        };
        paths.into_iter().map(looked).collect()
    }

    /// Decides a field as an ordinary version that has seen the siblings that were looked at; refused if others stand now.
    pub(crate) fn rule(
        &mut self,
        oracle: &mut Oracle,
        caller: &Caller,
        looked: &Looked,
        pick: u8,
        now_ms: u64,
    ) -> Check {
        let sender = self.sender(caller, 1_000, now_ms);
        let value = looked.siblings[usize::from(pick) % looked.siblings.len()].1.clone();
        let mut named: Vec<Dot> = looked.siblings.iter().map(|(dot, _)| *dot).collect();
        named.sort();
        let is_voiding = looked.path == VOID && !value.is_null();
        let follows = looked.to_void.iter().filter(|_| is_voiding);
        let follows = follows.map(|key| (format!("void_follows/{key}"), Value::from(true)));
        let changes: BTreeMap<String, Value> = follows.chain([(looked.path.clone(), value)]).collect();
        let (record, path, written) = (looked.record, looked.path.clone(), changes.clone());
        let seen = looked.seen.clone();
        let is_blind = self.is(Sabotage::RulingWithoutLooking);
        let arrival = self.store.write(Commit::Works, move |tx| {
            let Some(state) = tx.record(ids::township(), record)? else { return Ok(None) };
            let standing = read_state(&state)?;
            if !is_blind && !standing.siblings(&path).map(|sibling| sibling.dot).eq(named.iter().copied()) {
                return Ok(None);
            }
            let writing = Writing {
                record,
                kind: standing.kind.clone(),
                village: standing.village,
                context: if is_blind { None } else { Some(seen.clone()) },
                instead_of: None,
                changes: written.clone(),
            };
            authored(tx, &sender, &writing).map(Some)
        });
        let Some(arrival) = arrival.map_err(|problem| unexpected(&problem))? else { return Ok(()) };
        let (kind, village) = oracle.model.kinds[&looked.record].clone();
        let edit = Edit {
            record: looked.record,
            kind,
            village,
            changes,
            author: caller.account,
            flaw: None,
            knew: looked.knew.clone(),
            mends: None,
            held: BTreeMap::new(),
        };
        self.wrote(oracle, caller, edit, &arrival, now_ms)
    }

    /// Mends or dismisses one of the versions that were put aside.
    pub(crate) fn mend(
        &mut self,
        oracle: &mut Oracle,
        story: &Story,
        caller: &Caller,
        pick: u8,
        dismiss: bool,
        now_ms: u64,
    ) -> Check {
        let open = self.store.read(|tx| Ok(tx.quarantined(ids::township(), None, 500)?)).expect("a list");
        if open.is_empty() {
            return Ok(());
        }
        let sent = open[usize::from(pick) % open.len()].clone();
        let sender = self.sender(caller, 1_000, now_ms);
        if dismiss {
            let settle = move |tx: &mut dyn Transaction| -> Result<(), Problem> {
                Ok(tx.settle_quarantined(sent.dot, sender.caller.account, "dismissed: 重复", now_ms)?)
            };
            return self.store.write(Commit::Works, settle).map_err(|problem| unexpected(&problem));
        }
        let Some((id, _)) = oracle.model.taken.get(&sent.dot).copied() else { return Ok(()) };
        let original = oracle.edits[id].clone();
        let (mending, changes) = mended(&original, story);
        let claims_all = self.is(Sabotage::MendingClaimsEverything);
        let mended = mending.village;
        let arrival = self.store.write(Commit::Works, move |tx| repaired(tx, &sender, &sent, &mending, claims_all));
        let arrival = match arrival {
            Ok(arrival) => arrival,
            // It fits the record still less than before, or nothing of it can be read.
            Err(problem) if problem.code() == Code::ChangeRefused => return Ok(()),
            Err(problem) => return Err(unexpected(&problem)),
        };
        let slot = story.slots.iter().enumerate().find(|(slot, _)| story.record(*slot) == original.record);
        let kind = slot.map_or(original.kind.clone(), |(_, slot)| slot.kind.clone());
        let village = mended.or(original.village);
        let edit = Edit { kind, village, changes, author: caller.account, flaw: None, mends: Some(id), ..original };
        self.wrote(oracle, caller, edit, &arrival, now_ms)
    }

    /// Tells the oracle what the server wrote on behalf of somebody.
    fn wrote(&mut self, oracle: &mut Oracle, caller: &Caller, edit: Edit, arrival: &Arrival, now_ms: u64) -> Check {
        oracle.server_ms = oracle.server_ms.max(self.now_ms(now_ms));
        let id = oracle.next();
        oracle.edits.push(edit);
        oracle.bind(&Bound { edit: id, dot: arrival.dot, bytes: arrival.body.clone(), is_flawed: false })?;
        oracle.taken(arrival.dot, arrival.fingerprint, &arrival.outcome, caller)
    }
}

fn unexpected(problem: &Problem) -> Violation {
    Violation::new("the_office_can_work", format!("{problem:?}"))
}

/// Writes one version as the server, and reads back how it is kept.
fn authored(tx: &mut dyn Transaction, sender: &Sender, writing: &Writing) -> Result<Arrival, Problem> {
    let refused = |refusal: sync_core::validate::Refusal| Problem::new(Code::ChangeRefused, refusal.detail);
    authored::write(tx, sender, std::slice::from_ref(writing))?.map_err(refused)?;
    let history = tx.history(ids::township(), writing.record, 0, 100_000)?;
    history.into_iter().last().ok_or_else(|| Problem::internal("it wrote nothing"))
}

fn repaired(
    tx: &mut dyn Transaction,
    sender: &Sender,
    sent: &Quarantined,
    mending: &Mending,
    claims_all: bool,
) -> Result<Arrival, Problem> {
    let refused = |refusal: sync_core::validate::Refusal| Problem::new(Code::ChangeRefused, refusal.detail);
    let mut writing = repair::mend(sent, mending).map_err(refused)?;
    if claims_all {
        writing.context = None;
    }
    tx.settle_quarantined(sent.dot, sender.caller.account, "repaired", sender.received_at_ms)?;
    authored(tx, sender, &writing)
}

/// How a supervisor mends an edit, and what it changes then.
fn mended(original: &Edit, story: &Story) -> (Mending, Changes) {
    let slot = story.slots.iter().enumerate().find(|(slot, _)| story.record(*slot) == original.record);
    let (kind, village) =
        slot.map_or((None, None), |(_, slot)| (Some(slot.kind.clone()), slot.village.map(ids::village)));
    let mut changes = original.changes.clone();
    let mut given = Changes::new();
    match original.flaw {
        Some(Flaw::Value | Flaw::Missing) => {
            given.insert("sector".to_owned(), json!("gas"));
            changes.insert("sector".to_owned(), json!("gas"));
        }
        Some(Flaw::Path) => {
            given.insert("sector/key".to_owned(), Value::Null);
            changes.remove("sector/key");
        }
        _ => {}
    }
    (Mending { record: Some(original.record), kind, village, changes: given }, changes)
}
