//! What an operator's tools ask: is the process alive, can it do its work, what has it measured.

use actix_web::{HttpResponse, web};
use serde_json::json;
use sync_core::time::Ms;
use tokio::sync::Mutex;

use crate::app::App;
use crate::db::{Database, DbError, Scope};
use crate::error::{Code, Problem, ok, text};
use crate::extract::ClientAddress;
use crate::limits::READY_KEPT_MS;

/// `GET /healthz`: the process answers.
pub async fn alive() -> HttpResponse {
    ok(&json!({ "status": "alive" }))
}

/// `GET /readyz`: the server is not ending, and its database takes a write.
///
/// # Errors
/// `not_ready` while it ends; otherwise what the database says.
pub async fn ready(app: web::Data<App>) -> Result<HttpResponse, Problem> {
    if app.is_ending() {
        return Err(Problem::new(Code::NotReady, "The server is ending"));
    }
    app.readiness.ask(&app.database, app.now_ms()).await?;
    Ok(ok(&json!({ "status": "ready" })))
}

/// Whether the database took a write a moment ago. Anybody may ask: so one write at a time is made for all who do, and its
/// outcome is good for a while.
#[derive(Debug, Default)]
pub struct Readiness {
    last: Mutex<Option<(Ms, Result<(), DbError>)>>,
}

impl Readiness {
    async fn ask(&self, database: &Database, now_ms: Ms) -> Result<(), DbError> {
        let mut last = self.last.lock().await;
        if let Some((_, outcome)) = last.as_ref().filter(|(at_ms, _)| at_ms.abs_diff(now_ms) < READY_KEPT_MS) {
            return outcome.clone();
        }
        let outcome = database.write(Scope::Apart, |tx| tx.touch()).await;
        *last = Some((now_ms, outcome.clone()));
        outcome
    }
}

/// `GET /metrics`: measurements in the text format of Prometheus, to the networks that may read them.
///
/// # Errors
/// `not_found` to everybody else.
pub async fn metrics(app: web::Data<App>, from: ClientAddress) -> Result<HttpResponse, Problem> {
    if !app.settings.metrics_from.iter().any(|network| network.contains(&from.0)) {
        return Err(Problem::new(Code::NotFound, "No such address; docs/protocol.md lists them"));
    }
    Ok(text("text/plain; version=0.0.4; charset=utf-8", app.meter.render()))
}
