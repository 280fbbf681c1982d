//! What a state forgets, and why it may forget no more (docs/decisions/0008-compaction.md): what is dropped never changes a
//! join, and for everything that is kept there is a history in which dropping it would.

use std::collections::BTreeSet;

use crate::history::{FIELDS, History, empty, steps};
use proptest::prelude::*;
use serde_json::{Value, json};
use sync_core::dots::{Dot, VersionVector};
use sync_core::ids::{AccountId, ReplicaId};
use sync_core::record::Record;
use sync_core::rules::Voiding;
use sync_core::time::Stamp;
use sync_core::version::Version;
use uuid::Uuid;

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_version_is_forgotten_with_its_last_value(steps in steps(4, true)) {
        for replica in &History::play(4, &steps).replicas {
            let standing: BTreeSet<Dot> = replica.state.standing_versions().map(|(dot, _)| dot).collect();
            let written: BTreeSet<Dot> =
                FIELDS.iter().flat_map(|path| replica.state.siblings(path)).map(|sibling| sibling.dot).collect();
            prop_assert_eq!(standing, written);
        }
    }

    #[test]
    fn where_causes_come_first_nothing_is_remembered_of_what_was_overwritten(steps in steps(4, false)) {
        for replica in &History::play(4, &steps).replicas {
            let state: Value = serde_json::from_str(&replica.state.to_json()).unwrap();
            prop_assert!(state.get("overwritten").is_none() && state.get("ahead").is_none(), "{}", state);
        }
    }

    #[test]
    fn once_everything_has_come_no_gap_is_remembered(steps in steps(4, true)) {
        let history = History::play(4, &steps);
        prop_assert!(!history.everything().seen.has_gap());
    }
}

fn replica(number: u128) -> ReplicaId {
    ReplicaId(Uuid::from_u128(number))
}

fn version(dot: (u128, u64), context: &[(u128, u64)], path: &str, value: Value) -> Version {
    let dot_of = |(number, seq): (u128, u64)| Dot { replica: replica(number), seq };
    Version {
        record: empty().id,
        kind: empty().kind,
        village: empty().village,
        dot: dot_of(dot),
        context: context.iter().copied().map(dot_of).collect(),
        stamp: Stamp { ms: dot.1, counter: 0 },
        author: AccountId(Uuid::from_u128(9)),
        changes: [(path.to_owned(), value)].into(),
    }
}

fn joined(versions: &[&Version]) -> Record {
    let mut state = empty();
    versions.iter().for_each(|version| state.apply((*version).clone()));
    state
}

#[test]
fn a_standing_context_may_forget_no_entry_though_all_of_it_was_seen() {
    let first = version((1, 1), &[], "level", json!("general"));
    let second = version((2, 1), &[(1, 1)], "level", json!("major"));
    let stale = joined(&[&first]);
    let whole = joined(&[&first, &second]);
    let mut forgetful = whole.clone();
    forgetful.limit_contexts(&VersionVector::new());

    let [mut right, mut wrong] = [whole, forgetful];
    right.join(&stale);
    wrong.join(&stale);
    assert_eq!(right.siblings("level").count(), 1);
    assert_eq!(wrong.siblings("level").count(), 2, "a phone that was away would bring back what was overwritten");
}

#[test]
fn what_is_seen_may_forget_no_replica_though_nothing_of_it_stands() {
    // Nothing of replica 1 stands when replica 3 writes; would its context leave it out, the first value would return.
    let first = version((1, 1), &[], "level", json!("general"));
    let second = version((2, 1), &[(1, 1)], "level", json!("major"));
    let context = joined(&[&first, &second]).seen.context().clone();
    assert_eq!(context.iter().count(), 2);
    let third = |context: &[(u128, u64)]| version((3, 1), context, "level", json!("major"));
    assert_eq!(joined(&[&first, &third(&[(1, 1), (2, 1)])]).siblings("level").count(), 1);
    assert_eq!(joined(&[&first, &third(&[(2, 1)])]).siblings("level").count(), 2);
}

#[test]
fn what_is_seen_cannot_stand_in_for_the_contexts() {
    // A view joins a phone's own writes one by one and declares each complete: it has seen more than it holds.
    let first = version((1, 1), &[], "level", json!("general"));
    let second = version((1, 2), &[(1, 1)], "funds", json!(100));
    let mut state = Record::delta(&second);
    state.complete_up_to(second.dot);
    assert!(state.seen.context().covers(first.dot));
    state.join(&Record::delta(&first));
    assert_eq!(state.siblings("level").count(), 1, "dropped, had `seen` decided");
}

#[test]
fn a_voiding_whose_context_forgot_an_entry_would_read_as_revived() {
    let first = version((1, 1), &[], "level", json!("general"));
    let voiding = version((2, 1), &[(1, 1)], "void", json!("entered twice"));
    let state = joined(&[&first, &voiding]);
    assert_eq!(state.voiding(), Voiding::Voided("entered twice".into()));
    let mut forgetful = state.clone();
    forgetful.limit_contexts(&VersionVector::new());
    assert_eq!(forgetful.voiding(), Voiding::Revived("entered twice".into()));
}

#[test]
fn a_trace_of_what_was_overwritten_may_not_be_forgotten_while_its_cause_is_missing() {
    // The third overwrote the second without having seen the first, which the second had overwritten.
    let first = version((1, 1), &[], "level", json!("general"));
    let second = version((2, 1), &[(1, 1)], "level", json!("major"));
    let third = version((3, 1), &[(2, 1)], "level", json!("major"));
    let mut state = joined(&[&second, &third]);
    assert!(state.to_json().contains("\"overwritten\""));
    state.apply(first);
    assert_eq!(state.siblings("level").count(), 1, "the first would stand again, had the trace been dropped");
}
