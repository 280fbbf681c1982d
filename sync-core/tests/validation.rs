//! What a version must look like: values of every type, required fields, scopes, limits at their edge, and the reading of
//! bytes. Who may write it is `decision` and the table in `permissions`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    missing_docs,
    reason = "tests"
)]

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sync_core::decision::read_version;
use sync_core::dots::Dot;
use sync_core::ids::{AccountId, RecordId, ReplicaId, VillageId};
use sync_core::kinds::KINDS;
use sync_core::limits::{
    CHANGES_MAX, CONTEXT_REPLICAS_MAX, KIND_CHARS_MAX, PATH_BYTES_MAX, PHOTO_BYTES_MAX, SEQ_MAX, TIME_MS_MAX,
    VALUE_DEPTH_MAX, VERSION_BYTES_MAX,
};
use sync_core::record::Record;
use sync_core::schema::{FieldType, Kind, Scope};
use sync_core::time::Stamp;
use sync_core::validate::{RefusalCode, validate};
use sync_core::version::Version;
use uuid::Uuid;

const ID: &str = "018f3c2e-7a10-7000-8000-00000000abcd";

fn replica(number: u128) -> ReplicaId {
    ReplicaId(Uuid::from_u128(number))
}

/// An edit, by somebody who had seen the record, so that nothing is required.
fn edit(kind: &str, changes: &[(&str, Value)]) -> Version {
    let in_village = KINDS.iter().find(|known| known.name == kind).is_none_or(|kind| kind.scope != Scope::Township);
    Version {
        record: RecordId(Uuid::from_u128(5)),
        kind: kind.to_owned(),
        village: in_village.then(|| VillageId(Uuid::from_u128(7))),
        dot: Dot { replica: replica(1), seq: 2 },
        context: [Dot { replica: replica(1), seq: 1 }].into_iter().collect(),
        stamp: Stamp { ms: 1_700_000_000_000, counter: 0 },
        author: AccountId(Uuid::from_u128(9)),
        changes: changes.iter().map(|(path, value)| ((*path).to_owned(), value.clone())).collect(),
    }
}

fn creation(kind: &str, changes: BTreeMap<String, Value>) -> Version {
    Version { context: sync_core::dots::VersionVector::new(), changes, ..edit(kind, &[]) }
}

fn verdict(version: &Version) -> Option<RefusalCode> {
    validate(version).err().map(|refusal| refusal.code)
}

/// A value that the type takes, with the path under which it stands.
fn good(name: &str, ty: FieldType) -> (String, Value) {
    let value = match ty {
        FieldType::Text(_) => json!("村委会"),
        FieldType::Integer(min, _) => json!(min),
        FieldType::Boolean => json!(false),
        FieldType::Date => json!("2024-02-29"),
        FieldType::Time => json!(1_700_000_000_000_u64),
        FieldType::Choice(words) => json!(words[0]),
        FieldType::Reference(_) | FieldType::AnyReference => json!(ID),
        FieldType::KindName => json!("hazard"),
        FieldType::Location => json!({"lat": 27.5, "lon": 109.25}),
        FieldType::Hash => json!("0f".repeat(32)),
        FieldType::ChecklistItems => json!([{"code": "1.1", "text": "通道畅通"}]),
        FieldType::Set => return (format!("{name}/{ID}"), json!(true)),
        FieldType::Map(inner) => return (format!("{name}/1.1"), good(name, *inner).1),
    };
    (name.to_owned(), value)
}

fn complete(kind: &Kind) -> BTreeMap<String, Value> {
    kind.fields.iter().map(|field| good(field.name, field.ty)).collect()
}

#[test]
fn each_type_takes_its_good_values_and_refuses_the_others_with_a_code_and_the_field() {
    let (ty, range) = (RefusalCode::FieldType, RefusalCode::FieldRange);
    let location = |lat: Value, lon: Value| json!({"lat": lat, "lon": lon});
    let table: Vec<(&str, &str, Vec<Value>, Vec<(Value, RefusalCode)>)> = vec![
        (
            "hazard",
            "found_by",
            vec![json!("李"), json!("字".repeat(60))],
            vec![
                (json!(""), range),
                (json!("字".repeat(61)), range),
                (json!(1), ty),
                (json!(["李"]), ty),
                (json!({}), ty),
            ],
        ),
        (
            "hazard",
            "funds",
            vec![json!(0), json!(1_000_000_000_000_u64)],
            vec![
                (json!(-1), range),
                (json!(1_000_000_000_001_u64), range),
                (json!(1.5), ty),
                (json!(2.0), ty),
                (json!(u64::MAX), ty),
                (json!("7"), ty),
                (json!(true), ty),
            ],
        ),
        (
            "photo",
            "bytes",
            vec![json!(1), json!(PHOTO_BYTES_MAX)],
            vec![(json!(0), range), (json!(PHOTO_BYTES_MAX + 1), range)],
        ),
        ("site", "warning_signs", vec![json!(true), json!(false)], vec![(json!("true"), ty), (json!(1), ty)]),
        (
            "hazard",
            "deadline",
            vec![json!("2024-02-29"), json!("0001-01-01"), json!("9999-12-31")],
            vec![
                (json!("2023-02-29"), range),
                (json!("2024-2-9"), range),
                (json!("20240229"), range),
                (json!(""), range),
                (json!("2024-02-29T00:00"), range),
                (json!("-002024-01-01"), range),
                (json!(20_240_229), ty),
            ],
        ),
        (
            "hazard",
            "found_at",
            vec![json!(0), json!(TIME_MS_MAX)],
            vec![(json!(TIME_MS_MAX + 1), range), (json!(-1), range), (json!(1.5), range), (json!("2024-02-29"), ty)],
        ),
        (
            "hazard",
            "level",
            vec![json!("general"), json!("major")],
            vec![(json!("Major"), range), (json!(""), range), (json!("重大"), range), (json!(1), ty)],
        ),
        (
            "hazard",
            "site",
            vec![json!(ID)],
            vec![
                (json!(ID.to_uppercase()), range),
                (json!(ID.replace('-', "")), range),
                (json!(format!("{{{ID}}}")), range),
                (json!("the school"), range),
                (json!(5), ty),
            ],
        ),
        ("photo", "subject", vec![json!(ID)], vec![(json!("hazard"), range), (json!(null_object()), ty)]),
        (
            "photo",
            "subject_kind",
            vec![json!("hazard"), json!("a_kind_of_tomorrow"), json!("k".repeat(KIND_CHARS_MAX))],
            vec![(json!(""), range), (json!("k".repeat(KIND_CHARS_MAX + 1)), range), (json!(3), ty)],
        ),
        (
            "hazard",
            "location",
            vec![
                location(json!(90), json!(180)),
                location(json!(-90.0), json!(-180.0)),
                json!({"lat": 27.5, "lon": 109.2, "accuracy_m": 0}),
                json!({"lat": 27.5, "lon": 109.2, "accuracy_m": null}),
                json!({"lat": 27.5, "lon": 109.2, "datum": "wgs84"}),
            ],
            vec![
                (location(json!(90.000_001), json!(0)), range),
                (location(json!(0), json!(-180.1)), range),
                (location(json!("27"), json!(0)), range),
                (json!({"lat": 1}), range),
                (json!({}), range),
                (json!({"lat": 1, "lon": 1, "accuracy_m": -1}), range),
                (json!({"lat": 1, "lon": 1, "accuracy_m": "5"}), range),
                (json!([27.5, 109.2]), ty),
                (json!("27.5,109.2"), ty),
            ],
        ),
        (
            "photo",
            "hash",
            vec![json!("0123456789abcdef".repeat(4))],
            vec![
                (json!("0123456789ABCDEF".repeat(4)), range),
                (json!("0".repeat(63)), range),
                (json!("0".repeat(65)), range),
                (json!("g".repeat(64)), range),
                (json!(0), ty),
            ],
        ),
        (
            "checklist",
            "items",
            vec![json!([]), json!([{"code": "1", "text": "通道", "basis": "消防法"}])],
            vec![
                (json!([{"code": "1"}]), range),
                (json!([{"code": "", "text": "通道"}]), range),
                (json!([7]), range),
                (json!({"code": "1", "text": "通道"}), ty),
            ],
        ),
        ("inspection", "inspectors/王安全", vec![json!(true), json!(false)], vec![(json!("true"), ty), (json!(1), ty)]),
        (
            "inspection",
            "answers/1.1",
            vec![json!("pass"), json!("not_applicable")],
            vec![(json!("yes"), range), (json!(true), ty)],
        ),
        (
            "inspection",
            "notes/1.1",
            vec![json!("字".repeat(500))],
            vec![(json!("字".repeat(501)), range), (json!(0), ty)],
        ),
        (
            "hazard",
            "void",
            vec![json!("重复录入"), json!("字".repeat(500))],
            vec![(json!(""), range), (json!("字".repeat(501)), range), (json!(true), ty)],
        ),
    ];
    for (kind, path, taken, refused) in table {
        for value in taken.into_iter().chain([Value::Null]) {
            assert_eq!(validate(&edit(kind, &[(path, value.clone())])), Ok(()), "{kind}.{path} = {value}");
        }
        for (value, code) in refused {
            let refusal =
                validate(&edit(kind, &[(path, value.clone())])).expect_err(&format!("{kind}.{path} = {value}"));
            assert_eq!((refusal.code, refusal.field.as_deref()), (code, Some(path)), "{kind}.{path} = {value}");
            assert!(!refusal.detail.is_empty());
        }
    }
}

fn null_object() -> Value {
    json!({"id": null})
}

#[test]
fn a_complete_record_of_every_kind_is_taken_and_each_required_field_is_missed() {
    for kind in KINDS {
        let all = complete(kind);
        assert_eq!(validate(&creation(kind.name, all.clone())), Ok(()), "{}", kind.name);
        for field in kind.fields.iter().filter(|field| field.required) {
            let path = good(field.name, field.ty).0;
            let mut without = all.clone();
            without.remove(&path);
            let mut cleared = all.clone();
            cleared.insert(path, Value::Null);
            for changes in [without, cleared] {
                let refusal = validate(&creation(kind.name, changes)).unwrap_err();
                assert_eq!(refusal.code, RefusalCode::FieldRequired, "{}.{}", kind.name, field.name);
                assert_eq!(refusal.field.as_deref(), Some(field.name));
            }
        }
        let only_required = kind
            .fields
            .iter()
            .filter(|field| field.required || kind.one_of.iter().any(|group| group.first() == Some(&field.name)));
        let changes = only_required.map(|field| good(field.name, field.ty)).collect();
        assert_eq!(validate(&creation(kind.name, changes)), Ok(()), "{}: nothing else is required", kind.name);
        assert_eq!(validate(&edit(kind.name, &[])), Ok(()), "{}: an edit requires nothing", kind.name);
    }
}

#[test]
fn a_required_set_needs_a_member_that_is_in_it() {
    let inspection = KINDS.iter().find(|kind| kind.name == "inspection").unwrap();
    let mut changes = complete(inspection);
    changes.insert(format!("inspectors/{ID}"), json!(false));
    assert_eq!(verdict(&creation("inspection", changes.clone())), Some(RefusalCode::FieldRequired));
    changes.insert("inspectors/王安全".to_owned(), json!(true));
    assert_eq!(verdict(&creation("inspection", changes)), None);
}

#[test]
fn an_inspection_names_a_site_or_a_free_place() {
    let inspection = KINDS.iter().find(|kind| kind.name == "inspection").unwrap();
    for (site, place, expected) in
        [(true, true, None), (true, false, None), (false, true, None), (false, false, Some(RefusalCode::FieldRequired))]
    {
        let mut changes = complete(inspection);
        changes.retain(|path, _| (path != "site" || site) && (path != "place" || place));
        assert_eq!(verdict(&creation("inspection", changes)), expected, "site {site}, place {place}");
    }
}

#[test]
fn a_record_of_a_village_names_it_and_one_of_the_township_names_none() {
    for kind in KINDS {
        let good = edit(kind.name, &[]);
        let village = if good.village.is_some() { None } else { Some(VillageId(Uuid::from_u128(7))) };
        assert_eq!(verdict(&Version { village, ..good }), Some(RefusalCode::ScopeMismatch), "{}", kind.name);
    }
}

#[test]
fn kinds_and_fields_of_tomorrow_are_taken_in_any_scope() {
    let value = json!({"a": [1, {"b": null}], "c": "字"});
    for village in [None, Some(VillageId(Uuid::from_u128(7)))] {
        let unknown =
            creation("a_kind_of_tomorrow", [("x".to_owned(), value.clone()), ("y/1".to_owned(), json!(1))].into());
        assert_eq!(verdict(&Version { village, ..unknown }), None);
    }
    assert_eq!(verdict(&edit("hazard", &[("tomorrow", value.clone()), ("tomorrow/key", value)])), None);
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
