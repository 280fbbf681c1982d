//! The engine broken on purpose: the oracle must notice every way, within so many seeds.

use hazard_tests::sim::run::{self, Options};
use hazard_tests::sim::sabotage::Sabotage;

/// Fails unless one of the first `seeds` seeds breaks an invariant under the sabotage.
fn is_caught(how: Sabotage, seeds: u64) {
    let options = Options { sabotage: Some(how), ..Options::default() };
    let caught = (0..seeds).find_map(|seed| Some((seed, run::verdict(seed, options)?)));
    let (seed, violation) = caught.unwrap_or_else(|| panic!("{how:?} went unnoticed in {seeds} seeds"));
    assert_ne!(violation.invariant, "nobody_panics", "{how:?}: {violation:?}");
    assert!(run::verdict(seed, Options::default()).is_none(), "seed {seed} fails without sabotage");
}

macro_rules! catches {
    ($($name:ident: $how:ident within $seeds:literal;)*) => {
        $(#[test]
        fn $name() {
            is_caught(Sabotage::$how, $seeds);
        })*
    };
}

catches! {
    the_simulator_catches_an_ack_before_durability: AcksBeforeDurability within 100;
    the_simulator_catches_a_cursor_taken_before_commit: CursorBeforeCommit within 100;
    the_simulator_catches_a_cursor_that_skips_one: CursorSkipsOne within 100;
    the_simulator_catches_a_repeat_that_is_published_again: RepeatIsPublishedAgain within 100;
    the_simulator_catches_a_repeat_that_gets_another_verdict: RepeatGetsAnotherVerdict within 100;
    the_simulator_catches_a_fork_that_is_called_a_duplicate: ForkIsCalledDuplicate within 100;
    the_simulator_catches_a_bad_version_that_blocks_the_queue: BadVersionBlocksTheQueue within 100;
    the_simulator_catches_a_quarantine_that_loses_bytes: QuarantineLosesBytes within 100;
    the_simulator_catches_stamps_that_are_not_capped: StampsAreNotCapped within 100;
    the_simulator_catches_late_stamps_that_are_dropped: LateStampsAreDropped within 100;
    the_simulator_catches_an_epoch_that_stays_after_a_restore: EpochStaysAfterRestore within 400;
    the_simulator_catches_a_forget_that_is_not_said: ForgetIsNotSaid within 100;
    the_simulator_catches_the_scope_of_yesterday: ScopeOfYesterday within 100;
    the_simulator_catches_a_ruling_without_looking: RulingWithoutLooking within 100;
    the_simulator_catches_a_mending_that_claims_everything: MendingClaimsEverything within 100;
    the_simulator_catches_a_photo_receipt_before_its_bytes: PhotoReceiptBeforeItsBytes within 100;
    the_simulator_catches_a_photo_hash_that_is_not_checked: PhotoHashIsNotChecked within 100;
    the_simulator_catches_projections_that_are_not_kept: ProjectionsAreNotKept within 100;
    the_simulator_catches_an_acceptance_that_outlives_corrections: AcceptanceOutlivesCorrections within 100;
    the_simulator_catches_a_save_before_it_is_stored: SavedBeforeStored within 100;
    the_simulator_catches_invented_receipts: ReceiptsAreInvented within 100;
    the_simulator_catches_a_forgotten_context: ContextIsForgotten within 100;
    the_simulator_catches_a_context_that_claims_more: ContextClaimsMore within 100;
    the_simulator_catches_a_cursor_that_is_stored_first: CursorIsStoredFirst within 100;
    the_simulator_catches_a_forget_that_is_not_done: ForgetIsNotDone within 100;
    the_simulator_catches_a_base_that_is_replaced: BaseIsReplaced within 100;
    the_simulator_catches_a_renumbering_that_drops_what_waits: RenumberingDropsWhatWaits within 100;
    the_simulator_catches_a_fork_that_is_ignored: ForkIsIgnored within 100;
    the_simulator_catches_a_phone_that_frees_too_early: FreesTooEarly within 100;
    the_simulator_catches_receipts_that_are_not_taken_back: ReceiptsAreNotTakenBack within 100;
    the_simulator_catches_counting_that_restarts_after_a_crash: RestartsCountingAfterCrash within 100;
    the_simulator_catches_a_record_lost_on_the_way: ARecordIsLostOnTheWay within 100;
}
