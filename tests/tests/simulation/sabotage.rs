//! The engine broken on purpose: the oracle must notice every way, within so many seeds.

use std::collections::BTreeSet;

use hazard_tests::sim::run::{self, Options, story_once};
use hazard_tests::sim::sabotage::Sabotage;

/// Fails unless one of the first `seeds` seeds breaks this invariant under the sabotage, and holds without it.
fn is_caught(how: Sabotage, invariant: &str, seeds: u64) {
    let options = Options { sabotage: Some(how), ..Options::default() };
    let mut others = BTreeSet::new();
    for seed in 0..seeds {
        match run::verdict(seed, options).map(|violation| violation.invariant) {
            Some(broken) if broken == invariant => {
                assert!(run::verdict(seed, Options::default()).is_none(), "seed {seed} fails without sabotage");
                return;
            }
            other => others.extend(other),
        }
    }
    panic!("{how:?} does not break {invariant} in {seeds} seeds, but {others:?}");
}

/// Fails unless every invariant holds under a fault that phones are mended of, and some had to be.
fn is_mended(how: Sabotage) {
    let (mut repairs, mut without) = (0, 0);
    for seed in 0..60 {
        let story = run::story(seed, None);
        let [(outcome, counts), (_, as_it_is)] =
            [Some(how), None].map(|sabotage| story_once(&story, Options { sabotage, ..Options::default() }));
        assert!(outcome.is_ok(), "seed {seed} under {how:?}: {outcome:?}");
        repairs += counts.repairs;
        without += as_it_is.repairs;
    }
    assert!(repairs > without, "{how:?}: {repairs} repairs, {without} without it");
}

macro_rules! catches {
    ($($name:ident: $how:ident as $invariant:literal within $seeds:literal;)*) => {
        $(#[test]
        fn $name() {
            is_caught(Sabotage::$how, $invariant, $seeds);
        })*
    };
}

#[test]
fn a_changed_state_that_is_called_pushed_is_mended_by_the_digest() {
    is_mended(Sabotage::ChangedStateIsCalledPushed);
}

#[test]
fn a_wrong_number_of_what_was_pushed_is_mended_by_the_digest() {
    is_mended(Sabotage::PushedNumberIsWrong);
}

catches! {
    the_simulator_catches_an_ack_before_durability: AcksBeforeDurability as "acknowledged_is_durable" within 100;
    the_simulator_catches_a_cursor_taken_before_commit: CursorBeforeCommit as "the_feed_misses_nothing" within 100;
    the_simulator_catches_a_cursor_that_skips_one: CursorSkipsOne as "the_feed_misses_nothing" within 100;
    the_simulator_catches_a_repeat_that_is_published_again: RepeatIsPublishedAgain as "a_repeat_changes_nothing" within 100;
    the_simulator_catches_a_repeat_that_gets_another_verdict: RepeatGetsAnotherVerdict as "a_repeat_is_told_the_first_verdict" within 100;
    the_simulator_catches_a_fork_that_is_called_a_duplicate: ForkIsCalledDuplicate as "acknowledged_is_durable" within 100;
    the_simulator_catches_a_bad_version_that_blocks_the_queue: BadVersionBlocksTheQueue as "the_outbox_drains" within 100;
    the_simulator_catches_a_quarantine_that_loses_bytes: QuarantineLosesBytes as "nothing_captured_is_lost" within 100;
    the_simulator_catches_stamps_that_are_not_capped: StampsAreNotCapped as "a_stamp_from_the_future_is_capped" within 100;
    the_simulator_catches_late_stamps_that_are_dropped: LateStampsAreDropped as "no_unseen_sibling_is_gone" within 100;
    the_simulator_catches_an_epoch_that_stays_after_a_restore: EpochStaysAfterRestore as "convergence" within 400;
    the_simulator_catches_a_forget_that_is_not_said: ForgetIsNotSaid as "the_feed_misses_nothing" within 100;
    the_simulator_catches_the_scope_of_yesterday: ScopeOfYesterday as "convergence" within 100;
    the_simulator_catches_a_ruling_without_looking: RulingWithoutLooking as "no_unseen_sibling_is_gone" within 100;
    the_simulator_catches_a_mending_that_claims_everything: MendingClaimsEverything as "no_unseen_sibling_is_gone" within 100;
    the_simulator_catches_a_photo_receipt_before_its_bytes: PhotoReceiptBeforeItsBytes as "a_photo_is_received_only_whole" within 100;
    the_simulator_catches_a_photo_hash_that_is_not_checked: PhotoHashIsNotChecked as "a_photo_is_received_only_whole" within 100;
    the_simulator_catches_projections_that_are_not_kept: ProjectionsAreNotKept as "no_conflict_is_unlisted_or_invented" within 100;
    the_simulator_catches_an_acceptance_that_outlives_corrections: AcceptanceOutlivesCorrections as "never_safer_than_the_facts" within 100;
    the_simulator_catches_a_settlement_that_outlives_answers: SettlementOutlivesAnswers as "never_safer_than_the_facts" within 100;
    the_simulator_catches_visits_that_are_not_taken_back: VisitsAreNotTakenBack as "never_safer_than_the_facts" within 100;
    the_simulator_catches_members_that_stay_settled_once_they_are_cleared: SettledMembersStaySo as "never_safer_than_the_facts" within 100;
    the_simulator_catches_hazards_that_stay_void_whatever_comes_after: VoidHazardsStaySo as "never_safer_than_the_facts" within 100;
    the_simulator_catches_a_changed_state_that_is_called_pushed_where_no_digest_tells: ChangedStateIsCalledPushedAndNoDigest as "convergence" within 100;
    the_simulator_catches_a_wrong_number_of_what_was_pushed_where_no_digest_tells: PushedNumberIsWrongAndNoDigest as "convergence" within 100;
    the_simulator_catches_a_save_before_it_is_stored: SavedBeforeStored as "nothing_captured_is_lost" within 100;
    the_simulator_catches_invented_receipts: ReceiptsAreInvented as "acknowledged_is_durable" within 100;
    the_simulator_catches_a_forgotten_context: ContextIsForgotten as "what_was_seen_is_overwritten" within 100;
    the_simulator_catches_a_context_that_claims_more: ContextClaimsMore as "no_unseen_sibling_is_gone" within 100;
    the_simulator_catches_a_cursor_that_is_stored_first: CursorIsStoredFirst as "the_feed_misses_nothing" within 100;
    the_simulator_catches_a_forget_that_is_not_done: ForgetIsNotDone as "the_feed_misses_nothing" within 100;
    the_simulator_catches_a_base_that_is_replaced: BaseIsReplaced as "no_base_shrinks" within 100;
    the_simulator_catches_a_renumbering_that_drops_what_waits: RenumberingDropsWhatWaits as "nothing_captured_is_lost" within 100;
    the_simulator_catches_a_fork_that_is_ignored: ForkIsIgnored as "the_outbox_drains" within 100;
    the_simulator_catches_a_phone_that_frees_too_early: FreesTooEarly as "a_restored_server_is_offered_what_it_forgot" within 100;
    the_simulator_catches_receipts_that_are_not_taken_back: ReceiptsAreNotTakenBack as "the_outbox_drains" within 100;
    the_simulator_catches_counting_that_restarts_after_a_crash: RestartsCountingAfterCrash as "nothing_captured_is_lost" within 100;
    the_simulator_catches_a_record_lost_on_the_way: ARecordIsLostOnTheWay as "the_feed_misses_nothing" within 100;
}
