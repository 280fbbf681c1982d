//! A small world checked exhaustively: two phones edit one record and sync with one server over a link that loses, delays
//! and repeats. Every interleaving within the bounds is visited, with the real client and the real decisions as the
//! transitions. What can happen is `world`, what must hold `properties`, the planted faults `plant`.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::panic,
    missing_docs,
    reason = "tests"
)]

mod plant;
mod properties;
#[path = "../../../sync-core/tests/server_in_memory/mod.rs"]
mod server_in_memory;
mod world;

use std::collections::BTreeSet;

use stateright::{Checker, HasDiscoveries, Model};

use plant::Plant;
use properties::{CONFLICT, HISTORY, KEPT, RENAMED, REPEAT};
use world::{Bounds, Link};

/// Both phones edit twice, and one message is lost or late.
const LOSS: Bounds = Bounds { edits: [2, 2], losses: 1, repeats: 0, crashes: 0, copies: 0 };
/// A message is lost or late, and one arrives twice.
const REPETITION: Bounds = Bounds { edits: [1, 1], losses: 1, repeats: 1, crashes: 0, copies: 0 };
/// A message is lost or late, and a phone dies and comes back with what it had stored.
const CRASH: Bounds = Bounds { edits: [1, 1], losses: 1, repeats: 0, crashes: 1, copies: 0 };
/// The first phone is lost, and a copy takes its place, while what it had sent is still on its way.
const COPY: Bounds = Bounds { edits: [2, 1], losses: 0, repeats: 0, crashes: 0, copies: 1 };

#[track_caller]
fn holds(bounds: Bounds) {
    let checked = Link { bounds, plant: Plant::None }.checker().spawn_bfs().join();
    println!("{bounds:?}: {} states, at most {} steps deep", checked.unique_state_count(), checked.max_depth());
    checked.assert_properties();
}

#[test]
fn everything_holds_where_two_phones_edit_twice_and_a_message_is_lost() {
    holds(LOSS);
}

#[test]
fn everything_holds_where_a_message_is_lost_and_another_arrives_twice() {
    holds(REPETITION);
}

#[test]
fn everything_holds_where_a_message_is_lost_and_a_phone_dies() {
    holds(CRASH);
}

#[test]
fn everything_holds_where_a_copy_takes_the_place_of_a_phone() {
    holds(COPY);
}

/// What the model finds when a fault is planted: the first properties that break.
fn found(plant: Plant, bounds: Bounds) -> BTreeSet<&'static str> {
    let checker = Link { bounds, plant }.checker().finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let discoveries = checker.discoveries().into_keys();
    discoveries.filter(|name| ![CONFLICT, REPEAT, RENAMED].contains(name)).collect()
}

#[test]
fn the_model_finds_a_lost_acknowledgement() {
    assert!(found(Plant::AcknowledgesBeforeKeeping, LOSS).contains(KEPT));
}

#[test]
fn the_model_finds_a_phone_that_takes_silence_for_consent() {
    assert!(found(Plant::TakesSilenceForConsent, LOSS).contains(KEPT));
}

#[test]
fn the_model_finds_a_server_that_compares_numbers_only() {
    assert!(found(Plant::ComparesNumbersOnly, COPY).contains(KEPT));
}

#[test]
fn the_model_finds_a_context_that_was_forgotten() {
    assert!(found(Plant::ForgetsContexts, LOSS).contains(HISTORY));
}
