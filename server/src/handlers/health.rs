//! What an operator's tools ask: is the process alive, can it do its work, what has it measured.

use actix_web::{HttpResponse, web};
use serde_json::json;

use crate::app::App;
use crate::db::Scope;
use crate::error::{Code, Problem, ok, text};

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
    app.database.write(Scope::Apart, |tx| tx.touch()).await?;
    Ok(ok(&json!({ "status": "ready" })))
}

/// `GET /metrics`: measurements in the text format of Prometheus.
pub async fn metrics(app: web::Data<App>) -> HttpResponse {
    text("text/plain; version=0.0.4; charset=utf-8", app.meter.render())
}
