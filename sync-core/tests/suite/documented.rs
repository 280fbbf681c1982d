//! What `docs/protocol.md` says in tables and worked examples, compared with what the code declares and does. The codes of
//! problems over HTTP are compared in the server.

use serde_json::Value;
use sync_core::decision::{merge, read_version};
use sync_core::kinds::{KINDS, SECTORS};
use sync_core::limits;
use sync_core::record::Record;
use sync_core::schema::{FieldType, Rule, Scope};
use sync_core::version::Version;

const PROTOCOL: &str = include_str!("../../../docs/protocol.md");

/// The lines between `<!-- name -->` and `<!-- end -->`.
fn block(name: &str) -> Vec<&'static str> {
    let (_, rest) = PROTOCOL.split_once(&format!("<!-- {name} -->\n")).unwrap();
    rest.split_once("<!-- end -->").unwrap().0.lines().collect()
}

/// The rows of a marked table, without its head.
fn rows(name: &str) -> Vec<String> {
    block(name).into_iter().skip(2).map(str::to_owned).collect()
}

/// The JSON blocks that follow a marker, in order.
fn examples(marker: &str) -> Vec<String> {
    let mark = format!("<!-- {marker} -->\n```json\n");
    PROTOCOL.split(&mark).skip(1).map(|rest| rest.split_once("\n```").unwrap().0.to_owned()).collect()
}

fn words(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

fn type_in_words(ty: FieldType) -> String {
    match ty {
        FieldType::Text(chars_max) => format!("text, at most {chars_max}"),
        FieldType::Integer(min, max) => format!("integer, {min} to {max}"),
        FieldType::Boolean => "boolean".to_owned(),
        FieldType::Date => "date".to_owned(),
        FieldType::Month => "month".to_owned(),
        FieldType::Time => "time".to_owned(),
        FieldType::Choice(SECTORS) => "sector".to_owned(),
        FieldType::Choice(choice) => format!("one of {}", words(choice)),
        FieldType::Reference(kind) => format!("id of `{kind}`"),
        FieldType::AnyReference => "id of any record".to_owned(),
        FieldType::KindName => "name of a kind".to_owned(),
        FieldType::Location => "location".to_owned(),
        FieldType::Hash => "hash".to_owned(),
        FieldType::ChecklistItems => "checklist items".to_owned(),
        FieldType::Set => "set".to_owned(),
        FieldType::Map(inner) => format!("map of {}", type_in_words(*inner)),
    }
}

fn rule_in_words(rule: Rule) -> String {
    match rule {
        Rule::Latest => "latest".to_owned(),
        Rule::Review => "review".to_owned(),
        Rule::Safest(order) => format!("safest: {}", words(order)),
        Rule::Earliest => "earliest".to_owned(),
        Rule::LatestDate => "latest_date".to_owned(),
        Rule::Largest => "largest".to_owned(),
        Rule::Union => "union".to_owned(),
    }
}

#[test]
fn the_protocol_lists_every_kind_with_its_scope() {
    let scope = |scope| match scope {
        Scope::Township => "township",
        Scope::VillageDirectory => "village_directory",
        Scope::Village => "village",
    };
    let declared = KINDS.iter().map(|kind| {
        let one_of: Vec<String> = kind.one_of.iter().map(|group| words(group)).collect();
        let one_of = if one_of.is_empty() { "–".to_owned() } else { one_of.join("; ") };
        format!("| `{}` | {} | {} | {one_of} |", kind.name, kind.label, scope(kind.scope))
    });
    assert_eq!(rows("kinds"), declared.collect::<Vec<_>>());
}

#[test]
fn the_protocol_lists_every_field_with_its_type_and_rule() {
    let declared = KINDS.iter().flat_map(|kind| {
        kind.fields.iter().map(|field| {
            let (ty, rule) = (type_in_words(field.ty), rule_in_words(field.rule));
            let required = if field.required { "yes" } else { "–" };
            format!("| `{}` | `{}` | {} | {ty} | {rule} | {required} |", kind.name, field.name, field.label)
        })
    });
    assert_eq!(rows("fields"), declared.collect::<Vec<_>>());
    assert_eq!(block("sectors"), [words(SECTORS).replace(", ", " ")]);
}

#[test]
fn the_protocol_lists_every_figure_that_the_ledger_knows() {
    let (_, chapter) = PROTOCOL.split_once("\n## The monthly report\n").unwrap();
    let table = chapter.lines().skip_while(|line| !line.starts_with("| `")).take_while(|line| line.starts_with("| `"));
    let listed: Vec<&str> = table.map(|line| line.split('`').nth(1).unwrap()).collect();
    assert_eq!(listed, sync_core::monthly::FIGURES);
}

/// `wire/refusal_codes.json` is every code as it is sent; `wire.rs` reads and writes it.
#[test]
fn the_protocol_lists_every_refusal() {
    let sent: Vec<String> = serde_json::from_str(include_str!("../wire/refusal_codes.json")).unwrap();
    let (_, quarantine) = PROTOCOL.split_once("\n## Quarantine\n").unwrap();
    let table =
        quarantine.lines().skip_while(|line| !line.starts_with("| `")).take_while(|line| line.starts_with("| `"));
    let listed: Vec<&str> = table.map(|line| line.split('`').nth(1).unwrap()).collect();
    assert_eq!(listed, sent);
}

#[test]
fn the_protocol_names_every_limit_with_its_value() {
    let values: [(&str, u64); 17] = [
        ("BATCH_VERSIONS_MAX", limits::BATCH_VERSIONS_MAX as u64),
        ("VERSION_BYTES_MAX", limits::VERSION_BYTES_MAX as u64),
        ("BODY_BYTES_MAX", limits::BODY_BYTES_MAX as u64),
        ("CHANGES_MAX", limits::CHANGES_MAX as u64),
        ("PATH_BYTES_MAX", limits::PATH_BYTES_MAX as u64),
        ("REFUSAL_DETAIL_CHARS_MAX", limits::REFUSAL_DETAIL_CHARS_MAX as u64),
        ("KIND_CHARS_MAX", limits::KIND_CHARS_MAX as u64),
        ("CONTEXT_REPLICAS_MAX", limits::CONTEXT_REPLICAS_MAX as u64),
        ("VALUE_DEPTH_MAX", limits::VALUE_DEPTH_MAX as u64),
        ("PULL_RECORDS_MAX", limits::PULL_RECORDS_MAX as u64),
        ("PULL_BYTES_MAX", limits::PULL_BYTES_MAX as u64),
        ("CARRIED_BYTES_MAX", limits::CARRIED_BYTES_MAX as u64),
        ("MARKS_MAX", limits::MARKS_MAX as u64),
        ("PHOTOS_ASKED_MAX", limits::PHOTOS_ASKED_MAX as u64),
        ("PHOTO_BYTES_MAX", limits::PHOTO_BYTES_MAX),
        ("SEQ_MAX", limits::SEQ_MAX),
        ("TIME_MS_MAX", limits::TIME_MS_MAX),
    ];
    let declared = include_str!("../../src/limits.rs").lines().filter(|line| line.starts_with("pub const ")).count();
    assert_eq!(declared, values.len(), "a limit is missing in this test");
    let rows = rows("limits");
    assert_eq!(rows.len(), values.len());
    for (row, (name, value)) in rows.iter().zip(values) {
        assert!(row.starts_with(&format!("| `{name}` | {value} | ")), "{row} is not {name} = {value}");
    }
}

#[test]
fn the_worked_example_is_what_the_join_gives_in_any_order() {
    let versions: Vec<Version> = examples("version")
        .iter()
        .map(|text| {
            let dot = serde_json::from_str::<Version>(text).unwrap().dot;
            read_version(text, dot).unwrap()
        })
        .collect();
    let states: Vec<Value> = examples("state").iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    assert_eq!((versions.len(), states.len()), (4, 2));
    let joined = |order: &[usize]| -> Record {
        let deltas = order.iter().map(|at| {
            let mut delta = Record::delta(&versions[*at]);
            delta.complete_up_to(versions[*at].dot);
            delta
        });
        deltas
            .reduce(|mut record, delta| {
                record.join(&delta);
                record
            })
            .unwrap()
    };
    let later_ms = 1_800_000_000_000;
    let at_the_server = versions.iter().fold(None, |record, version| Some(merge(version, record, later_ms)));
    assert_eq!(
        serde_json::to_value(&at_the_server).unwrap(),
        states[1],
        "the server receives them in a possible order"
    );
    for order in [[0, 1, 2], [0, 2, 1], [2, 1, 0]] {
        let record = joined(&order);
        assert_eq!(serde_json::to_value(&record).unwrap(), states[0]);
        assert_eq!(record.conflicts().collect::<Vec<_>>(), ["level"]);
        assert_eq!(record.text("level"), Some("major"));
    }
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]] {
        let record = joined(&order);
        assert_eq!(serde_json::to_value(&record).unwrap(), states[1]);
        assert_eq!(record.conflicts().next(), None);
    }
}
