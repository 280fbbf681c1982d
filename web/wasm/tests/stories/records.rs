//! Stories of one record: joins in every order, gaps, voiding, every rule, and values that tempt a JSON reader to round.

use serde_json::{Value, json};
use sync_core::decision::merge;
use sync_core::kinds::KINDS;
use sync_core::record::Record;
use sync_core::schema::{FieldType, Rule};
use sync_core::version::Version;

use super::{NOW_MS, delta, join_all, version};
use crate::session::Session;

const PROTOCOL: &str = include_str!("../../../../docs/protocol.md");

/// The versions of the protocol's worked example, joined in every order.
pub fn worked_example(session: &mut Session) {
    let blocks = PROTOCOL.split("<!-- version -->\n```json\n").skip(1);
    let versions: Vec<Version> =
        blocks.map(|rest| serde_json::from_str(rest.split_once("\n```").unwrap().0).unwrap()).collect();
    let as_taken: Vec<String> = versions.iter().map(|version| merge(version, None, NOW_MS * 2).to_json()).collect();
    let [a, b, c, d] = [0, 1, 2, 3].map(|at| as_taken[at].clone());
    let mut results = Vec::new();
    for order in [[&a, &b, &c, &d], [&d, &c, &b, &a], [&b, &d, &a, &c], [&c, &a, &d, &b]] {
        results.push(join_all(session, &order.map(Clone::clone)));
    }
    results.dedup();
    assert_eq!(results.len(), 1, "the order of arrival shows");
}

/// Versions that come before their predecessors, and a context whose changes have not arrived.
pub fn gaps(session: &mut Session) {
    let first = version("hazard", 1, (1, 1), &[], &[("description", json!("first")), ("level", json!("general"))]);
    let second = version("hazard", 1, (1, 4), &[(1, 1)], &[("description", json!("second"))]);
    let third = version("hazard", 1, (1, 9), &[(1, 4)], &[("place", json!("third"))]);
    let other = version("hazard", 1, (2, 1), &[(1, 9)], &[("description", json!("of one who knows all"))]);
    let blind = version("hazard", 1, (3, 7), &[(3, 2)], &[("description", json!("after a write that never came"))]);
    let texts = [&first, &second, &third, &other, &blind].map(delta);
    let orders: [[usize; 5]; 4] = [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 0, 3, 4, 1], [3, 2, 4, 0, 1]];
    let results = orders.map(|order| join_all(session, &order.map(|at| texts[at].clone())));
    assert!(results.iter().all(|result| *result == results[0]));
    let twice = join_all(session, &[results[0].clone(), texts[1].clone(), results[0].clone()]);
    assert_eq!(twice, results[0]);
    session.ask("lacks", &[json!(texts[0]), json!(results[0])]);
    session.ask("lacks", &[json!(results[0]), json!(texts[0])]);
}

/// Voided with and without having seen everything, revived, taken back.
pub fn voiding(session: &mut Session) {
    let found = version("hazard", 1, (1, 1), &[], &[("description", json!("blocked stairs"))]);
    let voided = version("hazard", 1, (2, 1), &[(1, 1)], &[("void", json!("重复录入"))]);
    let unseen = version("hazard", 1, (1, 2), &[(1, 1)], &[("place", json!("second floor"))]);
    let back = version("hazard", 1, (2, 2), &[(1, 2), (2, 1)], &[("void", json!(null))]);
    let texts = [&found, &voided, &unseen, &back].map(delta);
    let mut joined = texts[0].clone();
    for text in &texts[1..] {
        joined = join_all(session, &[joined, text.clone()]);
    }
    join_all(session, &[texts[3].clone(), texts[1].clone(), texts[2].clone()]);
}

/// Two words for every field that a rule must choose between, a cleared one, and one that no order knows.
pub fn rules(session: &mut Session) {
    for (number, kind) in (0_u128..).zip(KINDS) {
        let mut states = Vec::new();
        for (who, choice) in [(1, 0), (2, 1), (3, 2), (4, 3)] {
            let changes: Vec<(String, Value)> = kind
                .fields
                .iter()
                .map(|field| {
                    let path = if field.ty.is_keyed() { format!("{}/3.2", field.name) } else { field.name.to_owned() };
                    (path, value_of(field.ty, field.rule, choice))
                })
                .collect();
            let changes: Vec<(&str, Value)> =
                changes.iter().map(|(path, value)| (path.as_str(), value.clone())).collect();
            states.push(delta(&version(kind.name, number, (who, 1 + choice as u64), &[], &changes)));
        }
        let joined = join_all(session, &states);
        states.reverse();
        assert_eq!(join_all(session, &states), joined);
    }
}

fn value_of(ty: FieldType, rule: Rule, choice: usize) -> Value {
    if choice == 2 {
        return Value::Null;
    }
    if let (Rule::Safest(order), 3) = (rule, choice) {
        return json!(format!("none of {}", order.len()));
    }
    match ty {
        FieldType::Set | FieldType::Boolean => json!(choice != 1),
        FieldType::Map(inner) => value_of(*inner, rule, choice),
        FieldType::Integer(min, max) => json!([min, max, min, min + 1][choice]),
        FieldType::Time => json!(NOW_MS + choice as u64),
        FieldType::Date => json!(["2024-02-29", "2023-12-31", "", "2024-03-01"][choice]),
        FieldType::Choice(words) => json!(words[choice % words.len()]),
        FieldType::Location => json!({"lat": 29.123_456_7, "lon": 106.5 + choice as f64, "accuracy_m": 4.0}),
        _ => json!(["甲", "乙", "", "甲"][choice]),
    }
}

/// Numbers, texts and nesting that JavaScript would write otherwise than they came.
pub fn odd_values(session: &mut Session) {
    let numbers = "[1e21,-0.0,0.0,-0,9007199254740991,9007199254740992,9007199254740993,18446744073709551615,\
        -9223372036854775808,18446744073709551616,0.1,0.30000000000000004,5e-324,1.7976931348623157e308,100,100.0,1e2,\
        1.5e-7,123456789012345680000,2.2250738585072014e-308,29.123456789012345,1E5]";
    let texts = r#"["","\u0000","\u001f\u007f","\"\\\/\b\f\n\r\t","\u2028\u2029","😀","e\u0301","é","﷽","\uFEFFbom","李安全","\ud83d\ude00"]"#;
    let nested =
        r#"{"b":[[[[[[{"z":null,"a":true}]]]]]],"a":{"":{" ":[]},"__proto__":1,"10":1,"9":2,"constructor":{}}}"#;
    for (at, odd) in [numbers, texts, nested].into_iter().enumerate() {
        let value: Value = serde_json::from_str(odd).unwrap();
        let changes = [("description", value.clone()), ("of_tomorrow", value.clone()), ("answers/a/b/ç", json!(true))];
        let mine = delta(&version("hazard", at as u128, (1, 1), &[], &changes));
        let items = value.as_array().cloned().unwrap_or_else(|| vec![value]);
        let theirs = (2_u64..).zip(items).map(|(seq, item)| {
            delta(&version("hazard", at as u128, (2, seq), &[], &[("description", item.clone()), ("funds", item)]))
        });
        join_all(session, &[vec![mine], theirs.collect()].concat());
    }
    // As a server of another build might write it: members in another order, ids for places, spaces, an unknown member.
    let text = delta(&version("hazard", 1, (1, 1), &[], &[("funds", json!(1))]));
    let spaced = text.replace("\"seen\"", " \"of_tomorrow\" : [1.0, {}] ,\n \"seen\"");
    join_all(session, &[text, spaced]);
}

/// Kinds and fields of tomorrow; one write that two sources tell differently; records of the township.
pub fn strangers(session: &mut Session) {
    let drone = version("drone_flight", 1, (1, 1), &[], &[("height_m", json!(12.0)), ("path/1", json!([1, 2]))]);
    let again = version("drone_flight", 1, (2, 1), &[], &[("height_m", json!(12)), ("path/1", json!(null))]);
    join_all(session, &[delta(&drone), delta(&again)]);
    let one = version("hazard", 2, (1, 1), &[], &[("level", json!("major")), ("sensor", json!({"ppm": 3}))]);
    let two = version("hazard", 2, (1, 1), &[(3, 3)], &[("level", json!("general")), ("sensor", json!({"ppm": 4}))]);
    let mut results = vec![join_all(session, &[delta(&one), delta(&two)])];
    results.push(join_all(session, &[delta(&two), delta(&one)]));
    assert_eq!(results[0], results[1]);
    let of_township =
        Version { village: None, ..version("campaign", 3, (1, 1), &[], &[("title", json!("安全生产月"))]) };
    join_all(session, &[delta(&of_township)]);
    for seq in [1, 9_007_199_254_740_991, u64::MAX] {
        let late = Version {
            stamp: (253_402_300_799_999, u32::MAX).into(),
            ..version("hazard", 4, (9, seq), &[], &[("place", json!(seq))])
        };
        join_all(session, &[delta(&late)]);
    }
}

/// Replicas that edit, meet and part by a seeded die, until all have met.
pub fn random_joins(session: &mut Session) {
    let mut die = 0x9E37_79B9_7F4A_7C15_u64;
    let mut roll = move |sides: u64| {
        die ^= die << 13;
        die ^= die >> 7;
        die ^= die << 17;
        die % sides
    };
    let paths = ["description", "level", "deadline", "funds", "notes/1", "of_tomorrow", "void"];
    let mut states: Vec<Option<String>> = vec![None; 4];
    let mut seqs = [0_u64; 4];
    for _ in 0..70 {
        let who = roll(4) as usize;
        let with = roll(4) as usize;
        let merged = if roll(3) > 0 {
            seqs[who] += 1 + roll(3);
            let seen = states[who].as_ref().map(|text| Record::from_json(text).unwrap().seen.context().clone());
            let values = [json!(null), json!("major"), json!("2024-03-01"), json!(roll(100)), json!(1.5)];
            let changes: Vec<(&str, Value)> = (0..=roll(2))
                .map(|_| (paths[roll(paths.len() as u64) as usize], values[roll(values.len() as u64) as usize].clone()))
                .collect();
            let mut edit = version("hazard", 1, (who as u128 + 1, seqs[who]), &[], &changes);
            edit.context = seen.unwrap_or_default();
            edit.stamp.ms = NOW_MS + roll(50);
            Some(delta(&edit))
        } else {
            states[with].clone()
        };
        states[who] = match (states[who].take(), merged) {
            (Some(mine), Some(theirs)) => Some(session.ask("join", &[json!(mine), json!(theirs)])),
            (mine, theirs) => mine.or(theirs),
        };
    }
    let met: Vec<String> = states.into_iter().flatten().collect();
    let one_way = join_all(session, &met);
    let other_way = join_all(session, &met.into_iter().rev().collect::<Vec<_>>());
    assert_eq!(one_way, other_way);
}

/// Arguments that are not what they should be.
pub fn faults(session: &mut Session) {
    let good = delta(&version("hazard", 1, (1, 1), &[], &[("place", json!("x"))]));
    let other = delta(&version("hazard", 2, (1, 1), &[], &[("place", json!("x"))]));
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let wrong = ["", "null", "{}", "[]", "{\"id\":1}", "\u{0}", "{", &deep, &good[..good.len() / 2], "1e400"];
    for text in wrong {
        for call in ["readRecord", "fingerprint", "mark", "hazardsNamed"] {
            session.call(None, call, &[json!(text)]).unwrap_err();
        }
        session.call(None, "join", &[json!(good), json!(text)]).unwrap_err();
        session.call(None, "standing", &[json!(good), json!([text]), json!("2024-01-01")]).unwrap_err();
    }
    session.call(None, "join", &[json!(good), json!(other)]).unwrap_err();
    session.call(None, "bucket", &[json!("no id")]).unwrap_err();
    session.call(None, "toFollow", &[json!("no id"), json!([])]).unwrap_err();
    session.call(None, "mayWrite", &[json!("mayor"), json!("hazard"), json!("level")]).unwrap_err();
    session.call(Some("a"), "new", &[json!("no id")]).unwrap_err();
    session.call(Some("a"), "new", &[json!(super::replica(1))]).unwrap();
    for call in ["restore", "handleAnswer", "renumber", "view"] {
        session.call(Some("a"), call, &[json!("{\"of_tomorrow\":1}")]).unwrap_err();
    }
    session.call(Some("a"), "write", &[json!({}), json!({}), json!(null), json!(0)]).unwrap_err();
    session.call(Some("a"), "handleFailure", &[json!("of tomorrow"), json!(0)]).unwrap_err();
    session.call(Some("a"), "compareMarks", &[json!({"a": 1})]).unwrap_err();
}
