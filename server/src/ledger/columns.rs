//! The hazard ledger (隐患台账) in the columns that townships use, whatever the file that it is written to.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;
use sync_core::ids::RecordId;
use sync_core::kinds;
use sync_core::record::Record;
use sync_core::rules::Voiding;
use sync_core::time::{Ms, township_date};
use sync_core::version::split_path;

use crate::db::hazards::HazardLine;

/// The words of the catalogue that all clients share, Chinese.
static WORDS: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../web/field/src/strings/zh-CN/records.json")).unwrap_or_default()
});

/// Heads and widths in characters, in the customary order.
pub(super) const COLUMNS: &[(&str, f64)] = &[
    ("序号", 6.0),
    ("村", 12.0),
    ("检查对象", 22.0),
    ("行业领域", 12.0),
    ("隐患描述", 44.0),
    ("隐患部位", 18.0),
    ("隐患等级", 10.0),
    ("发现时间", 12.0),
    ("发现人", 12.0),
    ("整改责任人", 14.0),
    ("整改措施", 30.0),
    ("整改资金（元）", 14.0),
    ("整改时限", 12.0),
    ("应急预案", 20.0),
    ("状态", 12.0),
    ("逾期", 6.0),
    ("销号时间", 12.0),
    ("待核定", 20.0),
    ("编号", 38.0),
];

/// What records are called, by their ids.
pub(super) type Names = BTreeMap<RecordId, String>;

/// What stands in one column of one line.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    /// Words.
    Text(String),
    /// A number.
    Number(f64),
}

/// The cells of a hazard, one a column; `number` is that of its line.
pub(super) fn cells(number: u32, line: &HazardLine, record: Option<&Record>, names: &Names, today: &str) -> Vec<Cell> {
    let text = |path: &str| Cell::Text(record.and_then(|record| record.text(path)).unwrap_or_default().to_owned());
    let named = |id: Option<RecordId>| Cell::Text(id.and_then(|id| names.get(&id)).cloned().unwrap_or_default());
    let is_late = line.deadline.as_deref().is_some_and(|deadline| deadline < today);
    let is_overdue = !line.is_void && line.status != "closed" && is_late;
    let day = |at_ms: Option<Ms>| Cell::Text(at_ms.map(township_date).unwrap_or_default());
    let funds = record.and_then(|record| record.value("funds")?.as_f64());
    vec![
        Cell::Number(f64::from(number)),
        named(line.village.map(|village| RecordId(village.0))),
        named(line.site),
        choice(&line.sector),
        Cell::Text(line.description.clone()),
        text("place"),
        choice(if line.is_major { "major" } else { "general" }),
        day(Some(line.found_at_ms)),
        text("found_by"),
        text("responsible"),
        text("measures"),
        funds.map_or_else(|| Cell::Text(String::new()), Cell::Number),
        Cell::Text(line.deadline.clone().unwrap_or_default()),
        text("contingency_plan"),
        Cell::Text(status(line).to_owned()),
        Cell::Text(if is_overdue { "是" } else { "" }.to_owned()),
        day(line.closed_at_ms),
        Cell::Text(record.map(|record| in_conflict(record, line.is_void)).unwrap_or_default()),
        Cell::Text(line.id.to_string()),
    ]
}

/// What waits for a supervisor, in words: a file that leaves the office must not hide that another value stands beside the one it shows.
fn in_conflict(record: &Record, is_void: bool) -> String {
    let label = |path: &str| {
        let field = kinds::kind(&record.kind)?.field(split_path(path).0)?;
        Some(field.label.to_owned())
    };
    let mut labels: Vec<String> =
        record.conflicts().map(|path| label(path).unwrap_or_else(|| path.to_owned())).collect();
    labels.dedup();
    if !is_void && record.voiding() != Voiding::Stands {
        labels.push("作废".to_owned());
    }
    labels.join("、")
}

/// A declared word as people say it; a word of tomorrow as it is.
fn choice(word: &str) -> Cell {
    let said = WORDS.get("choice").and_then(|words| words.get(word)?.as_str());
    Cell::Text(said.unwrap_or(word).to_owned())
}

fn status(line: &HazardLine) -> &'static str {
    match line.status.as_str() {
        _ if line.is_void => "已作废",
        "closed" => "已销号",
        "rectified" => "已整改待复查",
        "ordered" => "已下令",
        _ => "已上报",
    }
}
