//! The join over arbitrary histories: it commutes, associates, is idempotent; nothing unseen is lost; conflicts are those
//! of the oracle; what is shown follows the rule; a record survives its JSON.

use std::collections::BTreeSet;

use crate::history::{FIELDS, History, Step, empty, steps};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};
use sync_core::kinds;
use sync_core::record::Record;
use sync_core::rules::Voiding;
use sync_core::schema::Rule;

fn joined(a: &Record, b: &Record) -> Record {
    let mut result = a.clone();
    result.join(b);
    result
}

fn shuffled(len: usize, picks: &[Index]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..len).collect();
    for (at, pick) in picks.iter().enumerate().take(len) {
        order.swap(at, pick.index(len));
    }
    order
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn join_commutes_associates_and_is_idempotent(steps in steps(3, true)) {
        let history = History::play(3, &steps);
        let [a, b, c] = [0, 1, 2].map(|index| history.replicas[index].state.clone());
        prop_assert_eq!(joined(&a, &b), joined(&b, &a));
        prop_assert_eq!(joined(&joined(&a, &b), &c), joined(&a, &joined(&b, &c)));
        prop_assert_eq!(joined(&a, &a), a.clone());
        prop_assert_eq!(joined(&a, &empty()), a);
    }

    #[test]
    fn versions_joined_in_any_order_and_any_number_of_times_give_the_same_state(
        steps in steps(4, true), picks in prop::collection::vec(any::<Index>(), 40), again in prop::collection::vec(any::<Index>(), 0..10),
    ) {
        let history = History::play(4, &steps);
        let len = history.versions.len();
        let mut order = shuffled(len, &picks);
        if len > 0 { order.extend(again.iter().map(|index| index.index(len))); }
        let straight = history.everything();
        prop_assert_eq!(&history.join_in(order), &straight);
        // and so do the replicas' states, once everybody has everything
        let met = history.replicas.iter().fold(empty(), |met, replica| joined(&met, &replica.state));
        prop_assert_eq!(&met, &straight);
        prop_assert_eq!(met.fingerprint(), straight.fingerprint());
    }

    #[test]
    fn applying_a_version_is_joining_its_delta(steps in steps(4, true), picks in prop::collection::vec(any::<Index>(), 40)) {
        let history = History::play(4, &steps);
        let (mut applied, mut met) = (empty(), empty());
        for index in shuffled(history.versions.len(), &picks) {
            let version = &history.versions[index];
            met.join(&Record::delta(version));
            applied.apply(version.clone());
            prop_assert_eq!(&applied, &met);
        }
        for replica in &history.replicas {
            applied.absorb(replica.state.clone());
            met.join(&replica.state);
            prop_assert_eq!(&applied, &met);
        }
    }

    #[test]
    fn no_sibling_leaves_but_by_a_version_whose_author_knew_it(steps in steps(4, true)) {
        let history = History::play(4, &steps);
        let state = history.everything();
        for path in FIELDS {
            let kept: BTreeSet<_> = state.siblings(path).map(|sibling| sibling.dot).collect();
            for index in history.standing(path, &history.all()) {
                prop_assert!(kept.contains(&history.versions[index].dot), "{} of version {} is lost", path, index);
            }
        }
    }

    #[test]
    fn siblings_and_conflicts_are_exactly_those_of_the_history_sets(steps in steps(4, false)) {
        let history = History::play(4, &steps);
        for replica in &history.replicas {
            for path in FIELDS {
                let expected: BTreeSet<_> =
                    history.standing(path, &replica.knows).into_iter().map(|index| history.versions[index].dot).collect();
                let actual: BTreeSet<_> = replica.state.siblings(path).map(|sibling| sibling.dot).collect();
                prop_assert_eq!(actual, expected, "siblings of {}", path);
            }
            let open: BTreeSet<&str> = replica.state.conflicts().collect();
            let expected: BTreeSet<&str> = FIELDS.iter().copied().filter(|path| {
                let values: BTreeSet<String> = history.standing(path, &replica.knows).into_iter()
                    .map(|index| history.versions[index].changes[*path].to_string()).collect();
                values.len() > 1 && kinds::rule("hazard", path).is_reviewed()
            }).collect();
            prop_assert_eq!(open, expected);
        }
    }

    #[test]
    fn no_clock_setting_changes_what_stands(steps in steps(3, true), clocks in prop::collection::vec(any::<u32>(), 40)) {
        let wrong: Vec<Step> = steps.iter().zip(clocks).map(|(step, wrong)| match step {
            // `clock % 3` numbers the writes, so it stays; the time itself is anything.
            Step::Edit { replica, fields, clock } =>
                Step::Edit { replica: *replica, fields: fields.clone(), clock: (wrong / 3 * 3).saturating_add(clock % 3) },
            other => other.clone(),
        }).collect();
        let (honest, skewed) = (History::play(3, &steps).everything(), History::play(3, &wrong).everything());
        prop_assert_eq!(honest.conflicts().collect::<Vec<_>>(), skewed.conflicts().collect::<Vec<_>>());
        for path in FIELDS {
            let dots = |record: &Record| record.siblings(path).map(|sibling| sibling.dot.replica).collect::<Vec<_>>();
            prop_assert_eq!(dots(&honest), dots(&skewed));
        }
    }

    #[test]
    fn the_shown_value_is_the_one_that_the_rule_names(steps in steps(4, false)) {
        let state = History::play(4, &steps).everything();
        for path in FIELDS {
            let Some(shown) = state.shown(path) else { continue };
            let standing: Vec<&Value> = state.siblings(path).map(|sibling| sibling.value).collect();
            prop_assert!(standing.contains(&shown.sibling.value));
            let expected = match kinds::rule("hazard", path) {
                Rule::Safest(_) => [json!("unheard_of"), json!("major"), Value::Null, json!("general")].into_iter()
                    .find(|value| standing.contains(&value)),
                Rule::Earliest => standing.iter().filter_map(|value| value.as_str()).min().map(|day| json!(day)),
                Rule::Largest => standing.iter().filter_map(|value| value.as_i64()).max().map(|sum| json!(sum)),
                Rule::Union => standing.contains(&&json!(true)).then_some(json!(true)),
                _ => {
                    let last = state.siblings(path).map(|sibling| sibling.authorship.stamp).max().unwrap();
                    prop_assert_eq!(shown.sibling.authorship.stamp, last);
                    None
                }
            };
            if let Some(expected) = expected { prop_assert_eq!(shown.sibling.value, &expected, "{}", path); }
        }
    }

    #[test]
    fn a_record_survives_its_json(steps in steps(3, true)) {
        let history = History::play(3, &steps);
        for replica in &history.replicas {
            let text = replica.state.to_json();
            let back = Record::from_json(&text).unwrap();
            prop_assert_eq!(&back, &replica.state);
            prop_assert_eq!(back.to_json(), text);
        }
    }
}

fn edit(replica: usize, field: &str, choice: u8) -> Step {
    let field = FIELDS.iter().position(|known| *known == field).unwrap();
    Step::Edit { replica, fields: vec![(field, choice)], clock: 0 }
}

#[test]
fn a_context_is_not_yet_seen() {
    // Replica 0 writes twice; replica 1 sees both and edits one field; replica 2 gets that edit alone.
    let steps = [
        edit(0, "description", 1),
        edit(0, "site", 1),
        Step::Exchange { from: 0, to: 1 },
        edit(1, "site", 2),
        Step::Deliver { version: 2, to: 2 },
    ];
    let mut history = History::play(3, &steps);
    let mut late = history.replicas.remove(2).state;
    assert!(late.shown("description").is_none());
    late.join(&Record::delta(&history.versions[0]));
    late.join(&Record::delta(&history.versions[1]));
    assert_eq!(late.text("description"), Some("one"), "what the edit had seen is not dropped when it comes after it");
    assert_eq!(late.text("site"), Some("two"));
    assert_eq!(late, history.everything());
}

#[test]
fn a_version_that_came_ahead_of_a_gap_is_not_claimed_as_proof_of_what_is_missing() {
    // Replica 0 writes `description`, then `site`; replica 1 receives only the second and edits `description`.
    let steps =
        [edit(0, "description", 1), edit(0, "site", 1), Step::Deliver { version: 1, to: 1 }, edit(1, "description", 2)];
    let history = History::play(2, &steps);
    let state = history.everything();
    assert_eq!(state.siblings("description").count(), 2, "replica 1 had not seen the first description");
    assert!(state.shown("description").unwrap().in_conflict);
}

#[test]
fn two_people_who_write_the_same_make_no_conflict() {
    let steps = [edit(0, "level", 2), edit(1, "level", 2), Step::Exchange { from: 0, to: 1 }];
    let state = History::play(2, &steps).everything();
    assert_eq!(state.siblings("level").count(), 2);
    assert_eq!(state.conflicts().count(), 0);
}

#[test]
fn general_against_major_reads_major_and_is_put_to_a_supervisor() {
    let steps = [edit(0, "level", 2), edit(1, "level", 1)];
    let state = History::play(2, &steps).everything();
    assert_eq!(state.text("level"), Some("major"));
    assert_eq!(state.conflicts().collect::<Vec<_>>(), ["level"]);
}

#[test]
fn a_resolution_that_has_seen_all_siblings_settles_the_field() {
    let steps = [
        edit(0, "deadline", 1),
        edit(1, "deadline", 3),
        Step::Exchange { from: 0, to: 2 },
        Step::Exchange { from: 1, to: 2 },
        edit(2, "deadline", 3),
    ];
    let state = History::play(3, &steps).everything();
    assert_eq!(state.text("deadline"), Some("2025-01-01"));
    assert_eq!(state.conflicts().count(), 0);
}

#[test]
fn an_edit_that_did_not_see_the_voiding_revives_the_record() {
    let mut history = History::play(2, &[edit(0, "description", 1), Step::Exchange { from: 0, to: 1 }]);
    let mut voiding = history.versions[0].clone();
    voiding.dot.replica = sync_core::ids::ReplicaId(uuid::Uuid::from_u128(50));
    voiding.context = history.everything().seen.context().clone();
    voiding.changes = [("void".to_owned(), json!("entered twice"))].into();
    let mut state = history.everything();
    state.join(&Record::delta(&voiding));
    assert_eq!(state.voiding(), Voiding::Voided("entered twice".into()));

    let mut unseen = history.versions.remove(0);
    unseen.dot.replica = sync_core::ids::ReplicaId(uuid::Uuid::from_u128(51));
    unseen.context = unseen.context.clone();
    unseen.changes = [("level".to_owned(), json!("major"))].into();
    state.join(&Record::delta(&unseen));
    assert_eq!(state.voiding(), Voiding::Revived("entered twice".into()));
    assert!(state.counts());
}
