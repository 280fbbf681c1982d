//! Messages on their way, as bytes, and what else is to happen at a later moment: one queue in virtual time.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::BinaryHeap;
use std::rc::Rc;

use sync_core::client::Failure;
use sync_core::ids::RecordId;
use sync_core::people::Caller;

use super::set::Set;
use super::story::Link;

/// For each record the edits that a state of it holds.
pub(crate) type Holdings = Rc<BTreeMap<RecordId, Rc<Set>>>;

/// What happens by itself at a moment.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// A request reaches the server.
    Request { phone: usize, connection: u64, person: usize, body: Rc<str>, link: Link },
    /// An answer, or the end of its connection, reaches the phone.
    Answer { phone: usize, connection: u64, answer: Answer, link: Link },
    /// The phone has waited long enough.
    Timeout { phone: usize, connection: u64 },
}

/// What comes back.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) body: Result<Rc<str>, Failure>,
    /// For the oracle: what the server's records held when it answered.
    pub(crate) holdings: Holdings,
    /// The account as the server knew it then: tokens are refreshed on the way.
    pub(crate) caller: Option<Caller>,
}

struct Due {
    at_ms: u64,
    number: u64,
    event: Event,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        (self.at_ms, self.number) == (other.at_ms, other.number)
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at_ms, self.number).cmp(&(other.at_ms, other.number))
    }
}

/// The queue: the earliest first, and of one moment the first that was put in.
#[derive(Default)]
pub(crate) struct Agenda {
    due: BinaryHeap<Reverse<Due>>,
    number: u64,
}

impl Agenda {
    pub(crate) fn at(&mut self, at_ms: u64, event: Event) {
        self.number += 1;
        self.due.push(Reverse(Due { at_ms, number: self.number, event }));
    }

    /// The next event up to a moment, and when it happens.
    pub(crate) fn next_until(&mut self, until_ms: u64) -> Option<(u64, Event)> {
        if self.due.peek()?.0.at_ms > until_ms {
            return None;
        }
        self.due.pop().map(|Reverse(due)| (due.at_ms, due.event))
    }
}

/// The beginning of a message that was cut: never the whole, and never inside a character.
pub(crate) fn cut(body: &str, permille: u16) -> Rc<str> {
    let mut end = (body.len() * usize::from(permille.min(999)) / 1_000).min(body.len().saturating_sub(1));
    while !body.is_char_boundary(end) {
        end -= 1;
    }
    Rc::from(&body[..end])
}
