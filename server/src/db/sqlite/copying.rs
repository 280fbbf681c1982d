//! A copy of a SQLite file that others are writing to. Photos and keys are not here.

use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{Binary, Text};

use super::connection::{check_as_it_is, existing};
use crate::db::{DbError, OpenError};

#[derive(QueryableByName)]
struct Finding {
    #[diesel(sql_type = Text)]
    quick_check: String,
}

/// Copies a database as it is at one moment into a new file, which holds no free pages. Nobody who writes waits for it; what
/// is written meanwhile gathers in the `-wal` file. The caller makes the copy durable. Blocks.
///
/// `VACUUM INTO` and not the backup API: that begins again whenever another process has written, and never ends on a busy
/// server; this reads one snapshot (<https://www.sqlite.org/lang_vacuum.html>, section 3).
///
/// # Errors
/// The file is not there, damaged, foreign or of another release; there is no room for the copy.
pub fn copy_file(from: &Path, to: &Path) -> Result<(), OpenError> {
    check_as_it_is(from)?;
    let failed = |path: &Path, why: DbError| match why {
        DbError::Damaged(why) => OpenError::Damaged { path: path.display().to_string(), why },
        why => OpenError::Failed { path: path.display().to_string(), why },
    };
    let mut conn = existing(from).map_err(|why| failed(from, why))?;
    let copied = diesel::sql_query("VACUUM INTO CAST(? AS TEXT)")
        .bind::<Binary, _>(to.as_os_str().as_encoded_bytes())
        .execute(&mut conn);
    copied.map_err(|error| failed(to, error.into()))?;
    let mut copy = existing(to).map_err(|why| failed(to, why))?;
    // A query plan's cache of a whole copy would only push out pages that others need.
    copy.batch_execute("PRAGMA query_only = ON; PRAGMA cache_size = -8192;").map_err(|why| failed(to, why.into()))?;
    let findings: Vec<Finding> =
        diesel::sql_query("PRAGMA quick_check(1)").load(&mut copy).map_err(|why| failed(to, why.into()))?;
    match findings.first() {
        Some(finding) if finding.quick_check == "ok" => Ok(()),
        finding => {
            let why = finding.map_or_else(String::new, |finding| finding.quick_check.clone());
            Err(failed(from, DbError::Damaged(why)))
        }
    }
}
