//! What the server decides about a version: its number, who may write it, what it merges into and what it leaves open.
//! What a version must look like is `validation`.

use serde_json::{Value, json};
use sync_core::decision::{Judgement, Numbering, judge, number};
use sync_core::dots::{Dot, VersionVector};
use sync_core::ids::{AccountId, RecordId, ReplicaId, VillageId};
use sync_core::people::{Caller, Role};
use sync_core::protocol::Verdict;
use sync_core::record::Record;
use sync_core::rules::Voiding;
use sync_core::time::Stamp;
use sync_core::validate::RefusalCode;
use sync_core::version::{Fingerprint, Version};
use uuid::Uuid;

const RECEIVED_MS: u64 = 1_700_000_000_000;

fn village(number: u128) -> VillageId {
    VillageId(Uuid::from_u128(0x70 + number))
}

fn caller(number: u128, role: Role, villages: &[u128]) -> Caller {
    Caller {
        account: AccountId(Uuid::from_u128(0x900 + number)),
        role,
        villages: villages.iter().map(|number| village(*number)).collect(),
    }
}

fn inspector(number: u128) -> Caller {
    caller(number, Role::Inspector, &[1])
}

fn supervisor() -> Caller {
    caller(99, Role::Supervisor, &[])
}

/// The `seq`-th write of a replica, on top of what is seen of a hazard of village 1.
fn write(who: &Caller, replica: u128, seq: u64, seen: Option<&Record>, changes: &[(&str, Value)]) -> Version {
    Version {
        record: RecordId(Uuid::from_u128(5)),
        kind: "hazard".to_owned(),
        village: Some(village(1)),
        dot: Dot { replica: ReplicaId(Uuid::from_u128(replica)), seq },
        context: seen.map(|record| record.seen.context().clone()).unwrap_or_default(),
        stamp: Stamp { ms: RECEIVED_MS - 1_000 + seq, counter: 0 },
        author: who.account,
        changes: changes.iter().map(|(path, value)| ((*path).to_owned(), value.clone())).collect(),
    }
}

fn merged(judgement: Judgement) -> (Record, Vec<String>) {
    match judgement {
        Judgement::Merged { record, conflicts } => (record, conflicts),
        Judgement::Quarantined(refusal) => panic!("refused: {refusal:?}"),
    }
}

fn refused(version: &Version, who: &Caller, standing: Option<&Record>) -> (RefusalCode, Option<String>) {
    let judgement = judge(version, who, standing.cloned(), RECEIVED_MS);
    let outcome = judgement.outcome(version.dot.seq);
    assert_eq!((outcome.verdict, outcome.seq, outcome.conflicts.len()), (Verdict::Quarantined, version.dot.seq, 0));
    match judgement {
        Judgement::Quarantined(refusal) => {
            assert_eq!(outcome.refusal.as_ref(), Some(&refusal));
            (refusal.code, refusal.field)
        }
        Judgement::Merged { .. } => panic!("merged"),
    }
}

fn take(standing: Option<Record>, who: &Caller, version: &Version) -> (Record, Vec<String>) {
    merged(judge(version, who, standing, RECEIVED_MS))
}

/// A hazard on whose description two inspectors disagree.
fn contested() -> Record {
    let (record, _) = take(None, &inspector(1), &write(&inspector(1), 1, 1, None, &[("description", json!("one"))]));
    take(Some(record), &inspector(2), &write(&inspector(2), 2, 1, None, &[("description", json!("two"))])).0
}

#[test]
fn a_number_is_next_a_repeat_a_fork_or_after_a_gap() {
    let [same, other] = [b"same", b"othr"].map(|bytes| Fingerprint::of(bytes));
    let table = [
        ((0, 1, None), Numbering::Next),
        ((7, 8, None), Numbering::Next),
        ((7, 7, Some(same)), Numbering::Repeat),
        ((7, 1, Some(same)), Numbering::Repeat),
        ((7, 7, Some(other)), Numbering::Forked),
        ((7, 1, Some(other)), Numbering::Forked),
        ((7, 3, None), Numbering::Forked),
        ((7, 0, None), Numbering::Forked),
        ((0, 2, None), Numbering::Gap { expected: 1 }),
        ((7, 9, None), Numbering::Gap { expected: 8 }),
        ((7, u64::MAX, Some(same)), Numbering::Gap { expected: 8 }),
    ];
    for ((highest, seq, taken), expected) in table {
        assert_eq!(number(highest, seq, taken, same), expected, "{seq} after {highest}, {taken:?}");
    }
}

#[test]
fn a_first_version_creates_the_record_and_a_later_one_joins_it() {
    let first = write(&inspector(1), 1, 1, None, &[("description", json!("one")), ("level", json!("general"))]);
    let (record, conflicts) = take(None, &inspector(1), &first);
    assert_eq!(judge(&first, &inspector(1), None, RECEIVED_MS).outcome(1).verdict, Verdict::Merged);
    assert!(conflicts.is_empty());
    let second = write(&inspector(2), 2, 4, Some(&record), &[("level", json!("major"))]);
    let (record, conflicts) = take(Some(record), &inspector(2), &second);
    assert!(conflicts.is_empty());
    assert_eq!((record.text("description"), record.text("level")), (Some("one"), Some("major")));
    assert_eq!(record.siblings("level").count(), 1, "what it had seen is overwritten");
}

#[test]
fn versions_are_quarantined_for_who_sent_them_with_a_code_and_a_field() {
    let base = || write(&inspector(1), 1, 1, None, &[("description", json!("one"))]);
    let forged = Version { author: supervisor().account, ..base() };
    let foreign = Version { village: Some(village(2)), ..base() };
    let township = Version { village: None, kind: "a_kind_of_tomorrow".to_owned(), ..base() };
    let table = [
        (forged, inspector(1), RefusalCode::AuthorMismatch, None),
        (foreign, inspector(1), RefusalCode::OutOfScope, None),
        (township, inspector(1), RefusalCode::OutOfScope, None),
        (base(), caller(1, Role::Inspector, &[]), RefusalCode::OutOfScope, None),
        (base(), caller(1, Role::Leader, &[]), RefusalCode::NotPermitted, Some("description")),
        (base(), caller(1, Role::Admin, &[]), RefusalCode::NotPermitted, Some("description")),
        (
            write(&inspector(1), 1, 1, None, &[("void", json!("twice"))]),
            inspector(1),
            RefusalCode::NotPermitted,
            Some("void"),
        ),
        (Version { kind: "order".to_owned(), ..base() }, inspector(1), RefusalCode::NotPermitted, Some("description")),
    ];
    for (version, who, code, field) in table {
        assert_eq!(refused(&version, &who, None), (code, field.map(str::to_owned)), "{who:?}");
    }
    let both = Version { author: supervisor().account, ..base() };
    assert!(
        matches!(judge(&both, &supervisor(), None, RECEIVED_MS), Judgement::Merged { .. }),
        "the supervisor himself"
    );
}

#[test]
fn an_inspector_does_not_claim_the_townships_authority() {
    let claim = |who: &Caller| Version {
        kind: "reinspection".to_owned(),
        ..write(who, 1, 1, None, &[("authority", json!("township")), ("result", json!("passed"))])
    };
    let refusal = refused(&claim(&inspector(1)), &inspector(1), None);
    assert_eq!(refusal, (RefusalCode::NotPermitted, Some("authority".to_owned())));
    for role in [Role::Supervisor, Role::Leader] {
        let who = caller(3, role, &[]);
        assert_eq!(merged(judge(&claim(&who), &who, None, RECEIVED_MS)).0.text("authority"), Some("township"));
    }
}

#[test]
fn a_version_of_another_kind_or_village_than_its_record_is_quarantined() {
    let record = contested();
    let kind = Version { kind: "rectification".to_owned(), ..write(&inspector(1), 1, 2, None, &[]) };
    assert_eq!(refused(&kind, &inspector(1), Some(&record)).0, RefusalCode::KindMismatch);
    let village = Version { village: Some(village(2)), ..write(&inspector(1), 1, 2, None, &[]) };
    let of_both = caller(1, Role::Inspector, &[1, 2]);
    assert_eq!(refused(&village, &of_both, Some(&record)).0, RefusalCode::VillageMismatch);
    assert_eq!(
        refused(&village, &Caller { role: Role::Supervisor, ..of_both }, Some(&record)).0,
        RefusalCode::VillageMismatch
    );
}

#[test]
fn a_conflict_names_exactly_the_touched_paths_that_are_contested() {
    let record = contested();
    let touched: &[(&str, Value)] = &[
        ("level", json!("major")),
        ("place", json!("north gate")),
        ("location", json!({"lat": 1, "lon": 1})),
        ("inspection", json!("018f3c2e-7a10-7000-8000-00000000abcd")),
    ];
    let (record, conflicts) = take(Some(record), &inspector(1), &write(&inspector(1), 3, 1, None, touched));
    assert!(conflicts.is_empty(), "the description is contested, but it was not touched: {conflicts:?}");
    let against: &[(&str, Value)] = &[
        ("level", json!("general")),
        ("place", json!("north gate")),
        ("location", json!({"lat": 2, "lon": 2})),
        ("funds", json!(7)),
    ];
    let version = write(&inspector(2), 4, 1, None, against);
    let judgement = judge(&version, &inspector(2), Some(record), RECEIVED_MS);
    assert_eq!(judgement.outcome(1).verdict, Verdict::Conflict);
    let (record, conflicts) = merged(judgement);
    assert_eq!(conflicts, ["level"], "the same place is none, a position is not reviewed, funds stand alone");
    assert_eq!(record.conflicts().collect::<Vec<_>>(), ["description", "level"]);
}

#[test]
fn an_inspector_who_would_settle_a_conflict_is_refused_and_nothing_of_the_record_moves() {
    let record = contested();
    let settles = write(&inspector(1), 1, 2, Some(&record), &[("description", json!("three")), ("funds", json!(7))]);
    let refusal = refused(&settles, &inspector(1), Some(&record));
    assert_eq!(refusal, (RefusalCode::SupervisorDecides, Some("description".to_owned())));
    let same = write(&inspector(1), 1, 2, Some(&record), &[("description", json!("two"))]);
    assert_eq!(
        refused(&same, &inspector(1), Some(&record)).0,
        RefusalCode::SupervisorDecides,
        "nor by repeating one side"
    );
}

#[test]
fn an_inspectors_edit_of_an_uncontested_field_of_a_contested_record_merges() {
    let record = contested();
    let version = write(&inspector(1), 1, 2, Some(&record), &[("funds", json!(7))]);
    let (record, conflicts) = take(Some(record), &inspector(1), &version);
    assert!(conflicts.is_empty());
    assert_eq!(record.value("funds"), Some(&json!(7)));
    assert_eq!(record.siblings("description").count(), 2, "the conflict stays open");
}

#[test]
fn an_inspector_may_correct_his_own_side_of_a_conflict_that_he_has_not_seen() {
    let record = contested();
    let own = take(None, &inspector(1), &write(&inspector(1), 1, 1, None, &[("description", json!("one"))])).0;
    let version = write(&inspector(1), 1, 2, Some(&own), &[("description", json!("one, corrected"))]);
    let (record, conflicts) = take(Some(record), &inspector(1), &version);
    assert_eq!(conflicts, ["description"]);
    assert_eq!(record.siblings("description").count(), 2);
}

#[test]
fn two_equal_values_are_overwritten_by_anybody() {
    let (record, _) = take(None, &inspector(1), &write(&inspector(1), 1, 1, None, &[("description", json!("one"))]));
    let again = write(&inspector(2), 2, 1, None, &[("description", json!("one"))]);
    let (record, conflicts) = take(Some(record), &inspector(2), &again);
    assert!(conflicts.is_empty());
    let (record, _) = take(
        Some(record.clone()),
        &inspector(2),
        &write(&inspector(2), 2, 2, Some(&record), &[("description", json!("two"))]),
    );
    assert_eq!(record.siblings("description").count(), 1);
}

#[test]
fn a_supervisors_resolution_merges_and_settles() {
    let record = contested();
    let version = write(&supervisor(), 9, 1, Some(&record), &[("description", json!("two"))]);
    let (record, conflicts) = take(Some(record), &supervisor(), &version);
    assert!(conflicts.is_empty());
    assert_eq!((record.text("description"), record.conflicts().count()), (Some("two"), 0));
}

#[test]
fn a_resolution_that_had_not_seen_a_later_side_leaves_it_open() {
    let record = contested();
    let seen = record.clone();
    let (record, _) =
        take(Some(record), &inspector(3), &write(&inspector(3), 3, 1, None, &[("description", json!("three"))]));
    let resolution = write(&supervisor(), 9, 1, Some(&seen), &[("description", json!("two"))]);
    let (record, conflicts) = take(Some(record), &supervisor(), &resolution);
    assert_eq!(conflicts, ["description"]);
    assert_eq!(record.siblings("description").count(), 2);
}

/// A position written by a phone set to the year 2036, received at `RECEIVED_MS`.
fn from_2036() -> (Version, Record) {
    let mut wrong = write(&inspector(1), 1, 1, None, &[("location", json!({"lat": 36, "lon": 36}))]);
    wrong.stamp = Stamp { ms: 2_100_000_000_000, counter: 5 };
    let record = take(None, &inspector(1), &wrong).0;
    (wrong, record)
}

#[test]
fn a_stamp_from_2036_is_kept_as_the_time_of_receipt() {
    let (wrong, record) = from_2036();
    assert_eq!(record.siblings("location").next().unwrap().authorship.stamp, Stamp { ms: RECEIVED_MS, counter: 0 });
    assert_eq!(wrong.stamp.ms, 2_100_000_000_000, "the version itself keeps what its author wrote");
}

#[test]
fn an_honest_edit_made_after_the_receipt_is_shown_over_one_from_2036_and_one_made_before_is_not() {
    for (made_ms, shown) in [(RECEIVED_MS + 1, 24), (RECEIVED_MS - 1, 36)] {
        let (_, record) = from_2036();
        let mut honest = write(&inspector(2), 2, 1, None, &[("location", json!({"lat": 24, "lon": 24}))]);
        honest.stamp = Stamp { ms: made_ms, counter: 0 };
        let (record, _) = merged(judge(&honest, &inspector(2), Some(record), RECEIVED_MS + 60_000));
        assert_eq!(record.siblings("location").count(), 2, "neither had seen the other: both stay");
        assert_eq!(record.value("location").unwrap()["lat"], json!(shown), "made at {made_ms}");
    }
}

#[test]
fn an_honest_edit_that_has_seen_the_one_from_2036_replaces_it_whatever_the_clocks_say() {
    let (_, record) = from_2036();
    let mut honest = write(&inspector(2), 2, 1, Some(&record), &[("location", json!({"lat": 24, "lon": 24}))]);
    honest.stamp = Stamp { ms: 1, counter: 0 };
    let (record, _) = take(Some(record), &inspector(2), &honest);
    assert_eq!(record.siblings("location").count(), 1);
    assert_eq!(record.value("location").unwrap()["lat"], json!(24));
}

#[test]
fn an_edit_of_a_record_whose_creation_was_quarantined_merges() {
    let edit = Version {
        context: [Dot { replica: ReplicaId(Uuid::from_u128(1)), seq: 1 }].into_iter().collect(),
        ..write(&inspector(1), 1, 2, None, &[("funds", json!(7))])
    };
    let (record, _) = take(None, &inspector(1), &edit);
    assert_eq!(record.value("funds"), Some(&json!(7)));
    assert!(!record.seen.has_gap(), "the number of the quarantined creation is consumed: nothing is awaited");
    assert_eq!(record.seen.context().get(edit.dot.replica), 2);
}

#[test]
fn a_voiding_holds_though_a_number_of_the_record_was_quarantined() {
    let first = write(&inspector(1), 1, 1, None, &[("description", json!("one"))]);
    let (record, _) = take(None, &inspector(1), &first);
    let mut third = write(&inspector(1), 1, 3, None, &[("funds", json!(7))]);
    third.context = [Dot { replica: third.dot.replica, seq: 2 }].into_iter().collect();
    let (record, _) = take(Some(record), &inspector(1), &third);
    let void = write(&supervisor(), 9, 1, Some(&record), &[("void", json!("entered twice"))]);
    let (record, _) = take(Some(record), &supervisor(), &void);
    assert_eq!(record.voiding(), Voiding::Voided("entered twice".to_owned()));
}

#[test]
fn a_record_of_tomorrows_kind_is_merged_and_read_back_whole() {
    let value = json!({"deep": [1, {"字": null}]});
    let version = Version {
        kind: "a_kind_of_tomorrow".to_owned(),
        ..write(&inspector(1), 1, 1, None, &[("x", value.clone()), ("y/1", json!(false))])
    };
    let (record, _) = take(None, &inspector(1), &version);
    let back = Record::from_json(&record.to_json()).unwrap();
    assert_eq!(back.value("x"), Some(&value));
    assert_eq!(back.kind, "a_kind_of_tomorrow");
    assert_eq!(back, record);
}

#[test]
fn an_edit_without_changes_is_merged_and_remembered_as_seen() {
    let (record, conflicts) = take(Some(contested()), &inspector(1), &write(&inspector(1), 1, 2, None, &[]));
    assert!(conflicts.is_empty());
    assert_eq!(record.seen.context().get(ReplicaId(Uuid::from_u128(1))), 2);
    assert_eq!(record.standing_versions().count(), 2, "and leaves no authorship behind");
    let nothing = VersionVector::new();
    assert!(record.seen.context().dominates(&nothing) && !nothing.dominates(record.seen.context()));
}

#[test]
fn only_a_supervisor_takes_down_a_level_that_was_reported_as_major() {
    let who = inspector(1);
    let found = |level: &str| {
        let changes = [("sector", json!("fire")), ("level", json!(level)), ("description", json!("x"))];
        let rest = [("found_at", json!(1)), ("found_by", json!("y"))];
        let created = write(&who, 1, 1, None, &[changes.as_slice(), rest.as_slice()].concat());
        merged(judge(&created, &who, None, RECEIVED_MS)).0
    };
    let (major, general) = (found("major"), found("general"));
    for safer in [json!("general"), Value::Null] {
        let lowering = write(&who, 1, 2, Some(&major), &[("level", safer)]);
        let expected = (RefusalCode::SupervisorDecides, Some("level".to_owned()));
        assert_eq!(refused(&lowering, &who, Some(&major)), expected);
    }
    let mut unseen = write(&who, 1, 2, None, &[("level", json!("general"))]);
    unseen.context.raise(Dot { replica: ReplicaId(Uuid::from_u128(7)), seq: 1 });
    let expected = (RefusalCode::SupervisorDecides, Some("level".to_owned()));
    assert_eq!(
        refused(&unseen, &who, Some(&major)),
        expected,
        "a replica's own write is replaced whatever it claims to have seen"
    );
    let raising = write(&who, 1, 2, Some(&general), &[("level", json!("major"))]);
    assert_eq!(merged(judge(&raising, &who, Some(general), RECEIVED_MS)).0.text("level"), Some("major"));
    let office = supervisor();
    let lowering = write(&office, 9, 1, Some(&major), &[("level", json!("general"))]);
    assert_eq!(merged(judge(&lowering, &office, Some(major), RECEIVED_MS)).0.text("level"), Some("general"));
}

#[test]
fn an_own_value_and_one_that_was_seen_are_two_that_a_supervisor_decides_between() {
    let mut choosing = write(&inspector(1), 1, 2, None, &[("description", json!("three"))]);
    choosing.context.raise(Dot { replica: ReplicaId(Uuid::from_u128(2)), seq: 1 });
    let expected = (RefusalCode::SupervisorDecides, Some("description".to_owned()));
    assert_eq!(refused(&choosing, &inspector(1), Some(&contested())), expected);
}

#[test]
fn an_inspector_does_not_take_back_that_the_township_found_a_hazard_unmended() {
    let reinspection = |who: &Caller, replica, seen: Option<&Record>, changes: &[(&str, Value)]| Version {
        kind: "reinspection".to_owned(),
        ..write(who, replica, 1, seen, changes)
    };
    let found = |authority: &str| {
        let about = json!(RecordId(Uuid::from_u128(0x11)));
        let said = [("hazard", about), ("at", json!(1)), ("by", json!("x")), ("result", json!("not_passed"))];
        let made = [said.as_slice(), &[("authority", json!(authority))]].concat();
        take(None, &supervisor(), &reinspection(&supervisor(), 9, None, &made)).0
    };
    let failed = found("township");
    let elsewhere = json!(RecordId(Uuid::from_u128(0x12)));
    for (path, value) in [("result", json!("passed")), ("hazard", elsewhere.clone())] {
        let edit = |who: &Caller| reinspection(who, 1, Some(&failed), &[(path, value.clone())]);
        let expected = (RefusalCode::SupervisorDecides, Some(path.to_owned()));
        assert_eq!(refused(&edit(&inspector(1)), &inspector(1), Some(&failed)), expected);
        for who in [supervisor(), caller(7, Role::Leader, &[])] {
            take(Some(failed.clone()), &who, &edit(&who));
        }
        let of_the_village = found("village");
        let own = reinspection(&inspector(1), 1, Some(&of_the_village), &[(path, value)]);
        take(Some(of_the_village), &inspector(1), &own);
    }
    for harmless in [("remark", json!("rain")), ("result", json!("not_passed"))] {
        let edit = reinspection(&inspector(1), 1, Some(&failed), &[harmless]);
        take(Some(failed.clone()), &inspector(1), &edit);
    }
    // Who had not seen it takes nothing away.
    let beside = reinspection(&inspector(1), 1, None, &[("result", json!("passed"))]);
    let mut beside = beside;
    beside.context.raise(Dot { replica: ReplicaId(Uuid::from_u128(7)), seq: 1 });
    let (both, conflicts) = take(Some(failed), &inspector(1), &beside);
    assert_eq!((both.text("result"), conflicts), (Some("not_passed"), vec!["result".to_owned()]));
}

#[test]
fn a_context_counts_only_as_far_as_the_server_holds_the_record() {
    let (found, _) = take(None, &inspector(1), &write(&inspector(1), 1, 3, None, &[("level", json!("general"))]));
    let mut hostile =
        write(&inspector(2), 2, 5, Some(&found), &[("level", json!("general")), ("place", json!("gate"))]);
    hostile.context.raise(Dot { replica: ReplicaId(Uuid::from_u128(1)), seq: 1_000_000 });
    hostile.context.raise(Dot { replica: ReplicaId(Uuid::from_u128(7)), seq: 1_000_000 });
    hostile.context.raise(Dot { replica: ReplicaId(Uuid::from_u128(2)), seq: 4 });
    let (claimed, _) = take(Some(found.clone()), &inspector(2), &hostile);
    let own = Dot { replica: ReplicaId(Uuid::from_u128(2)), seq: 4 };
    let honest: VersionVector = found.seen.context().iter().chain([own]).collect();
    assert_eq!(claimed.siblings("place").next().unwrap().authorship.context, honest);
    // Nobody had asked for a creation here: what it claims of others is nothing.
    let (alone, _) = take(None, &inspector(2), &hostile);
    assert_eq!(alone.siblings("place").next().unwrap().authorship.context, [own].into_iter().collect());

    let later = write(&inspector(1), 1, 9, Some(&found), &[("level", json!("major"))]);
    let (both, conflicts) = take(Some(claimed), &inspector(1), &later);
    assert_eq!(both.text("level"), Some("major"), "what comes later is not hidden by a claim to have seen it");
    assert_eq!(conflicts, ["level"]);
}
