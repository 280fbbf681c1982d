//! The four libraries agree about the same edits: automerge keeps the same standing values as sync-core, the others show
//! one of them. Without this, the figures would compare different work.

use hazard_bench::{
    agreement::{Step, Tally, draw, play, shrunk},
    history::{self, FIELDS, History},
    peers::{Automerge, Loro, Peer, SyncCore, Yrs, messages},
};

fn standing<P: Peer>(history: &History) -> Vec<Vec<String>> {
    let doc = P::build(&messages::<P>(history));
    FIELDS.iter().map(|(field, _)| P::values(&doc, field)).collect()
}

fn histories() -> Vec<History> {
    let mut histories = history::all();
    histories.extend((2..=6).map(|replicas| history::history("more", replicas, 12)));
    histories
}

#[test]
fn sync_core_keeps_the_values_that_automerge_keeps() {
    for history in histories() {
        let ours = standing::<SyncCore>(&history);
        assert_eq!(ours, standing::<Automerge>(&history), "{} replicas", history.replicas);
    }
}

#[test]
fn the_histories_hold_concurrent_edits_and_overwritten_ones() {
    let ours = standing::<SyncCore>(&history::history("3x30", 3, 30));
    assert!(ours.iter().all(|values| !values.is_empty()));
    assert!(ours.iter().any(|values| values.len() > 1), "no concurrent values stand: {ours:?}");
    assert!(ours.iter().any(|values| values.len() == 1), "nothing was resolved: {ours:?}");
}

#[test]
fn loro_and_yrs_show_one_of_the_values_that_stand() {
    for history in histories() {
        let ours = standing::<SyncCore>(&history);
        for theirs in [standing::<Loro>(&history), standing::<Yrs>(&history)] {
            for (standing, shown) in ours.iter().zip(&theirs) {
                assert_eq!(shown.len(), 1);
                assert!(standing.contains(&shown[0]), "{shown:?} is shown, {standing:?} stand");
            }
        }
    }
}

#[test]
fn what_is_encoded_decodes_to_the_same_values() {
    fn check<P: Peer>(history: &History) {
        let mut doc = P::build(&messages::<P>(history));
        let again = P::decode(&P::encode(&mut doc));
        for (field, _) in FIELDS {
            assert_eq!(P::values(&doc, field), P::values(&again, field), "{} {field}", P::NAME);
        }
    }
    for history in histories() {
        check::<SyncCore>(&history);
        check::<Automerge>(&history);
        check::<Loro>(&history);
        check::<Yrs>(&history);
    }
}

#[test]
fn a_thousand_random_histories_leave_standing_what_automerge_leaves() {
    let mut tally = Tally::default();
    for seed in 0..1_000 {
        let steps = draw(seed);
        match play(&steps) {
            Ok(played) => tally.add(played),
            Err(failure) => panic!("seed {seed}: {:#?}", shrunk(steps, failure)),
        }
    }
    assert!(tally.contested > tally.conflicts && tally.conflicts > 1_000, "too little to agree about: {tally:?}");
    assert!((0..100).any(|seed| draw(seed).iter().any(|step| matches!(step, Step::Deliver { .. }))));
}
