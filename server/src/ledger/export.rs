//! Reads the lines of the ledger page by page into a file for other programs, off the threads that answer.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;

use sync_core::ids::{RecordId, TownshipId};
use sync_core::record::Record;

use super::columns::{Cell, Names, cells};
use super::project::read_state;
use super::table::LedgerTable;
use super::workbook::LedgerBook;
use crate::auth::sign_in::township_name;
use crate::db::hazards::{HazardFilter, HazardLine};
use crate::db::{Database, DbError, Transaction};
use crate::error::{Code, Problem};
use crate::limits::LEDGER_ROWS_MAX;

/// What the ledger is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Office Open XML, xlsx.
    Workbook,
    /// Comma-separated values.
    Table,
}

enum Sheet {
    Book(Box<LedgerBook>),
    Table(Box<LedgerTable>),
}

impl Sheet {
    fn add(&mut self, cells: &[Cell]) -> io::Result<()> {
        match self {
            Self::Book(book) => book.add(cells),
            Self::Table(table) => table.add(cells),
        }
    }

    /// A file that is read from its beginning, and its bytes.
    fn finish(self) -> io::Result<(File, u64)> {
        let mut file = match self {
            Self::Book(book) => book.finish()?,
            Self::Table(table) => table.finish()?,
        };
        let bytes = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(0))?;
        Ok((file, bytes))
    }
}

/// The lines that a filter names, in its order, in a file without a name, and its bytes. What is written to the ledger
/// meanwhile may or may not be in it. The file, and what is written before it is whole, lie in `scratch`.
///
/// # Errors
/// The database failed; the disk is full (`storage_full`); there are more lines than a sheet takes.
pub async fn ledger_file(
    database: &Database,
    township: TownshipId,
    mut filter: HazardFilter,
    today: String,
    form: Form,
    scratch: PathBuf,
) -> Result<(File, u64), Problem> {
    let (name, names) = database.read(move |tx| head(tx, township).map_err(Problem::from)).await?;
    let names = Arc::new(names);
    let title = format!("{name}安全生产隐患台账（{today}）");
    let mut sheet = off(move || match form {
        Form::Workbook => LedgerBook::new(&title, &scratch).map(Box::new).map(Sheet::Book),
        Form::Table => LedgerTable::new(&scratch).map(Box::new).map(Sheet::Table),
    })
    .await?;
    let mut number = 0_u32;
    loop {
        let own = filter.clone();
        let page = database.read(move |tx| page(tx, township, &own).map_err(Problem::from)).await?;
        let Some((last, _)) = page.last() else { break };
        filter.after = Some(last.mark(filter.order));
        let (is_last, names, today) = (page.len() < LEDGER_ROWS_MAX, Arc::clone(&names), today.clone());
        (sheet, number) = off(move || {
            for (line, record) in &page {
                number = number.saturating_add(1);
                sheet.add(&cells(number, line, record.as_ref(), &names, &today))?;
            }
            Ok((sheet, number))
        })
        .await?;
        if is_last {
            break;
        }
    }
    off(move || sheet.finish()).await
}

/// The township's name, and those of its villages and sites.
fn head(tx: &mut dyn Transaction, township: TownshipId) -> Result<(String, Names), DbError> {
    let mut names = Names::new();
    for kind in ["village", "site"] {
        let mut after: Option<RecordId> = None;
        loop {
            let states = tx.records_of_kind(township, kind, None, after, LEDGER_ROWS_MAX)?;
            for state in &states {
                let record = read_state(state)?;
                names.insert(record.id, record.text("name").unwrap_or_default().to_owned());
                after = Some(record.id);
            }
            if states.len() < LEDGER_ROWS_MAX {
                break;
            }
        }
    }
    Ok((township_name(tx, township)?, names))
}

/// The next lines, each with its record.
fn page(
    tx: &mut dyn Transaction,
    township: TownshipId,
    filter: &HazardFilter,
) -> Result<Vec<(HazardLine, Option<Record>)>, DbError> {
    let lines = tx.hazards(township, filter, LEDGER_ROWS_MAX)?;
    let ids: Vec<RecordId> = lines.iter().map(|line| line.id).collect();
    let mut records = BTreeMap::new();
    for (id, state) in tx.records(township, &ids)? {
        records.insert(id, read_state(&state)?);
    }
    Ok(lines.into_iter().map(|line| (records.remove(&line.id), line)).map(|(record, line)| (line, record)).collect())
}

/// Runs what writes to a disk off the threads that answer.
async fn off<T: Send + 'static>(write: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, Problem> {
    let written = tokio::task::spawn_blocking(write).await.map_err(Problem::internal)?;
    written.map_err(|error| match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Problem::new(Code::StorageFull, "The file does not fit; ask for fewer lines, or make room")
        }
        _ => Problem::internal(error),
    })
}
