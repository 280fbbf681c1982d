//! The ledger as a file for the office's other programs.

use std::fs::File;
use std::io;
use std::sync::Arc;

use actix_web::body::SizedStream;
use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{HttpResponse, web};
use futures_util::stream::{self, Stream};
use sync_core::time::township_date;
use tokio::io::AsyncReadExt;

use super::ledger::HazardQuery;
use crate::app::App;
use crate::db::Scope;
use crate::db::audit::Act;
use crate::error::{Code, Problem, Success};
use crate::extract::Authenticated;
use crate::ledger::export::{Form, ledger_file};

/// Bytes of the file that are held at once.
const PIECE_BYTES: usize = 64 * 1024;

/// The media type of a workbook (IANA, ECMA-376).
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// The media type of comma-separated values with a row of heads (RFC 7111).
const CSV: &str = "text/csv; charset=utf-8; header=present";

/// GET /api/v1/hazards.xlsx: the lines that a query of GET /hazards names, as a workbook.
pub async fn workbook(
    app: web::Data<App>,
    who: Authenticated,
    query: web::Query<HazardQuery>,
) -> Result<HttpResponse, Problem> {
    file(&app, &who, &query, Form::Workbook).await
}

/// GET /api/v1/hazards.csv: the same as comma-separated values.
pub async fn table(
    app: web::Data<App>,
    who: Authenticated,
    query: web::Query<HazardQuery>,
) -> Result<HttpResponse, Problem> {
    file(&app, &who, &query, Form::Table).await
}

async fn file(app: &App, who: &Authenticated, query: &HazardQuery, form: Form) -> Result<HttpResponse, Problem> {
    let (media_type, name) = match form {
        Form::Workbook => (XLSX, "hazards.xlsx"),
        Form::Table => (CSV, "hazards.csv"),
    };
    let today = township_date(app.clock.now_ms());
    let filter = query.filter(&who.caller, &today)?;
    let seat = Arc::clone(&app.exports).try_acquire_owned();
    let _seat = seat.map_err(|_| Problem::new(Code::Busy, "Other files are being written; try again in a minute"))?;
    let scratch = app.settings.data_dir.clone();
    let (now_ms, whose) = (app.now_ms(), who.clone());
    let noted = app.database.write(Scope::Township(who.township), move |tx| {
        tx.note(&whose.did(Act::Exported, now_ms, None, name)).map_err(Problem::from)
    });
    noted.await?;
    let (file, bytes) = ledger_file(&app.database, who.township, filter, today, form, scratch).await?;
    Ok(Success::Whole
        .answer()
        .insert_header((header::CONTENT_TYPE, media_type))
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .insert_header((header::CONTENT_ENCODING, "identity"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(SizedStream::new(bytes, pieces(file))))
}

/// A file piece by piece.
fn pieces(file: File) -> impl Stream<Item = Result<Bytes, io::Error>> {
    stream::try_unfold(tokio::fs::File::from_std(file), |mut file| async move {
        let mut piece = vec![0; PIECE_BYTES];
        let read = file.read(&mut piece).await?;
        piece.truncate(read);
        Ok((read > 0).then(|| (Bytes::from(piece), file)))
    })
}
