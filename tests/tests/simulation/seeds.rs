//! Seeds as they come. `make sim` runs more.

use hazard_tests::sim::run::{self, Options, StoreKind, story_once};
use hazard_tests::sim::seed::Rng;

const YEAR_MS: u64 = 365 * 24 * 3_600_000;

fn hold(seeds: std::ops::Range<u64>, options: Options) {
    for seed in seeds {
        if let Some(failed) = run::seed(seed, options).failed {
            panic!("{failed}");
        }
    }
}

#[test]
fn hundreds_of_seeds_hold_every_invariant_in_memory() {
    hold(0..400, Options::default());
}

#[test]
fn tens_of_seeds_hold_every_invariant_on_a_real_database() {
    hold(10_000..10_024, Options { store: StoreKind::real(), days: Some(2), ..Options::default() });
}

#[test]
fn no_clock_setting_changes_what_stands() {
    for seed in 20_000..20_060 {
        let story = run::story(seed, None);
        let mut shifted = story.clone();
        let mut rng = Rng::new(seed).fork("shift");
        for phone in &mut shifted.phones {
            phone.clock_ms += i64::try_from(rng.below(16 * YEAR_MS)).unwrap() - i64::try_from(8 * YEAR_MS).unwrap();
        }
        let [as_it_is, years_off] = [&story, &shifted].map(|story| story_once(story, Options::default()).0);
        assert_eq!(as_it_is.unwrap(), years_off.unwrap(), "seed {seed}");
    }
}

#[test]
fn memory_and_a_real_database_end_alike() {
    for seed in 30_000..30_012 {
        let story = run::story(seed, Some(2));
        let ends = [StoreKind::Memory, StoreKind::real()]
            .map(|store| story_once(&story, Options { store, ..Options::default() }).0.unwrap());
        assert_eq!(ends[0], ends[1], "seed {seed}");
    }
}

#[test]
fn a_story_replays_exactly_and_can_be_kept_as_json() {
    let story = run::story(7, None);
    let kept = serde_json::from_str(&serde_json::to_string(&story).unwrap()).unwrap();
    assert_eq!(story, kept);
    let [first, second] = [&story, &kept].map(|story| story_once(story, Options::default()));
    assert_eq!(first.0.unwrap(), second.0.unwrap());
    assert_eq!(first.1.faults, second.1.faults);
}
