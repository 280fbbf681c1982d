//! How a failing seed is told.

use hazard_tests::sim::run::{self, Options, story_once};
use hazard_tests::sim::sabotage::Sabotage;

#[test]
fn a_failing_seed_prints_itself_and_is_shrunk() {
    let options = Options { sabotage: Some(Sabotage::CursorSkipsOne), days: Some(4), ..Options::default() };
    let failed = (0..20).find_map(|seed| run::seed(seed, options).failed).expect("a seed that fails");
    let (short, violation) = &failed.shrunk;
    assert_eq!(violation.invariant, failed.violation.invariant);
    assert!(short.steps.len() * 4 < failed.story.steps.len(), "{} of {}", short.steps.len(), failed.story.steps.len());
    assert!(short.steps.len() <= 16, "{failed}");
    let again = story_once(short, options).0.unwrap_err();
    assert_eq!(&again, violation, "the short story replays exactly");
    let told = failed.to_string();
    let seed = failed.story.seed;
    for part in [
        format!("seed {seed} breaks {}", violation.invariant),
        format!("replay: make sim SEEDS=1 FROM={seed} STORE=memory DAYS=4"),
        "Create { phone:".to_owned(),
    ] {
        assert!(told.contains(&part), "{part}: {told}");
    }
}
