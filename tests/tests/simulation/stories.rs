//! Stories that once broke an invariant, as the simulator shrank them: each seed that ever found a fault is kept here by
//! the name of what must hold.

use hazard_tests::sim::run::{Options, StoreKind, story_once};
use hazard_tests::sim::story::{Act, Disk, Fate, Flaw, Leg, Link, Person, PhonePlan, Slot, Step, Story};
use sync_core::people::Role;

const HOUR_MS: u64 = 3_600_000;
const YEAR_MS: i64 = 365 * 24 * 3_600_000;

fn slot(kind: &str) -> Slot {
    Slot { kind: kind.to_owned(), village: Some(0), about: 0 }
}

/// A supervisor (person 0: phones 0 and 1) and an inspector (person 1: phones 2 and 3); phone 4 may become a copy of 0,
/// phone 5 of 2. Slots: 0 a hazard, 1 a re-inspection and 2 a rectification of it, 3 another hazard.
fn story() -> Story {
    let phone = |person, is_copy| PhonePlan { person, clock_ms: 0, is_copy };
    Story {
        seed: 0,
        days: 1,
        page: 500,
        atomic_disks: true,
        people: vec![
            Person { role: Role::Supervisor, villages: vec![] },
            Person { role: Role::Inspector, villages: vec![0] },
        ],
        phones: vec![
            phone(0, false),
            phone(0, false),
            phone(1, false),
            phone(1, false),
            phone(0, true),
            phone(1, true),
        ],
        slots: ["hazard", "reinspection", "rectification", "hazard"].map(slot).into(),
        steps: vec![],
    }
}

/// The story with these acts, an hour apart, holds on both stores.
fn holds(story: Story, acts: &[Act]) {
    let step = |act: &Act| Step { after_ms: HOUR_MS, act: act.clone() };
    let story = Story { steps: acts.iter().map(step).collect(), ..story };
    for store in [StoreKind::Memory, StoreKind::real()] {
        let (outcome, _) = story_once(&story, Options { store, ..Options::default() });
        assert!(outcome.is_ok(), "{story}{outcome:?}");
    }
}

fn create(phone: usize, slot: usize) -> Act {
    Act::Create { phone, slot, value: 0, flaw: None, disk: Disk::Works }
}

fn edit(phone: usize, slot: usize, field: u8, value: u8) -> Act {
    Act::Edit { phone, slot, field, value, flaw: None, disk: Disk::Works }
}

fn flawed(phone: usize, slot: usize, field: u8, value: u8, flaw: Flaw) -> Act {
    Act::Edit { phone, slot, field, value, flaw: Some(flaw), disk: Disk::Works }
}

fn sync(phone: usize) -> Act {
    Act::Sync { phone, press: true, link: Link::default() }
}

// Fields of a hazard, by their place in a form.
const PLACE: u8 = 2;
const FUNDS: u8 = 4;
/// Of a rectification.
const MEASURES: u8 = 0;
/// Of a monthly report, at the office.
const REVIEW: u8 = 0;

#[test]
fn what_a_copy_has_sent_already_is_not_written_anew_after_a_restore_of_the_server() {
    holds(
        story(),
        &[
            create(2, 0),
            sync(2),
            edit(2, 0, PLACE, 0),
            Act::BackupServer,
            Act::Free { phone: 2 },
            Act::Clone { phone: 2, copy: 5 },
            Act::RestoreServer { which: 0 },
            edit(2, 0, PLACE, 1),
        ],
    );
}

#[test]
fn a_fork_heard_together_with_a_new_epoch_writes_nothing_anew_that_was_taken() {
    holds(
        story(),
        &[
            create(2, 0),
            sync(2),
            sync(0),
            edit(0, 0, PLACE, 0),
            Act::Clone { phone: 0, copy: 4 },
            Act::BackupServer,
            Act::RestoreServer { which: 0 },
            Act::Void { phone: 0, slot: 0, back: true, disk: Disk::Works },
            edit(4, 0, FUNDS, 0),
        ],
    );
}

#[test]
fn more_than_a_small_batch_that_a_copy_has_sent_is_not_written_anew() {
    let lost = Link { answer: Leg::Lost, ..Link::default() };
    let mut acts = vec![create(2, 0), sync(2)];
    acts.extend((0..20).map(|value| edit(2, 0, PLACE, value % 3)));
    acts.push(Act::Clone { phone: 2, copy: 5 });
    acts.extend((0..4).map(|_| Act::Sync { phone: 5, press: true, link: Link { request: Leg::Lost, ..lost } }));
    acts.extend([sync(2), edit(2, 0, FUNDS, 0), sync(2), sync(5), sync(5)]);
    holds(story(), &acts);
}

#[test]
fn a_decided_voiding_covers_only_what_was_seen() {
    holds(
        story(),
        &[
            create(0, 0),
            sync(0),
            sync(1),
            Act::Void { phone: 0, slot: 0, back: false, disk: Disk::Works },
            edit(1, 0, PLACE, 0),
            sync(0),
            sync(1),
            Act::Look { person: 0, slot: 0 },
            edit(1, 0, FUNDS, 0),
            sync(1),
            Act::Rule { person: 0, pick: 0 },
        ],
    );
}

#[test]
fn a_mended_version_overwrites_no_ruling_that_its_author_had_not_seen() {
    holds(
        story(),
        &[
            create(2, 0),
            sync(2),
            sync(0),
            edit(0, 0, FUNDS, 0),
            flawed(2, 0, FUNDS, 1, Flaw::Value),
            edit(2, 0, FUNDS, 2),
            sync(2),
            sync(0),
            Act::Look { person: 0, slot: 0 },
            Act::Rule { person: 0, pick: 0 },
            Act::Mend { person: 0, pick: 0, dismiss: false },
        ],
    );
}

#[test]
fn what_was_freed_is_in_the_base_so_that_no_later_edit_overwrites_it_unseen() {
    let story = Story { page: 1, ..story() };
    holds(
        story,
        &[
            create(2, 0),
            sync(2),
            sync(1),
            create(0, 2),
            create(0, 3),
            sync(0),
            edit(2, 0, PLACE, 1),
            edit(1, 0, PLACE, 0),
            sync(2),
            sync(1),
            Act::Free { phone: 1 },
            edit(1, 0, PLACE, 2),
        ],
    );
}

#[test]
fn what_cannot_be_read_is_written_anew_as_it_is() {
    holds(
        story(),
        &[
            create(2, 0),
            Act::Clone { phone: 2, copy: 5 },
            flawed(2, 0, PLACE, 1, Flaw::Shape),
            edit(5, 0, PLACE, 0),
            edit(2, 0, PLACE, 2),
            sync(5),
            edit(2, 0, FUNDS, 0),
        ],
    );
}

#[test]
fn a_clock_set_back_by_years_does_not_keep_the_outbox_waiting() {
    let lost = Link { request: Leg::Lost, ..Link::default() };
    let mut story = story();
    story.phones[2].clock_ms = 10 * YEAR_MS;
    holds(
        story,
        &[
            create(2, 0),
            Act::Sync { phone: 2, press: true, link: lost },
            Act::Clock { phone: 2, by_ms: -15 * YEAR_MS },
            edit(2, 0, PLACE, 0),
        ],
    );
}

#[test]
fn a_phone_that_dies_between_what_a_copy_wrote_and_its_new_id_can_still_save() {
    let dies = Link { disk: Disk::Dies(1), ..Link::default() };
    let story = Story { atomic_disks: false, ..story() };
    holds(
        story,
        &[
            create(2, 0),
            sync(2),
            Act::Clone { phone: 2, copy: 5 },
            edit(2, 0, PLACE, 0),
            sync(2),
            Act::Sync { phone: 5, press: true, link: dies },
            edit(5, 0, PLACE, 1),
            sync(5),
        ],
    );
}

#[test]
fn an_answer_lost_after_the_commit_a_crash_and_a_late_repeat_change_nothing() {
    let late = Link { request: Leg::Twice { ms: 50, again_ms: 30 * HOUR_MS }, answer: Leg::Lost, ..Link::default() };
    let dies_after = Link { server: Fate::DiesAfter, ..Link::default() };
    holds(
        story(),
        &[
            create(2, 0),
            Act::Sync { phone: 2, press: true, link: late },
            Act::Crash { phone: 2 },
            edit(2, 0, PLACE, 0),
            Act::Sync { phone: 2, press: true, link: dies_after },
            Act::RestartServer,
            edit(2, 0, PLACE, 1),
            sync(2),
        ],
    );
}

#[test]
fn receipts_of_a_first_answer_that_told_of_a_fork_are_taken_back_after_a_restore() {
    holds(
        story(),
        &[
            create(2, 2),
            Act::BackupServer,
            Act::Clone { phone: 2, copy: 5 },
            edit(2, 2, MEASURES, 1),
            edit(5, 2, MEASURES, 2),
            sync(5),
            sync(2),
            Act::RestoreServer { which: 0 },
        ],
    );
}

#[test]
fn what_is_written_anew_covers_nothing_that_the_copy_wrote_under_its_numbers() {
    holds(
        story(),
        &[
            create(0, 0),
            Act::BackupPhone { phone: 0 },
            flawed(0, 0, FUNDS, 2, Flaw::Context),
            Act::Clone { phone: 0, copy: 4 },
            Act::RestorePhone { phone: 0 },
            edit(0, 0, PLACE, 1),
            edit(4, 0, PLACE, 2),
            sync(0),
            sync(4),
        ],
    );
}

#[test]
fn an_edit_written_anew_again_by_a_phone_set_back_loses_nothing() {
    holds(
        story(),
        &[
            create(2, 0),
            Act::Clone { phone: 2, copy: 5 },
            edit(5, 0, FUNDS, 0),
            edit(2, 0, PLACE, 1),
            Act::BackupPhone { phone: 2 },
            sync(5),
            sync(2),
            sync(2),
            edit(3, 0, PLACE, 2),
            sync(3),
            Act::RestorePhone { phone: 2 },
        ],
    );
}

#[test]
fn a_refused_edit_that_a_restored_server_merges_is_followed_by_its_authors_later_word() {
    holds(
        story(),
        &[
            create(1, 0),
            sync(1),
            sync(0),
            sync(2),
            edit(0, 0, PLACE, 1),
            edit(2, 0, PLACE, 0),
            sync(0),
            Act::BackupServer,
            sync(3),
            edit(3, 0, PLACE, 0),
            sync(3),
            sync(2),
            edit(0, 0, PLACE, 2),
            edit(2, 0, PLACE, 0),
            Act::RestoreServer { which: 0 },
            sync(2),
            sync(2),
            Act::RestoreServer { which: 0 },
            edit(2, 0, PLACE, 3),
        ],
    );
}

#[test]
fn what_nobody_could_read_claims_nothing_of_what_a_copy_wrote_under_the_same_number() {
    holds(
        story(),
        &[
            create(0, 0),
            Act::Clone { phone: 2, copy: 5 },
            sync(0),
            sync(5),
            sync(2),
            edit(2, 0, PLACE, 1),
            edit(5, 0, FUNDS, 3),
            sync(5),
            flawed(2, 0, FUNDS, 2, Flaw::Shape),
            sync(2),
            sync(2),
            Act::Mend { person: 0, pick: 0, dismiss: false },
        ],
    );
}

#[test]
fn an_acceptance_that_was_taken_back_is_none_where_a_restored_server_hears_of_it_later() {
    let (accepted, nothing) = (0, 3);
    holds(
        Story { slots: vec![slot("monthly_report")], ..story() },
        &[
            Act::BackupServer,
            create(1, 0),
            edit(1, 0, REVIEW, accepted),
            sync(1),
            sync(0),
            edit(0, 0, REVIEW, nothing),
            Act::RestoreServer { which: 0 },
        ],
    );
}

#[test]
fn what_is_written_above_a_number_that_a_copy_took_from_a_restored_server_stands_rather_than_is_lost() {
    holds(
        story(),
        &[
            Act::BackupServer,
            create(2, 0),
            Act::Clone { phone: 2, copy: 5 },
            edit(2, 0, PLACE, 0),
            sync(2),
            Act::RestoreServer { which: 0 },
            edit(5, 0, PLACE, 1),
            sync(5),
            create(2, 3),
            edit(2, 3, PLACE, 0),
            sync(2),
            edit(2, 3, PLACE, 1),
        ],
    );
}
