//! The hazard ledger as a workbook (隐患台账, xlsx), in the columns that townships use: written row by row into a file, so that
//! memory does not grow with it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::path::Path;
use std::sync::LazyLock;

use rust_xlsxwriter::{Format, FormatBorder, Workbook, XlsxError};
use serde_json::Value;
use sync_core::ids::RecordId;
use sync_core::record::Record;
use sync_core::time::{Ms, township_date};

use crate::db::hazards::HazardLine;

/// The words of the catalogue that all clients share, Chinese.
static WORDS: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../web/field/src/strings/zh-CN/records.json")).unwrap_or_default()
});

/// Heads and widths in characters, in the customary order.
const COLUMNS: &[(&str, f64)] = &[
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
    ("编号", 38.0),
];

/// What records are called, by their ids.
pub type Names = BTreeMap<RecordId, String>;

/// A workbook that is being written.
pub struct LedgerBook {
    book: Workbook,
    row: u32,
    today: String,
}

impl LedgerBook {
    /// A book with its heads. What is written meanwhile lies in `scratch`, a folder.
    ///
    /// # Errors
    /// The library refused; the disk is full.
    pub fn new(township: &str, today: &str, scratch: &Path) -> Result<Self, XlsxError> {
        let mut book = Workbook::new();
        book.set_tempdir(scratch)?;
        let sheet = book.add_worksheet_with_constant_memory()?;
        sheet.set_name("隐患台账")?.set_landscape().set_paper_size(9).set_repeat_rows(1, 1)?.set_freeze_panes(2, 0)?;
        for (column, (_, width)) in (0_u16..).zip(COLUMNS) {
            sheet.set_column_width(column, *width)?;
        }
        let title = Format::new().set_bold().set_font_size(14);
        sheet.write_with_format(0, 0, format!("{township}安全生产隐患台账（{today}）"), &title)?;
        let head = Format::new().set_bold().set_border(FormatBorder::Thin).set_background_color(0x00E5_F0FA);
        for (column, (name, _)) in (0_u16..).zip(COLUMNS) {
            sheet.write_with_format(1, column, *name, &head)?;
        }
        Ok(Self { book, row: 2, today: today.to_owned() })
    }

    /// Adds a hazard below the others.
    ///
    /// # Errors
    /// More rows than a sheet has (1,048,576); the disk is full.
    pub fn add(&mut self, line: &HazardLine, record: Option<&Record>, names: &Names) -> Result<(), XlsxError> {
        let row = self.row;
        let sheet = self.book.worksheet_from_index(0)?;
        let text = |path: &str| record.and_then(|record| record.text(path)).unwrap_or_default().to_owned();
        let named = |id: Option<RecordId>| id.and_then(|id| names.get(&id)).cloned().unwrap_or_default();
        let is_overdue =
            line.status != "closed" && line.deadline.as_ref().is_some_and(|deadline| *deadline < self.today);
        let day = |at_ms: Option<Ms>| at_ms.map(township_date).unwrap_or_default();
        let texts = [
            (1, named(line.village.map(|village| RecordId(village.0)))),
            (2, named(line.site)),
            (3, choice(&line.sector)),
            (4, line.description.clone()),
            (5, text("place")),
            (6, choice(if line.is_major { "major" } else { "general" })),
            (7, day(Some(line.found_at_ms))),
            (8, text("found_by")),
            (9, text("responsible")),
            (10, text("measures")),
            (12, line.deadline.clone().unwrap_or_default()),
            (13, text("contingency_plan")),
            (14, status(line).to_owned()),
            (15, if is_overdue { "是" } else { "" }.to_owned()),
            (16, day(line.closed_at_ms)),
            (17, line.id.to_string()),
        ];
        sheet.write(row, 0, row.saturating_sub(1))?;
        // Columns rise: a sheet in constant memory is written from left to right.
        for (column, text) in texts {
            if column == 12
                && let Some(funds) = record.and_then(|record| record.value("funds")?.as_f64())
            {
                sheet.write(row, 11, funds)?;
            }
            sheet.write(row, column, text)?;
        }
        self.row = row.saturating_add(1);
        Ok(())
    }

    /// The whole book as a file without a name, read from its beginning, and its bytes.
    ///
    /// # Errors
    /// The disk is full.
    pub fn finish(mut self, scratch: &Path) -> Result<(File, u64), XlsxError> {
        let mut file = tempfile::tempfile_in(scratch)?;
        let sheet = self.book.worksheet_from_index(0)?;
        let last = self.row.saturating_sub(1).max(1);
        sheet.autofilter(1, 0, last, u16::try_from(COLUMNS.len()).unwrap_or(1).saturating_sub(1))?;
        self.book.save_to_writer(&mut file)?;
        let bytes = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(0))?;
        Ok((file, bytes))
    }
}

/// A declared word as people say it; a word of tomorrow as it is.
fn choice(word: &str) -> String {
    WORDS.get("choice").and_then(|words| words.get(word)?.as_str()).unwrap_or(word).to_owned()
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
