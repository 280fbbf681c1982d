//! Batches that are carried by hand: the office takes in the file of a phone that finds no network.

use actix_web::{HttpResponse, web};
use sync_core::limits::CARRIED_BYTES_MAX;
use sync_core::people::Role;

use crate::app::App;
use crate::error::{Code, Problem, text};
use crate::extract::{Authenticated, Text};
use crate::sync::carried::unseal;

/// POST /api/v1/batches: takes in the text of a batch, and answers with the text of its receipts.
pub async fn import(
    app: web::Data<App>,
    who: Authenticated,
    Text(file): Text<CARRIED_BYTES_MAX>,
) -> Result<HttpResponse, Problem> {
    if !matches!(who.caller.role, Role::Supervisor | Role::Admin) {
        return Err(Problem::new(Code::Forbidden, "The office takes in files"));
    }
    let opened = unseal(&file, app.tokens.seal_secret())?;
    let receipts = opened.take(&app.database, &app.photos.store, who.township, app.now_ms()).await?;
    Ok(text("text/plain; charset=utf-8", receipts))
}
