//! Reads the lines of the ledger page by page into a workbook, off the threads that answer.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use sync_core::ids::{RecordId, TownshipId};
use sync_core::record::Record;

use super::project::read_state;
use super::workbook::{LedgerBook, Names};
use crate::auth::sign_in::township_name;
use crate::db::hazards::{HazardFilter, HazardLine};
use crate::db::{Database, DbError, Transaction};
use crate::error::Problem;
use crate::limits::LEDGER_ROWS_MAX;

/// The lines that a filter names as a workbook in a file without a name, and its bytes. What is written to the ledger
/// meanwhile may or may not be in it. The file, and what is written before it is whole, lie in `scratch`.
///
/// # Errors
/// The database failed; the disk is full; there are more lines than a sheet takes.
pub async fn workbook(
    database: &Database,
    township: TownshipId,
    mut filter: HazardFilter,
    today: String,
    scratch: PathBuf,
) -> Result<(File, u64), Problem> {
    let (name, names) = database.read(move |tx| head(tx, township).map_err(Problem::from)).await?;
    let names = Arc::new(names);
    let folder = scratch.clone();
    let mut book = off(move || LedgerBook::new(&name, &today, &folder)).await?;
    loop {
        let own = filter.clone();
        let page = database.read(move |tx| page(tx, township, &own).map_err(Problem::from)).await?;
        let Some((last, _)) = page.last() else { break };
        filter.after = Some(last.mark(filter.order));
        let (is_last, names) = (page.len() < LEDGER_ROWS_MAX, Arc::clone(&names));
        book = off(move || {
            page.iter().try_for_each(|(line, record)| book.add(line, record.as_ref(), &names)).map(|()| book)
        })
        .await?;
        if is_last {
            break;
        }
    }
    off(move || book.finish(&scratch)).await
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
async fn off<T: Send + 'static>(
    write: impl FnOnce() -> Result<T, rust_xlsxwriter::XlsxError> + Send + 'static,
) -> Result<T, Problem> {
    let written = tokio::task::spawn_blocking(write).await.map_err(Problem::internal)?;
    written.map_err(Problem::internal)
}
