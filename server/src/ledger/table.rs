//! The hazard ledger as comma-separated values (RFC 4180) in UTF-8.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use csv::{Terminator, Writer, WriterBuilder};

use super::columns::{COLUMNS, Cell};

/// By it spreadsheets know the letters: <https://www.unicode.org/faq/utf_bom.html>.
const BYTE_ORDER_MARK: &str = "\u{FEFF}";

/// What a cell must not begin with: spreadsheets would carry it out as a formula
/// (<https://owasp.org/www-community/attacks/CSV_Injection>).
const FORMULAS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// A table that is being written.
pub(super) struct LedgerTable(Writer<BufWriter<File>>);

impl LedgerTable {
    /// A table with its heads, in a file without a name in `scratch`, a folder.
    ///
    /// # Errors
    /// The disk is full.
    pub(super) fn new(scratch: &Path) -> io::Result<Self> {
        let mut file = BufWriter::new(tempfile::tempfile_in(scratch)?);
        file.write_all(BYTE_ORDER_MARK.as_bytes())?;
        let mut table = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(file);
        table.write_record(COLUMNS.iter().map(|(name, _)| name))?;
        Ok(Self(table))
    }

    /// Adds a line below the others.
    ///
    /// # Errors
    /// The disk is full.
    pub(super) fn add(&mut self, cells: &[Cell]) -> io::Result<()> {
        let said = cells.iter().map(|cell| match cell {
            Cell::Text(text) if text.starts_with(FORMULAS) => format!("'{text}"),
            Cell::Text(text) => text.clone(),
            Cell::Number(number) => number.to_string(),
        });
        Ok(self.0.write_record(said)?)
    }

    /// The whole table.
    ///
    /// # Errors
    /// The disk is full.
    pub(super) fn finish(self) -> io::Result<File> {
        let file = self.0.into_inner().map_err(csv::IntoInnerError::into_error)?;
        file.into_inner().map_err(io::IntoInnerError::into_error)
    }
}
