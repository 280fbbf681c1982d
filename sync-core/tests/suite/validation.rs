//! What a version must look like: values of every type, required fields, scopes. Limits and the
//! reading of bytes are `reading`; who may write is `decision` and the table in `permissions`.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sync_core::dots::Dot;
use sync_core::ids::{AccountId, RecordId, ReplicaId, VillageId};
use sync_core::kinds::KINDS;
use sync_core::limits::{KIND_CHARS_MAX, PHOTO_BYTES_MAX, TIME_MS_MAX};
use sync_core::monthly::report_id;
use sync_core::schema::{FieldType, Kind, Scope};
use sync_core::time::Stamp;
use sync_core::validate::{RefusalCode, validate};
use sync_core::version::Version;
use uuid::Uuid;

const VILLAGE: VillageId = VillageId(Uuid::from_u128(7));
const ID: &str = "018f3c2e-7a10-7000-8000-00000000abcd";

fn replica(number: u128) -> ReplicaId {
    ReplicaId(Uuid::from_u128(number))
}

/// An edit, by somebody who had seen the record, so that nothing is required.
fn edit(kind: &str, changes: &[(&str, Value)]) -> Version {
    let in_village = KINDS.iter().find(|known| known.name == kind).is_none_or(|kind| kind.scope != Scope::Township);
    Version {
        record: if kind == "monthly_report" { report_id(VILLAGE, "2024-02") } else { RecordId(Uuid::from_u128(5)) },
        kind: kind.to_owned(),
        village: in_village.then_some(VILLAGE),
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
        FieldType::Month => json!("2024-02"),
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

/// Kind, path, values that are taken, values that are refused and why.
type Row = (&'static str, &'static str, Vec<Value>, Vec<(Value, RefusalCode)>);

/// Each good value is taken and each bad one refused, with its code and the field; `null` clears anything.
fn check(table: Vec<Row>) {
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

#[test]
fn a_kind_of_tomorrow_has_a_name_that_every_database_can_hold() {
    assert_eq!(validate(&edit("drone_survey", &[])), Ok(()));
    for kind in ["drone\u{0}survey", "drone\nsurvey", "\u{7f}"] {
        let refusal = validate(&edit(kind, &[])).expect_err(kind);
        assert_eq!(refusal.code, RefusalCode::Malformed, "{kind:?}");
    }
}

#[test]
fn texts_and_numbers_and_days_take_what_is_declared() {
    let (ty, range) = (RefusalCode::FieldType, RefusalCode::FieldRange);
    check(vec![
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
            "monthly_report",
            "month",
            vec![json!("2024-02")],
            vec![
                (json!("2024-13"), range),
                (json!("2024-2"), range),
                (json!("2024-02-01"), range),
                (json!(""), range),
                (json!("2024-03"), range),
                (json!(202_402), ty),
            ],
        ),
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
    ]);
}

#[test]
fn words_and_references_take_what_is_declared() {
    let (ty, range) = (RefusalCode::FieldType, RefusalCode::FieldRange);
    check(vec![
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
        ("photo", "subject", vec![json!(ID)], vec![(json!("hazard"), range), (json!({"id": null}), ty)]),
        (
            "photo",
            "subject_kind",
            vec![json!("hazard"), json!("a_kind_of_tomorrow"), json!("k".repeat(KIND_CHARS_MAX))],
            vec![(json!(""), range), (json!("k".repeat(KIND_CHARS_MAX + 1)), range), (json!(3), ty)],
        ),
    ]);
}

#[test]
fn places_hashes_lists_sets_and_maps_take_what_is_declared() {
    let (ty, range) = (RefusalCode::FieldType, RefusalCode::FieldRange);
    let location = |lat: Value, lon: Value| json!({"lat": lat, "lon": lon});
    check(vec![
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
    ]);
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
