//! The hazard ledger as a workbook (xlsx), written row by row into a file, so that memory does not grow with it.

use std::fs::File;
use std::io;
use std::path::Path;

use rust_xlsxwriter::{Format, FormatBorder, Workbook, XlsxError};

use super::columns::{COLUMNS, Cell};

/// Lines above the first hazard: the title, and the heads.
const ABOVE: u32 = 2;

/// A workbook that is being written.
pub(super) struct LedgerBook {
    book: Workbook,
    row: u32,
}

impl LedgerBook {
    /// A book with its heads. What is written meanwhile lies in `scratch`, a folder.
    ///
    /// # Errors
    /// The library refused; the disk is full.
    pub(super) fn new(title: &str, scratch: &Path) -> io::Result<Self> {
        let begin = || -> Result<Self, XlsxError> {
            let mut book = Workbook::new();
            book.set_tempdir(scratch)?;
            let sheet = book.add_worksheet_with_constant_memory()?;
            sheet
                .set_name("隐患台账")?
                .set_landscape()
                .set_paper_size(9)
                .set_repeat_rows(1, 1)?
                .set_freeze_panes(2, 0)?;
            for (column, (_, width)) in (0_u16..).zip(COLUMNS) {
                sheet.set_column_width(column, *width)?;
            }
            sheet.write_with_format(0, 0, title, &Format::new().set_bold().set_font_size(14))?;
            let head = Format::new().set_bold().set_border(FormatBorder::Thin).set_background_color(0x00E5_F0FA);
            for (column, (name, _)) in (0_u16..).zip(COLUMNS) {
                sheet.write_with_format(1, column, *name, &head)?;
            }
            Ok(Self { book, row: ABOVE })
        };
        begin().map_err(trouble)
    }

    /// Adds a line below the others. A sheet in constant memory is written from left to right.
    ///
    /// # Errors
    /// More rows than a sheet has (1,048,576); the disk is full.
    pub(super) fn add(&mut self, cells: &[Cell]) -> io::Result<()> {
        let sheet = self.book.worksheet_from_index(0).map_err(trouble)?;
        for (column, cell) in (0_u16..).zip(cells) {
            let written = match cell {
                Cell::Text(text) => sheet.write(self.row, column, text),
                Cell::Number(number) => sheet.write(self.row, column, *number),
            };
            written.map(drop).map_err(trouble)?;
        }
        self.row = self.row.saturating_add(1);
        Ok(())
    }

    /// The whole book.
    ///
    /// # Errors
    /// The disk is full.
    pub(super) fn finish(mut self, scratch: &Path) -> io::Result<File> {
        let mut file = tempfile::tempfile_in(scratch)?;
        let sheet = self.book.worksheet_from_index(0).map_err(trouble)?;
        let last = self.row.saturating_sub(1).max(1);
        let columns = u16::try_from(COLUMNS.len()).unwrap_or(1);
        sheet.autofilter(1, 0, last, columns.saturating_sub(1)).map_err(trouble)?;
        self.book.save_to_writer(&mut file).map_err(trouble)?;
        Ok(file)
    }
}

fn trouble(error: XlsxError) -> io::Error {
    match error {
        XlsxError::IoError(error) => error,
        other => io::Error::other(other),
    }
}
