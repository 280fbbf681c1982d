//! Reading the audit log.

use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use sync_core::ids::{AccountId, DeviceId};
use sync_core::time::Ms;
use uuid::Uuid;

use super::page::{Page, rows_within};
use crate::app::App;
use crate::auth::permission::{Act as Permission, demand};
use crate::db::audit::{Act, AuditEntry, AuditFilter};
use crate::error::{Problem, ok};
use crate::extract::Authenticated;

/// The query of the audit log.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditQuery {
    act: Option<String>,
    account: Option<AccountId>,
    after: Option<u64>,
    limit: Option<usize>,
}

/// An entry, as it is sent.
#[derive(Serialize)]
struct EntryView {
    at_ms: Ms,
    act: &'static str,
    account: Option<AccountId>,
    device: Option<DeviceId>,
    subject: Option<Uuid>,
    detail: String,
}

impl From<AuditEntry> for EntryView {
    fn from(entry: AuditEntry) -> Self {
        Self {
            at_ms: entry.at_ms,
            act: entry.act.name(),
            account: entry.account,
            device: entry.device,
            subject: entry.subject,
            detail: entry.detail,
        }
    }
}

/// GET /api/v1/audit: entries of the audit log, the newest first.
///
/// # Errors
/// `forbidden`, `invalid_field`.
pub async fn list(
    app: web::Data<App>,
    who: Authenticated,
    query: web::Query<AuditQuery>,
) -> Result<HttpResponse, Problem> {
    demand(who.caller.role, Permission::ReadAudit)?;
    let act = query.act.as_deref().map(|name| Act::from_name(name).ok_or_else(|| Problem::field("act", "a known act")));
    let filter = AuditFilter { act: act.transpose()?, account: query.account, before: query.after };
    let limit = rows_within(query.limit);
    let read = app.database.read(move |tx| tx.audit(who.township, filter, limit.saturating_add(1)));
    let mut rows = read.await.map_err(Problem::from)?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|(row, _)| row.to_string());
    Ok(ok(&Page { rows: rows.into_iter().map(|(_, entry)| EntryView::from(entry)).collect(), next }))
}
