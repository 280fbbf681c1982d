//! Times that are taken in turns: every library does an operation some times, then the next library does. Other load on
//! the machine then falls on all of them alike, and their ratios stand where the figures do not.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use crate::peers::Peer;

/// The field that is read from each result, so that no library can put the work off.
const READ: &str = "level";
/// A library whose single operation takes longer is left out, and said to be.
pub const LONGEST: Duration = Duration::from_secs(10);

/// A turn ends after so many operations, or so long: long enough that most find the processor's caches as the library
/// itself left them, and not as another one did.
const TURN_OPERATIONS: usize = 20;
const TURN: Duration = Duration::from_millis(5);

/// What is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// One more edit, from its bytes, into the record that has all the others.
    Join,
    /// The whole record to the bytes that one would store.
    Encode,
    /// The record from these bytes.
    Decode,
    /// The record from the bytes of all its edits.
    Build,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Join, Self::Encode, Self::Decode, Self::Build];

    /// What the figures call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Join => "join",
            Self::Encode => "encode",
            Self::Decode => "decode",
            Self::Build => "build",
        }
    }
}

/// One library at work on one history, ready to be asked for one operation at a time.
pub trait Subject {
    /// Does the operation once, and says how long it took.
    fn time(&mut self, operation: Operation) -> Duration;
    /// The whole record as the library stores it.
    fn stored(&self) -> &[u8];
}

struct Prepared<P: Peer> {
    messages: Vec<Vec<u8>>,
    before: P::Doc,
    whole: P::Doc,
    stored: Vec<u8>,
}

/// Prepares a library for one history, given as the bytes of its edits.
///
/// # Panics
/// With fewer than two edits.
#[must_use]
pub fn subject<P: Peer>(messages: Vec<Vec<u8>>) -> Box<dyn Subject>
where
    P::Doc: 'static,
    P: 'static,
{
    let earlier = &messages[..messages.len() - 2];
    let before = P::build(earlier);
    let mut whole = P::build(&messages);
    let stored = P::encode(&mut whole);
    Box::new(Prepared::<P> { before, whole, stored, messages })
}

impl<P: Peer> Subject for Prepared<P> {
    fn time(&mut self, operation: Operation) -> Duration {
        let [.., warming, last] = self.messages.as_slice() else { unreachable!("two edits or more") };
        match operation {
            Operation::Join => {
                // The edit before goes in untimed: some libraries read a copy in only when it is first written to.
                let mut doc = P::fork(&mut self.before);
                P::take(&mut doc, warming);
                black_box(P::values(&doc, READ));
                timed(|| {
                    P::take(&mut doc, last);
                    P::values(&doc, READ)
                })
            }
            Operation::Encode => timed(|| P::encode(&mut self.whole)),
            Operation::Decode => timed(|| read::<P>(P::decode(&self.stored))),
            Operation::Build => timed(|| read::<P>(P::build(&self.messages))),
        }
    }

    fn stored(&self) -> &[u8] {
        &self.stored
    }
}

fn read<P: Peer>(doc: P::Doc) -> P::Doc {
    black_box(P::values(&doc, READ));
    doc
}

/// How long the work takes; dropping its result is not part of it.
fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let began = Instant::now();
    let result = black_box(work());
    let took = began.elapsed();
    drop(result);
    took
}

/// The median time of each subject, taken in turns until `budget` is spent (at least three rounds); `None` for one whose
/// first operation took longer than [`LONGEST`], or which is no subject at all.
#[must_use]
pub fn medians(
    subjects: &mut [Option<Box<dyn Subject>>],
    operation: Operation,
    budget: Duration,
) -> Vec<Option<Duration>> {
    let mut times: Vec<Vec<Duration>> = vec![Vec::new(); subjects.len()];
    let mut is_out: Vec<bool> = subjects.iter().map(Option::is_none).collect();
    let began = Instant::now();
    let mut rounds = 0;
    while rounds < 3 || began.elapsed() < budget {
        for (at, subject) in subjects.iter_mut().enumerate() {
            let turn = Instant::now();
            let mut left = TURN_OPERATIONS;
            while let Some(subject) = subject.as_mut().filter(|_| left > 0 && !is_out[at]) {
                let took = subject.time(operation);
                is_out[at] = took > LONGEST;
                times[at].push(took);
                left = if turn.elapsed() < TURN { left - 1 } else { 0 };
            }
        }
        rounds += 1;
    }
    let median = |mut times: Vec<Duration>| {
        times.sort_unstable();
        times.get(times.len() / 2).copied()
    };
    times.into_iter().zip(is_out).map(|(times, is_out)| if is_out { None } else { median(times) }).collect()
}
