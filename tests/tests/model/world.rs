//! The states of the model and the steps between them. Time stands still, and numbers that only grow (attempts, lengths
//! of logs) do not tell states apart, so that the world is finite.

use std::collections::hash_map::DefaultHasher;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde_json::json;
use stateright::{Model, Property};
use sync_core::client::{Effect, Failure};
use sync_core::people::{Caller, Role};
use sync_core::protocol::SyncAnswer;

use crate::plant::Plant;
use crate::properties::{self, Edits};
use crate::server_in_memory::phone::{Phone, hazard, record, replica};
use crate::server_in_memory::{Server, caller, village};

/// The one record, and the field that both phones edit. It asks a supervisor, so that every sibling shows.
pub(crate) const RECORD: u128 = 1;
pub(crate) const FIELD: &str = "description";
const SERVER_MS: u64 = 1_750_000_000_000;
/// Edits of one phone at most.
pub(crate) const EDITS_MAX: usize = 2;

/// How often each thing may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Bounds {
    pub(crate) edits: [usize; 2],
    /// Requests and answers that are lost or come too late.
    pub(crate) losses: u8,
    /// Requests that reach the server once more than they were sent.
    pub(crate) repeats: u8,
    pub(crate) crashes: u8,
    /// Copies of the first phone that take its place.
    pub(crate) copies: u8,
}

/// The model: two phones, one server, and the link between them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    pub(crate) bounds: Bounds,
    pub(crate) plant: Plant,
}

/// One thing that happens. Requests are named by their place in the network.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    Edit(usize),
    Send(usize),
    Arrive(usize),
    ArriveAndStay(usize),
    Lose(usize),
    Answer(usize),
    GiveUp(usize),
    Crash(usize),
    Copy,
    ComeBackFromCopy,
}

#[derive(Clone)]
pub(crate) struct Side {
    pub(crate) phone: Arc<Phone>,
    pub(crate) known: Edits,
    attempt: Option<u32>,
    answer: Option<(String, Edits)>,
    copy: Option<(Arc<Phone>, Edits)>,
    attempts: u32,
    ids: u128,
}

#[derive(Clone)]
pub(crate) struct Request {
    side: usize,
    attempt: u32,
    body: String,
}

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) server: Arc<Server>,
    pub(crate) sides: [Side; 2],
    pub(crate) requests: Vec<Request>,
    /// For each edit that was made what its author knew.
    pub(crate) made: [Option<Edits>; 2 * EDITS_MAX],
    pub(crate) left: Bounds,
    pub(crate) has_answered_a_repeat: bool,
    pub(crate) has_lost_a_phone: bool,
}

pub(crate) fn who(side: usize) -> Caller {
    if side == 0 { caller(1, Role::Inspector, &[1]) } else { caller(2, Role::Supervisor, &[]) }
}

/// The text that an edit writes.
pub(crate) fn words(edit: usize) -> String {
    format!("edit {edit}")
}

impl World {
    fn new(bounds: Bounds) -> Self {
        let mut server = Server::new();
        let mut phones = [0, 1].map(|side| Phone::new(side as u128 + 1, who(side)));
        phones[0].write_in(village(1), RECORD, "hazard", &hazard("found")).unwrap();
        phones.iter_mut().for_each(|phone| phone.sync(&mut server));
        let sides = phones.map(|phone| Side {
            phone: Arc::new(phone),
            known: 0,
            attempt: None,
            answer: None,
            copy: None,
            attempts: 0,
            ids: 0,
        });
        let made = [None; 2 * EDITS_MAX];
        let server = Arc::new(server);
        Self {
            server,
            sides,
            requests: Vec::new(),
            made,
            left: bounds,
            has_answered_a_repeat: false,
            has_lost_a_phone: false,
        }
    }

    /// Whether nothing is on its way.
    pub(crate) fn is_quiet(&self) -> bool {
        self.requests.is_empty() && self.sides.iter().all(|side| side.attempt.is_none())
    }

    fn steps(&self, steps: &mut Vec<Step>) {
        let left = &self.left;
        for (at, side) in self.sides.iter().enumerate() {
            let on_its_way = side.answer.is_some() || self.requests.iter().any(|request| self.is_current(request, at));
            let optional = [
                (left.edits[at] > 0, Step::Edit(at)),
                (side.attempt.is_none() && side.has_reason_to_sync(&self.server), Step::Send(at)),
                (side.answer.is_some(), Step::Answer(at)),
                (side.attempt.is_some() && (!on_its_way || left.losses > 0), Step::GiveUp(at)),
                (left.crashes > 0, Step::Crash(at)),
            ];
            steps.extend(optional.into_iter().filter(|(may, _)| *may).map(|(_, step)| step));
        }
        for at in 0..self.requests.len() {
            steps.push(Step::Arrive(at));
            steps.extend((left.repeats > 0).then_some(Step::ArriveAndStay(at)));
            steps.extend((left.losses > 0).then_some(Step::Lose(at)));
        }
        steps.extend((left.copies > 0).then_some(Step::Copy));
        steps.extend(self.sides[0].copy.is_some().then_some(Step::ComeBackFromCopy));
    }

    fn is_current(&self, request: &Request, side: usize) -> bool {
        request.side == side && self.sides[side].attempt == Some(request.attempt)
    }

    /// `None` where the step changes nothing that anybody could see.
    fn happen(&mut self, step: &Step, plant: Plant) -> Option<()> {
        match *step {
            Step::Edit(at) => self.edit(at)?,
            Step::Send(at) => {
                let side = &mut self.sides[at];
                // The person asks; otherwise an idle phone would never hear of what the other wrote.
                Arc::make_mut(&mut side.phone).client.want_pull();
                let body = side.request()?;
                side.attempts += 1;
                side.attempt = Some(side.attempts);
                self.requests.push(Request { side: at, attempt: side.attempts, body });
            }
            Step::Arrive(at) => {
                self.arrive(at, plant);
                self.requests.remove(at);
            }
            Step::ArriveAndStay(at) => {
                self.left.repeats -= 1;
                self.arrive(at, plant);
            }
            Step::Lose(at) => {
                self.left.losses -= 1;
                self.requests.remove(at);
            }
            Step::Answer(at) => {
                let (answer, brings) = self.sides[at].answer.take()?;
                self.sides[at].take(&answer, brings);
            }
            Step::GiveUp(at) => self.give_up(at, plant),
            Step::Crash(at) => {
                self.left.crashes -= 1;
                let side = &mut self.sides[at];
                (side.attempt, side.answer) = (None, None);
                Arc::make_mut(&mut side.phone).crash();
            }
            Step::Copy => {
                self.left.copies -= 1;
                self.sides[0].copy = Some((Arc::clone(&self.sides[0].phone), self.sides[0].known));
            }
            Step::ComeBackFromCopy => {
                self.has_lost_a_phone = true;
                let side = &mut self.sides[0];
                (side.phone, side.known) = side.copy.take()?;
                (side.attempt, side.answer) = (None, None);
                Arc::make_mut(&mut side.phone).crash();
            }
        }
        Some(())
    }

    fn edit(&mut self, at: usize) -> Option<()> {
        self.left.edits[at] -= 1;
        let edit = at * EDITS_MAX + self.left.edits[at];
        let side = &mut self.sides[at];
        let phone = Arc::make_mut(&mut side.phone);
        // An inspector is refused where two values stand.
        phone.write_in(village(1), RECORD, "hazard", &[(FIELD, json!(words(edit)))]).ok()?;
        self.made[edit] = Some(side.known);
        side.known |= 1 << edit;
        Some(())
    }

    fn arrive(&mut self, at: usize, plant: Plant) {
        let Request { side, attempt, body } = self.requests[at].clone();
        let answer = plant.serve(Arc::make_mut(&mut self.server), &who(side), &body, SERVER_MS);
        self.has_answered_a_repeat |= answer.contains("\"duplicate\"");
        let brings = properties::taken(&self.server);
        let side = &mut self.sides[side];
        if side.attempt == Some(attempt) {
            side.answer = Some((answer, brings));
        }
    }

    fn give_up(&mut self, at: usize, plant: Plant) {
        let sent =
            self.requests.iter().find(|request| self.is_current(request, at)).map(|request| request.body.clone());
        let is_lost = sent.is_some() || self.sides[at].answer.is_some();
        self.left.losses -= u8::from(is_lost);
        let side = &mut self.sides[at];
        let phone = Arc::make_mut(&mut side.phone);
        match sent.and_then(|body| plant.takes_for_granted(&body)) {
            Some(answer) => side.take(&answer, 0),
            None => {
                phone.client.handle_failure(Failure::Network, phone.now_ms);
            }
        }
        (side.attempt, side.answer) = (None, None);
    }

    /// The network works, and both sync; whether they came to rest.
    pub(crate) fn come_to_rest(&mut self) -> bool {
        for at in [0, 1, 0] {
            Arc::make_mut(&mut self.sides[at].phone).client.want_pull();
            let mut rounds = 0;
            while let Some(body) = self.sides[at].request() {
                let answer = Arc::make_mut(&mut self.server).sync(&who(at), &body, SERVER_MS);
                let brings = properties::taken(&self.server);
                self.sides[at].take(&answer, brings);
                rounds += 1;
                if rounds > 20 {
                    return false;
                }
            }
        }
        true
    }

    fn key(&self) -> u64 {
        let mut key = DefaultHasher::new();
        format!("{:?}{:?}", self.server.taken, self.server.records.values().map(|(_, at)| at).collect::<Vec<_>>())
            .hash(&mut key);
        for side in &self.sides {
            (phone_key(&side.phone), side.known, side.attempt.is_some(), &side.answer, side.ids).hash(&mut key);
            side.copy.as_ref().map(|(phone, known)| (phone_key(phone), known)).hash(&mut key);
        }
        let mut requests: Vec<_> = self
            .requests
            .iter()
            .map(|request| (request.side, &request.body, self.is_current(request, request.side)))
            .collect();
        requests.sort();
        (requests, self.made, self.left, self.has_answered_a_repeat, self.has_lost_a_phone).hash(&mut key);
        key.finish()
    }
}

/// What the phone holds, and what it would send if it were asked to.
fn phone_key(phone: &Phone) -> u64 {
    let mut key = DefaultHasher::new();
    let mut client = phone.client.clone();
    client.retry_now();
    let mut asked = client.clone();
    asked.want_pull();
    for mut client in [client, asked] {
        client.poll(phone.now_ms).map(|request| serde_json::to_string(&request).unwrap()).hash(&mut key);
    }
    for (dot, entry) in phone.client.outbox().iter() {
        (dot, &entry.bytes, format!("{:?}", entry.outcome)).hash(&mut key);
    }
    (phone.client.replica(), phone.now_ms).hash(&mut key);
    phone.base.records().values().for_each(|record| record.to_json().hash(&mut key));
    key.finish()
}

impl Side {
    fn has_reason_to_sync(&self, server: &Server) -> bool {
        let there = server.records.get(&record(RECORD)).map(|(record, _)| record);
        !self.phone.client.is_idle() || self.phone.base.get(record(RECORD)) != there
    }

    fn request(&mut self) -> Option<String> {
        let phone = Arc::make_mut(&mut self.phone);
        self.ids += 1;
        let effects =
            phone.client.renumber(replica(u128::from(phone.caller.account.0.as_u128() as u64) * 0x100 + self.ids));
        self.ids -= u128::from(effects.is_empty());
        phone.store(effects);
        phone.client.retry_now();
        let request = phone.client.poll(phone.now_ms)?;
        Some(serde_json::to_string(&request).unwrap())
    }

    fn take(&mut self, answer: &str, brings: Edits) {
        self.attempt = None;
        let phone = Arc::make_mut(&mut self.phone);
        let answer: SyncAnswer = serde_json::from_str(answer).unwrap();
        let reached = answer.pull.as_ref().map(|pull| pull.cursor.clone());
        let effects = phone.client.handle_answer(answer);
        // A phone that must first take a new id, or find out whether it must, leaves the rest of an answer for the next.
        let takes_it_in = effects
            .iter()
            .any(|effect| matches!(effect, Effect::Position { cursor, .. } if Some(cursor) == reached.as_ref()));
        phone.store(effects);
        self.known |= if takes_it_in { brings } else { 0 };
    }
}

impl Model for Link {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(self.bounds)]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        world.steps(steps);
    }

    fn next_state(&self, world: &World, step: Step) -> Option<World> {
        let mut next = world.clone();
        next.happen(&step, self.plant)?;
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::of(self.bounds)
    }
}

impl Hash for World {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.key());
    }
}

impl PartialEq for World {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |side: &Side| properties::values(side.phone.view(RECORD).as_ref());
        let at_server = self.server.records.get(&record(RECORD)).map(|(record, _)| record);
        write!(f, "server {:?}, phones {:?}", properties::values(at_server), self.sides.each_ref().map(shown))
    }
}
