//! The limits of a version at their edge and the reading of its bytes: what is malformed, too large, too deep or ignored,
//! and that values come through unchanged. Types, required fields and scopes are `validation`.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sync_core::decision::read_version;
use sync_core::dots::Dot;
use sync_core::ids::{AccountId, RecordId, ReplicaId, VillageId};
use sync_core::limits::{
    CHANGES_MAX, CONTEXT_REPLICAS_MAX, KIND_CHARS_MAX, PATH_BYTES_MAX, SEQ_MAX, TIME_MS_MAX, VALUE_DEPTH_MAX,
    VERSION_BYTES_MAX,
};
use sync_core::record::Record;
use sync_core::time::Stamp;
use sync_core::validate::{RefusalCode, validate};
use sync_core::version::Version;
use uuid::Uuid;

fn replica(number: u128) -> ReplicaId {
    ReplicaId(Uuid::from_u128(number))
}

/// An edit in a village, by somebody who had seen the record, so that nothing is required.
fn edit(kind: &str, changes: &[(&str, Value)]) -> Version {
    Version {
        record: RecordId(Uuid::from_u128(5)),
        kind: kind.to_owned(),
        village: (kind != "checklist").then(|| VillageId(Uuid::from_u128(7))),
        dot: Dot { replica: replica(1), seq: 2 },
        context: [Dot { replica: replica(1), seq: 1 }].into_iter().collect(),
        stamp: Stamp { ms: 1_700_000_000_000, counter: 0 },
        author: AccountId(Uuid::from_u128(9)),
        changes: changes.iter().map(|(path, value)| ((*path).to_owned(), value.clone())).collect(),
    }
}

fn verdict(version: &Version) -> Option<RefusalCode> {
    validate(version).err().map(|refusal| refusal.code)
}

#[test]
fn paths_are_a_field_or_a_field_and_a_key() {
    let long = |bytes: usize| "p".repeat(bytes);
    let (invalid, large) = (Some(RefusalCode::PathInvalid), Some(RefusalCode::TooLarge));
    let table: Vec<(&str, String, Option<RefusalCode>)> = vec![
        ("hazard", String::new(), invalid),
        ("hazard", "/a".into(), invalid),
        ("hazard", "tomorrow/".into(), invalid),
        ("hazard", "to\nmorrow".into(), invalid),
        ("hazard", "tomorrow/\u{7}".into(), invalid),
        ("hazard", "description/a".into(), invalid),
        ("hazard", "void/a".into(), invalid),
        ("inspection", "inspectors".into(), invalid),
        ("inspection", "answers".into(), invalid),
        ("inspection", "inspectors/".into(), invalid),
        ("inspection", "inspectors/a/b".into(), None),
        ("inspection", "inspectors/王 安全".into(), None),
        ("hazard", long(PATH_BYTES_MAX), None),
        ("hazard", long(PATH_BYTES_MAX + 1), large),
        ("hazard", "字".repeat(PATH_BYTES_MAX / 3 + 1), large),
        ("a_kind_of_tomorrow", long(PATH_BYTES_MAX + 1), large),
        ("a_kind_of_tomorrow", "a/".into(), invalid),
    ];
    for (kind, path, expected) in table {
        assert_eq!(verdict(&edit(kind, &[(&path, json!(true))])), expected, "{kind} {path:?}");
    }
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, level| if level % 2 == 0 { json!([inner]) } else { json!({ "in": inner }) })
}

#[test]
fn values_nest_to_the_limit_and_no_deeper_whether_or_not_their_field_is_known() {
    let inside = |depth: usize| {
        [
            ("hazard", "tomorrow", nested(depth)),
            ("a_kind_of_tomorrow", "x", nested(depth)),
            ("hazard", "location", json!({"lat": 1, "lon": 1, "more": nested(depth - 1)})),
            ("checklist", "items", json!([{"code": "1", "text": "t", "more": nested(depth - 2)}])),
        ]
    };
    for (kind, path, value) in inside(VALUE_DEPTH_MAX) {
        assert_eq!(verdict(&edit(kind, &[(path, value)])), None, "{kind}.{path}");
    }
    for (kind, path, value) in inside(VALUE_DEPTH_MAX + 1) {
        assert_eq!(verdict(&edit(kind, &[(path, value)])), Some(RefusalCode::TooLarge), "{kind}.{path}");
    }
}

#[test]
fn limits_hold_at_exactly_their_maximum() {
    let changes = |count: usize| (0..count).map(|n| (format!("f{n}"), json!(n))).collect::<BTreeMap<_, _>>();
    let context = |count: usize| (0..count).map(|n| Dot { replica: replica(100 + n as u128), seq: 1 }).collect();
    let base = || edit("a_kind_of_tomorrow", &[]);
    let seen = |seq| [Dot { replica: replica(3), seq }].into_iter().collect();
    let dot = |seq| Dot { replica: replica(1), seq };
    let table: Vec<(&str, Version, Version, RefusalCode)> = vec![
        (
            "changes",
            Version { changes: changes(CHANGES_MAX), ..base() },
            Version { changes: changes(CHANGES_MAX + 1), ..base() },
            RefusalCode::TooLarge,
        ),
        (
            "context",
            Version { context: context(CONTEXT_REPLICAS_MAX), ..base() },
            Version { context: context(CONTEXT_REPLICAS_MAX + 1), ..base() },
            RefusalCode::TooLarge,
        ),
        (
            "kind",
            Version { kind: "类".repeat(KIND_CHARS_MAX), ..base() },
            Version { kind: "类".repeat(KIND_CHARS_MAX + 1), ..base() },
            RefusalCode::TooLarge,
        ),
        ("empty kind", base(), Version { kind: String::new(), ..base() }, RefusalCode::TooLarge),
        (
            "seq",
            Version { dot: dot(SEQ_MAX), ..base() },
            Version { dot: dot(SEQ_MAX + 1), ..base() },
            RefusalCode::FieldRange,
        ),
        (
            "first seq",
            Version { dot: dot(1), context: context(0), ..base() },
            Version { dot: dot(0), context: context(0), ..base() },
            RefusalCode::FieldRange,
        ),
        (
            "seq in context",
            Version { context: seen(SEQ_MAX), ..base() },
            Version { context: seen(SEQ_MAX + 1), ..base() },
            RefusalCode::FieldRange,
        ),
        (
            "stamp",
            Version { stamp: Stamp { ms: TIME_MS_MAX, counter: u32::MAX }, ..base() },
            Version { stamp: Stamp { ms: TIME_MS_MAX + 1, counter: 0 }, ..base() },
            RefusalCode::FieldRange,
        ),
        (
            "own past",
            Version { dot: dot(2), ..base() },
            Version { dot: dot(1), ..base() },
            RefusalCode::ContextImpossible,
        ),
    ];
    for (what, fits, exceeds, code) in table {
        assert_eq!(verdict(&fits), None, "{what}");
        assert_eq!(verdict(&exceeds), Some(code), "{what}");
    }
}

fn read(bytes: &str, dot: Dot) -> Option<RefusalCode> {
    read_version(bytes, dot).err().map(|refusal| refusal.code)
}

#[test]
fn what_is_not_a_version_is_malformed_and_never_panics() {
    let whole = serde_json::to_string(&edit("hazard", &[("level", json!("major"))])).unwrap();
    let dot = Dot { replica: replica(1), seq: 2 };
    assert_eq!(read(&whole, dot), None);
    for end in (0..whole.len()).filter(|end| whole.is_char_boundary(*end)) {
        assert_eq!(read(&whole[..end], dot), Some(RefusalCode::Malformed), "cut at {end}");
    }
    let broken = [
        String::new(),
        "null".into(),
        "[]".into(),
        "7".into(),
        "{}".into(),
        "{\"dot\":1e999}".into(),
        format!("{whole}{whole}"),
        whole.replace("\"changes\":{", "\"changes\":{\"funds\":1e999,"),
        whole.replace("\"seq\"", "\"seq"),
        whole.replacen('{', "{\"kind\":\"hazard\",", 1),
        whole.replace("\"context\":{", "\"context\":{\"x\":1,"),
        whole.replace(",2]", ",-2]"),
        whole.replace(",2]", ",2.5]"),
    ];
    for bytes in broken.iter().filter(|bytes| **bytes != whole) {
        assert_eq!(read(bytes, dot), Some(RefusalCode::Malformed), "{bytes}");
    }
}

#[test]
fn a_dot_other_than_its_place_in_the_batch_gives_is_refused() {
    let bytes = serde_json::to_string(&edit("hazard", &[])).unwrap();
    for wrong in [Dot { replica: replica(1), seq: 3 }, Dot { replica: replica(2), seq: 2 }] {
        assert_eq!(read(&bytes, wrong), Some(RefusalCode::DotMismatch));
    }
}

#[test]
fn a_version_has_at_most_its_limit_of_bytes() {
    let bytes = serde_json::to_string(&edit("hazard", &[])).unwrap();
    let padded = |length: usize| format!("{bytes}{}", " ".repeat(length - bytes.len()));
    let dot = Dot { replica: replica(1), seq: 2 };
    assert_eq!(read(&padded(VERSION_BYTES_MAX), dot), None);
    assert_eq!(read(&padded(VERSION_BYTES_MAX + 1), dot), Some(RefusalCode::TooLarge));
}

#[test]
fn nesting_without_end_is_malformed_and_does_not_overflow_the_stack() {
    let dot = Dot { replica: replica(1), seq: 2 };
    for open in ["[", "{\"a\":"] {
        let deep = open.repeat(VERSION_BYTES_MAX / open.len());
        assert_eq!(read(&deep, dot), Some(RefusalCode::Malformed));
        let whole = serde_json::to_string(&edit("a_kind_of_tomorrow", &[("x", json!(1))])).unwrap();
        let inside = whole.replace("\"x\":1", &format!("\"x\":{}", open.repeat(20_000 / open.len())));
        assert_eq!(read(&inside, dot), Some(RefusalCode::Malformed));
    }
    let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    let whole = serde_json::to_string(&edit("hazard", &[("location", json!(1))])).unwrap();
    let parsed = whole.replace("\"location\":1", &format!("\"location\":{{\"lat\":1,\"lon\":1,\"x\":{deep}}}"));
    assert_eq!(read(&parsed, dot), Some(RefusalCode::TooLarge), "parsed, but too deep to keep");
}

#[test]
fn members_that_this_build_does_not_know_are_ignored() {
    let version = edit("hazard", &[("level", json!("major"))]);
    let bytes = serde_json::to_string(&version).unwrap().replacen('{', "{\"device\":{\"battery\":[3]},", 1);
    assert_eq!(read_version(&bytes, version.dot), Ok(version));
}

#[test]
fn every_value_that_is_taken_survives_the_json_of_its_record_to_the_last_digit() {
    let values = [
        ("tomorrow", nested(VALUE_DEPTH_MAX)),
        (
            "location",
            json!({"lat": 27.503_400_036_137_57, "lon": 103.400_036_137_571_15, "accuracy_m": 4.899_999_618_530_273}),
        ),
        ("tomorrow/number", json!([u64::MAX, i64::MIN, 0.1, 1e300, -0.0])),
        ("description", json!("\u{0}\"\\</script>\u{2028}字𠀀")),
    ];
    for (path, value) in values {
        let version = edit("hazard", &[(path, value.clone())]);
        let bytes = serde_json::to_string(&version).unwrap();
        let read = read_version(&bytes, version.dot).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), bytes);
        let record = Record::delta(&read);
        let back = Record::from_json(&record.to_json()).unwrap();
        assert_eq!(back, record);
        assert_eq!(back.shown(path).unwrap().sibling.value.to_string(), value.to_string());
    }
}

#[test]
fn members_of_a_value_are_written_in_one_order_on_every_platform() {
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap().to_string();
    assert_eq!(read(r#"{"lon":2,"lat":1}"#), read(r#"{"lat":1,"lon":2}"#));
}

#[test]
fn a_damaged_state_that_calls_a_version_ahead_which_it_contains_is_read_without_it() {
    let id = |number: u128| Uuid::from_u128(number).to_string();
    let state = |ahead: Value| {
        let state = json!({
            "id": id(5), "kind": "hazard", "village": id(7), "replicas": [id(1)], "authors": [], "seen": [18], "ahead": ahead,
            "versions": [], "fields": {},
        });
        Record::from_json(&state.to_string()).unwrap()
    };
    let seen = |ahead| -> Value { serde_json::from_str(&state(ahead).to_json()).unwrap() };
    // Covered; covered, and after one that is later than itself; reached, whatever is between.
    for (ahead, prefix) in [(json!([[0, 12, 10]]), 18), (json!([[0, 12, 20]]), 18), (json!([[0, 25, 18]]), 25)] {
        let written = seen(ahead.clone());
        assert_eq!((&written["seen"], written.get("ahead")), (&json!([prefix]), None), "{ahead}");
        let mut twice = state(ahead.clone());
        twice.join(&state(ahead.clone()));
        assert_eq!(twice, state(ahead));
    }
    assert_eq!(seen(json!([[0, 25, 20]]))["ahead"], json!([[0, 25, 20]]), "what waits for its predecessor waits on");
}
