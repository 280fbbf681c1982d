//! The messages as they stand on the wire: every file under `wire/` must parse and be written again to the same bytes, in
//! every later version too. What is in a message means is tested where it is decided.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sync_core::client::Effect;
use sync_core::cursor::{Cursor, FeedScope};
use sync_core::decision::read_version;
use sync_core::protocol::{PushAnswer, SyncAnswer, SyncRequest, Verdict};
use sync_core::record::Record;
use sync_core::validate::RefusalCode;
use sync_core::version::Version;

type Written = Result<String, serde_json::Error>;
type Rewrite = fn(&str) -> Written;

fn again<T: Serialize + DeserializeOwned>(text: &str) -> Written {
    serde_json::to_string(&serde_json::from_str::<T>(text)?)
}

/// The files and how each is read and written.
fn messages() -> Vec<(&'static str, Rewrite)> {
    vec![
        ("version_creates", again::<Version>),
        ("version_edits", again::<Version>),
        ("version_of_the_township", again::<Version>),
        ("request_minimal", again::<SyncRequest>),
        ("request_first_pull", again::<SyncRequest>),
        ("request_full", again::<SyncRequest>),
        ("request_offers_again", again::<SyncRequest>),
        ("answer_empty", again::<SyncAnswer>),
        ("answer_accepted", again::<SyncAnswer>),
        ("answer_gap", again::<SyncAnswer>),
        ("answer_replica_forked", again::<SyncAnswer>),
        ("answer_pull", again::<SyncAnswer>),
        ("answer_as_pushed", again::<SyncAnswer>),
        ("request_as_pushed", again::<SyncRequest>),
        ("record_full", again::<Record>),
        ("record_of_the_township", again::<Record>),
        ("effects", again::<Vec<Effect>>),
        ("refusal_codes", again::<Vec<RefusalCode>>),
        ("cursor", again::<Cursor>),
    ]
}

/// What earlier builds wrote, and the file that says the same in the present form.
fn earlier() -> Vec<(&'static str, &'static str, Rewrite)> {
    fn with_records(text: &str) -> Written {
        let mut answer: SyncAnswer = serde_json::from_str(text)?;
        for raw in answer.pull.iter_mut().flat_map(|pull| &mut pull.records) {
            *raw = serde_json::value::to_raw_value(&Record::from_json(raw.get())?)?;
        }
        serde_json::to_string(&answer)
    }
    vec![
        ("earlier_record_full", "record_full", again::<Record>),
        ("earlier_record_of_the_township", "record_of_the_township", again::<Record>),
        ("earlier_effects", "effects", again::<Vec<Effect>>),
        ("earlier_answer_pull", "answer_pull", with_records),
    ]
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire")
}

fn fixture(name: &str) -> String {
    fs::read_to_string(folder().join(format!("{name}.json"))).unwrap().trim_end().to_owned()
}

#[test]
fn every_message_is_written_again_to_the_same_bytes() {
    for (name, again) in messages() {
        let text = fixture(name);
        assert_eq!(again(&text).unwrap(), text, "{name}");
    }
}

#[test]
fn messages_of_earlier_builds_are_read_and_mean_the_same() {
    for (old, new, rewrite) in earlier() {
        assert_eq!(rewrite(&fixture(old)).unwrap(), fixture(new), "{old}");
    }
}

#[test]
fn every_file_is_tested() {
    let files: BTreeSet<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    let old = earlier().into_iter().map(|(name, ..)| name);
    assert_eq!(files, messages().into_iter().map(|(name, _)| name).chain(old).map(str::to_owned).collect());
}

/// Adds a member to every object that is part of the protocol; values of fields and maps by replica stay as they are.
fn with_unknown_members(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(with_unknown_members).collect(),
        Value::Object(members) => {
            let data = ["changes", "fields", "context", "seen", "overwritten"];
            let inside = |(name, value): (String, Value)| {
                let value = if data.contains(&name.as_str()) { value } else { with_unknown_members(value) };
                (name, value)
            };
            members.into_iter().map(inside).chain([("of_tomorrow".to_owned(), json!({"x": [1]}))]).collect()
        }
        scalar => scalar,
    }
}

#[test]
fn members_of_tomorrow_are_ignored() {
    // Versions and records inside of requests and answers are passed on as raw bytes, so these are read one by one; an
    // effect is never read by an older client than the one that stored it; enums have no room for members.
    for (name, again) in messages() {
        let raw_inside = ["request_full", "request_offers_again", "answer_pull", "effects", "cursor"].contains(&name);
        if raw_inside {
            continue;
        }
        let text = fixture(name);
        let more = with_unknown_members(serde_json::from_str(&text).unwrap()).to_string();
        assert!(more.contains("of_tomorrow") || name == "refusal_codes", "{name}");
        assert_eq!(again(&more).unwrap(), text, "{name}");
    }
}

#[test]
fn bytes_of_versions_pass_through_a_request_untouched() {
    let odd = r#"{ "of_tomorrow" : 1,  "dot":["01920000-0000-7000-8000-00000000000a",1],"n":1.0e2 }"#;
    let text = format!(
        r#"{{"sent_at_ms":1,"push":{{"replica":"01920000-0000-7000-8000-00000000000a","first_seq":1,"versions":[{odd}]}}}}"#
    );
    let request: SyncRequest = serde_json::from_str(&text).unwrap();
    assert_eq!(request.push.as_ref().unwrap().versions[0].get(), odd);
    assert_eq!(serde_json::to_string(&request).unwrap(), text);
}

#[test]
fn the_versions_of_the_fixtures_are_valid() {
    for name in ["version_creates", "version_edits"] {
        let text = fixture(name);
        let version: Version = serde_json::from_str(&text).unwrap();
        assert_eq!(read_version(&text, version.dot).as_ref(), Ok(&version), "{name}");
    }
}

#[test]
fn the_verdicts_of_an_answer_are_read_as_they_were_meant() {
    let answer: SyncAnswer = serde_json::from_str(&fixture("answer_accepted")).unwrap();
    let Some(PushAnswer::Accepted { outcomes, through: 7 }) = answer.push else { unreachable!("another answer") };
    use Verdict::{Conflict, Duplicate, Merged, Quarantined};
    let said: Vec<_> = outcomes.iter().map(|outcome| (outcome.verdict, outcome.first_verdict())).collect();
    let expected = [
        (Merged, Merged),
        (Conflict, Conflict),
        (Quarantined, Quarantined),
        (Quarantined, Quarantined),
        (Duplicate, Merged),
        (Duplicate, Conflict),
        (Duplicate, Quarantined),
    ];
    assert_eq!(said, expected);
    let repeats: Vec<_> = outcomes.into_iter().map(|outcome| outcome.repeated().repeated()).collect();
    let repeated: Vec<_> = repeats.iter().map(|outcome| (outcome.verdict, outcome.first_verdict())).collect();
    assert_eq!(repeated, expected.map(|(_, first)| (Duplicate, first)), "a repeat of a repeat tells the first verdict");
    assert_eq!(repeats[1].conflicts.len(), 2);
    assert!(repeats[2].refusal.is_some());
}

#[test]
fn a_record_state_that_is_none_is_refused_and_one_that_is_damaged_is_mended() {
    let whole: Value = serde_json::from_str(&fixture("record_full")).unwrap();
    for member in ["id", "kind", "seen", "versions", "fields"] {
        let mut without = whole.clone();
        without.as_object_mut().unwrap().remove(member);
        assert!(Record::from_json(&without.to_string()).is_err(), "{member}");
    }
    let damages: [(&str, Value); 9] = [
        ("/fields/level", json!([3, "major"])),
        ("/fields/level", json!([1])),
        ("/fields/level", json!(["major"])),
        ("/versions/0/0", json!(2)),
        ("/versions/0/4", json!(1)),
        ("/versions/0", json!([0, 1, 1_700_000_000_000_u64, 0])),
        ("/versions/1/5", json!([1, 7, 1])),
        ("/seen", json!([2, 8, 1])),
        ("/ahead/0/0", json!(2)),
    ];
    for (place, damage) in damages {
        let mut damaged = whole.clone();
        *damaged.pointer_mut(place).unwrap() = damage.clone();
        assert!(Record::from_json(&damaged.to_string()).is_err(), "{place} {damage}");
    }
    let mut doubled = whole.clone();
    doubled["fields"]["level"] = json!([2, "general", 1, "major", 1, "major"]);
    doubled["versions"].as_array_mut().unwrap().push(json!([1, 9, 1, 0, 0, [], "of tomorrow"]));
    let mended = Record::from_json(&doubled.to_string()).unwrap();
    assert_eq!(mended.to_json(), fixture("record_full"), "sorted, no sibling twice, no version without a value");
}

#[test]
fn a_cursor_is_opaque_text_and_anything_else_is_none() {
    let cursor: Cursor = serde_json::from_str(&fixture("cursor")).unwrap();
    assert_eq!(Cursor::decode(&cursor.encode()), Some(cursor.clone()));
    assert!(cursor.encode().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
    assert_eq!(cursor.positions[&FeedScope::Directory], 17);
    for wrong in ["", "eyJlIjoieCJ9", "%%%", "bnVsbA", &cursor.encode()[1..], &format!("{}=", cursor.encode())] {
        assert_eq!(Cursor::decode(wrong), None, "{wrong}");
    }
}

#[test]
fn of_a_context_with_a_replica_twice_the_higher_number_counts_and_zero_is_nothing() {
    let text = fixture("version_edits");
    let (a, b) = ("01920000-0000-7000-8000-00000000000a", "01920000-0000-7000-8000-00000000000b");
    let unsorted = text.replace(&format!(r#""{a}":1,"{b}":7"#), &format!(r#""{b}":7,"{a}":0,"{b}":3,"{a}":1"#));
    assert_ne!(unsorted, text);
    assert_eq!(again::<Version>(&unsorted).unwrap(), text);
}
