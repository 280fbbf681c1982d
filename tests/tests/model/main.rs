//! A small world checked exhaustively: two phones edit one record and sync with one server over a link that loses, delays
//! and repeats. Every interleaving within the bounds is visited, with the real client and the real decisions as the
//! transitions. What can happen is `world`, what must hold `properties`, the planted faults `plant`.
#![allow(
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
use properties::{CONFLICT, KEPT, RENAMED, REPEAT};
use world::{Bounds, Link};

/// The two worlds: one in which the network does its worst, and one in which a phone dies and comes back from a copy.
const WORLDS: [(&str, Bounds); 2] = [
    ("a bad link", Bounds { edits: [2, 2], losses: 2, repeats: 1, crashes: 1, copies: 0 }),
    ("a phone from a copy", Bounds { edits: [2, 1], losses: 1, repeats: 1, crashes: 0, copies: 1 }),
];

#[test]
fn every_way_that_two_phones_can_meet_a_server_keeps_what_was_acknowledged_and_ends_in_agreement() {
    for (name, bounds) in WORLDS {
        let checked = Link { bounds, plant: Plant::None }.checker().threads(2).spawn_bfs().join();
        println!("{name}: {} states, depth {}", checked.unique_state_count(), checked.max_depth());
        checked.assert_properties();
    }
}

/// The properties of which the model finds a counterexample when the fault is planted.
fn found(plant: Plant) -> BTreeSet<&'static str> {
    let [_, (_, bounds)] = WORLDS;
    let checker = Link { bounds, plant }.checker().threads(2).finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    println!("{plant:?}: {} states {:?}", checker.unique_state_count(), checker.discoveries().keys());
    let discoveries = checker.discoveries().into_keys();
    discoveries.filter(|name| ![CONFLICT, REPEAT, RENAMED].contains(name)).collect()
}

#[test]
fn the_model_finds_a_lost_acknowledgement() {
    assert!(found(Plant::AcknowledgesBeforeKeeping).contains(KEPT));
    assert!(found(Plant::TakesSilenceForConsent).contains(KEPT));
}

#[test]
fn the_model_finds_a_phone_that_is_told_that_its_number_was_taken_with_other_words() {
    assert!(found(Plant::ComparesNumbersOnly).contains(KEPT));
}

#[test]
fn the_model_finds_a_context_that_was_forgotten() {
    assert!(!found(Plant::ForgetsContexts).is_empty());
}
