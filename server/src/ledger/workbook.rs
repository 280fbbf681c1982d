//! The hazard ledger as a workbook (xlsx), written row by row into a file, so that memory does not grow with it.

use std::error::Error;
use std::fs::File;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use rust_xlsxwriter::{Format, FormatBorder, Workbook, XlsxError};

use super::columns::{COLUMNS, Cell};

/// Lines above the first hazard: the title, and the heads.
const ABOVE: u32 = 2;

/// Bytes that a disk with room takes.
static PROBE: [u8; 64 * 1024] = [0; 64 * 1024];

/// A workbook that is being written.
pub(super) struct LedgerBook {
    book: Workbook,
    row: u32,
    scratch: PathBuf,
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
            Ok(Self { book, row: ABOVE, scratch: scratch.to_path_buf() })
        };
        guarded(scratch, begin)
    }

    /// Adds a line below the others. A sheet in constant memory is written from left to right.
    ///
    /// # Errors
    /// More rows than a sheet has (1,048,576); the disk is full.
    pub(super) fn add(&mut self, cells: &[Cell]) -> io::Result<()> {
        let Self { book, row, scratch } = self;
        guarded(scratch, || {
            let sheet = book.worksheet_from_index(0)?;
            for (column, cell) in (0_u16..).zip(cells) {
                match cell {
                    Cell::Text(text) => sheet.write(*row, column, text)?,
                    Cell::Number(number) => sheet.write(*row, column, *number)?,
                };
            }
            Ok(())
        })?;
        *row = row.saturating_add(1);
        Ok(())
    }

    /// The whole book.
    ///
    /// # Errors
    /// The disk is full.
    pub(super) fn finish(mut self) -> io::Result<File> {
        let mut file = tempfile::tempfile_in(&self.scratch)?;
        let last = self.row.saturating_sub(1).max(1);
        let columns = u16::try_from(COLUMNS.len()).unwrap_or(1);
        let Self { book, scratch, .. } = &mut self;
        guarded(scratch, || {
            book.worksheet_from_index(0)?.autofilter(1, 0, last, columns.saturating_sub(1))?;
            book.save_to_writer(&mut file)
        })?;
        Ok(file)
    }
}

/// Lets the library write. Of the file that it is handed it gives back what went wrong; where its own scratch file cannot grow it
/// ends with a panic that holds nothing but words. Then the disk itself is asked, while the scratch file still fills it. A book
/// that gave an error is not written to again.
fn guarded<T>(scratch: &Path, write: impl FnOnce() -> Result<T, XlsxError>) -> io::Result<T> {
    match catch_unwind(AssertUnwindSafe(write)) {
        Ok(written) => written.map_err(trouble),
        Err(_) => {
            room(scratch)?;
            Err(io::Error::other("the writer of workbooks ended with a panic, and the disk is not full"))
        }
    }
}

/// Whether a disk takes another file.
fn room(folder: &Path) -> io::Result<()> {
    let mut file = tempfile::tempfile_in(folder)?;
    file.write_all(&PROBE)?;
    file.sync_all()
}

/// What went wrong; where a disk is the cause, as it said it.
fn trouble(error: XlsxError) -> io::Error {
    if let XlsxError::IoError(error) = error {
        return error;
    }
    let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(now) = cause {
        if let Some(of_disk) = now.downcast_ref::<io::Error>() {
            return io::Error::new(of_disk.kind(), error.to_string());
        }
        cause = now.source();
    }
    io::Error::other(error)
}
