//! What waits for a supervisor: open conflicts and quarantined versions, and the decisions on them.

use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sync_core::dots::{Dot, VersionVector};
use sync_core::ids::{RecordId, ReplicaId, TownshipId, VillageId};
use sync_core::people::Role;
use sync_core::permissions::may_decide;
use sync_core::protocol::Outcome;
use sync_core::record::Record;
use sync_core::time::Ms;
use sync_core::validate::Refusal;
use sync_core::version::VOID;

use super::ledger::{ID_CHARS, unknown};
use super::page::{Page, PageQuery, rows_within};
use super::sync::sender;
use crate::app::App;
use crate::db::audit::Act;
use crate::db::versions::{DISMISSED, Quarantined, Settlement};
use crate::db::{Scope, Transaction};
use crate::error::{Code, Problem, done, ok};
use crate::extract::{Authenticated, Body, Json, Reader};
use crate::ledger::project::villages_of;
use crate::ledger::reach::{self, ConflictMark};
use crate::ledger::read;
use crate::sync::authored::{self, Writing};
use crate::sync::push::Sender;
use crate::sync::repair::{self, Mending};

/// GET /api/v1/conflicts: the fields on which distinct values stand under review, with those values.
pub async fn conflicts(
    app: web::Data<App>,
    who: Reader,
    query: web::Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let (limit, over, is_county) = (query.limit(), who.over(query.township)?, who.is_county());
    let mark = query.after.as_deref().map(|text| after(text, is_county)).transpose()?;
    let villages = villages_of(&who.caller);
    let page =
        app.database.read(move |tx| page_of_conflicts(tx, &over, villages.as_deref(), mark.as_ref(), limit, is_county));
    Ok(ok(&page.await?))
}

fn page_of_conflicts(
    tx: &mut dyn Transaction,
    over: &[TownshipId],
    villages: Option<&[VillageId]>,
    mark: Option<&ConflictMark>,
    limit: usize,
    is_county: bool,
) -> Result<Page<read::ConflictView>, Problem> {
    let mut open = reach::conflicts(tx, over, villages, mark, limit.saturating_add(1))?;
    let more = open.len() > limit;
    open.truncate(limit);
    let next = open.last().filter(|_| more).map(|(township, last)| {
        let place = format!("{}-{}", last.record, last.path);
        if is_county { format!("{township}-{place}") } else { place }
    });
    let mut rows = read::conflict_views(tx, open)?;
    rows.iter_mut().for_each(|(township, view)| view.township = is_county.then_some(*township));
    Ok(Page { rows: rows.into_iter().map(|(_, view)| view).collect(), next })
}

/// Where a page of conflicts begins: `<record>-<path>`, of several townships `<township>-<record>-<path>`.
fn after(text: &str, is_county: bool) -> Result<ConflictMark, Problem> {
    let split = |text: &'_ str| -> Option<(String, String)> {
        let (id, rest) = text.split_at_checked(ID_CHARS)?;
        Some((id.to_owned(), rest.strip_prefix('-')?.to_owned()))
    };
    let parse = || -> Option<ConflictMark> {
        let (township, rest): (Option<TownshipId>, String) = if is_county {
            let (township, rest) = split(text)?;
            (Some(township.parse().ok()?), rest)
        } else {
            (None, text.to_owned())
        };
        let (record, path) = split(&rest)?;
        Some(ConflictMark { township, last: (record.parse::<RecordId>().ok()?, path) })
    };
    parse().ok_or_else(|| Problem::field("after", "the `next` of the page before"))
}

/// A decision on one field.
#[derive(Clone, Debug, Deserialize)]
pub struct Decision {
    path: String,
    value: Value,
    /// The dots of the siblings between which it decides: all that stand.
    siblings: Vec<Dot>,
    /// What was seen of the record: its `seen`. The decision claims no more than that, and without it only the siblings:
    /// what came in between is neither voided nor vouched for by somebody who has not seen it.
    #[serde(default)]
    seen: Option<VersionVector>,
    /// Of a hazard that is voided: the facts about it that were seen, as its standing's `to_void` names them.
    #[serde(default)]
    void_follows: Vec<String>,
}

impl Body for Decision {}

/// POST /api/v1/records/{id}/resolve: decides a field as an ordinary version that has seen all siblings.
pub async fn resolve(
    app: web::Data<App>,
    who: Authenticated,
    id: web::Path<RecordId>,
    Json(decision): Json<Decision>,
) -> Result<HttpResponse, Problem> {
    if !may_decide(who.caller.role) {
        return Err(Problem::new(Code::Forbidden, "A supervisor decides between values"));
    }
    let by = sender(&app, &who, app.clock.now_ms());
    Ok(ok(&app.database.write(Scope::Township(by.township), move |tx| decide(tx, &by, *id, &decision)).await?))
}

fn decide(tx: &mut dyn Transaction, by: &Sender, id: RecordId, decision: &Decision) -> Result<Vec<Outcome>, Problem> {
    let record = read::visible(tx, by.township, &by.caller, id)?.ok_or_else(unknown)?;
    let mut named = decision.siblings.clone();
    named.sort();
    if !record.siblings(&decision.path).map(|sibling| sibling.dot).eq(named) {
        return Err(Problem::new(Code::ConflictChanged, "Read the record again; its values have changed"));
    }
    // A voiding covers every earlier write of its own replica, which is that of all desks.
    let is_voiding = decision.path == VOID && !decision.value.is_null();
    let last = authored::last_own(tx, by, &record)?.filter(|_| is_voiding);
    if last.is_some_and(|last| !decision.seen.as_ref().is_some_and(|seen| seen.covers(last))) {
        return Err(Problem::new(Code::ConflictChanged, "Read the record again; another desk has written to it"));
    }
    if is_voiding {
        demand_nothing_joined(tx, by, &record)?;
    }
    let follows = decision.void_follows.iter().filter(|_| is_voiding);
    let follows = follows.map(|key| (format!("void_follows/{key}"), Value::from(true)));
    let seen = || decision.seen.clone().unwrap_or_else(|| decision.siblings.iter().copied().collect());
    let writing = Writing {
        record: record.id,
        kind: record.kind.clone(),
        village: record.village,
        context: Some(seen()),
        instead_of: None,
        changes: follows.chain([(decision.path.clone(), decision.value.clone())]).collect(),
    };
    authored::write(tx, by, &[writing])?.map_err(|refusal| refused(&refusal))
}

/// Refuses to void a hazard with which others were joined: they are out of the ledger because this one stands for them.
///
/// # Errors
/// `ledger_safer`; the database failed.
pub(super) fn demand_nothing_joined(tx: &mut dyn Transaction, by: &Sender, record: &Record) -> Result<(), Problem> {
    if read::joined(tx, by.township, record)?.is_empty() {
        return Ok(());
    }
    let detail = "Others were joined with this one and would be out of sight: take them apart first";
    Err(Problem::new(Code::LedgerSafer, detail).with("lost", ["joined"]))
}

/// A change that a check refused, with the check's own words.
pub(super) fn refused(refusal: &Refusal) -> Problem {
    let json = serde_json::to_value(refusal).unwrap_or_default();
    Problem::new(Code::ChangeRefused, refusal.detail.clone()).with("refusal", json)
}

#[derive(Serialize)]
struct QuarantineRow {
    dot: Dot,
    account: sync_core::ids::AccountId,
    received_at: Ms,
    code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    detail: String,
    /// The bytes as they were sent.
    body: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    settled: Option<SettledView>,
}

/// How one that was put aside was dealt with.
#[derive(Serialize)]
struct SettledView {
    /// `repaired` or `dismissed`.
    how: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    by: sync_core::ids::AccountId,
    at: Ms,
}

impl From<Settlement> for SettledView {
    fn from(Settlement { by, how, at_ms }: Settlement) -> Self {
        let reason = how.strip_prefix(DISMISSED).map(str::to_owned);
        Self { how: if reason.is_some() { "dismissed" } else { "repaired" }, reason, by, at: at_ms }
    }
}

impl QuarantineRow {
    fn of(row: Quarantined, settled: Option<Settlement>) -> Self {
        let Quarantined { dot, account, received_at_ms, code, field, detail, body } = row;
        Self { dot, account, received_at: received_at_ms, code, field, detail, body, settled: settled.map(Into::into) }
    }
}

/// The query of what was put aside.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuarantineQuery {
    limit: Option<usize>,
    /// `true`: what has been dealt with, the latest first.
    #[serde(default)]
    settled: bool,
}

/// GET /api/v1/quarantine: what was put aside, oldest first, or what has been dealt with of it. Inspectors see their own.
pub async fn quarantine(
    app: web::Data<App>,
    who: Authenticated,
    query: web::Query<QuarantineQuery>,
) -> Result<HttpResponse, Problem> {
    let QuarantineQuery { limit, settled } = query.into_inner();
    let limit = rows_within(limit);
    let own = (who.caller.role == Role::Inspector).then_some(who.caller.account);
    let read = app.database.read(move |tx| {
        if settled {
            let rows = tx.settled_quarantine(who.township, own, limit)?;
            return Ok(rows.into_iter().map(|(row, settled)| QuarantineRow::of(row, Some(settled))).collect());
        }
        let rows = tx.quarantined(who.township, own, limit)?;
        Ok::<Vec<_>, Problem>(rows.into_iter().map(|row| QuarantineRow::of(row, None)).collect())
    });
    Ok(ok(&Page { rows: read.await?, next: None }))
}

impl Body for Mending {}

/// POST /api/v1/quarantine/{replica}/{seq}/repair: writes the version anew, mended, under a replica of its own.
pub async fn repair(
    app: web::Data<App>,
    who: Authenticated,
    dot: web::Path<(ReplicaId, u64)>,
    Json(mending): Json<Mending>,
) -> Result<HttpResponse, Problem> {
    supervisor(&who)?;
    let by = sender(&app, &who, app.clock.now_ms());
    let dot = Dot::from(*dot);
    let outcome = app.database.write(Scope::Township(by.township), move |tx| {
        let sent = match tx.quarantined_one(by.township, dot)? {
            Some(open) => open,
            None => tx.dismissed_one(by.township, dot)?.ok_or_else(unknown)?,
        };
        let writing = repair::mend(&sent, &mending).map_err(|refusal| refused(&refusal))?;
        tx.settle_quarantined(dot, by.caller.account, "repaired", by.received_at_ms)?;
        tx.note(&by.did(Act::PutAsideRepaired, Some(dot.replica.0), dot.seq.to_string()))?;
        authored::write(tx, &by, &[writing])?.map_err(|refusal| refused(&refusal))
    });
    Ok(ok(&outcome.await?))
}

/// Why a quarantined version stays out of the ledger.
#[derive(Clone, Debug, Deserialize)]
pub struct Dismissal {
    reason: String,
}

impl Body for Dismissal {}

/// POST /api/v1/quarantine/{replica}/{seq}/dismiss: takes it off the list of what is open, with a reason. Its bytes stay.
pub async fn dismiss(
    app: web::Data<App>,
    who: Authenticated,
    dot: web::Path<(ReplicaId, u64)>,
    Json(dismissal): Json<Dismissal>,
) -> Result<HttpResponse, Problem> {
    supervisor(&who)?;
    if dismissal.reason.trim().is_empty() || dismissal.reason.chars().count() > 500 {
        return Err(Problem::field("reason", "Say why, in 1 to 500 characters"));
    }
    let by = sender(&app, &who, app.clock.now_ms());
    let dot = Dot::from(*dot);
    let settle = app.database.write(Scope::Township(by.township), move |tx| {
        tx.quarantined_one(by.township, dot)?.ok_or_else(unknown)?;
        let how = format!("{DISMISSED}{}", dismissal.reason);
        tx.settle_quarantined(dot, by.caller.account, &how, by.received_at_ms)?;
        Ok::<_, Problem>(tx.note(&by.did(Act::PutAsideDismissed, Some(dot.replica.0), &dismissal.reason))?)
    });
    settle.await?;
    Ok(done())
}

fn supervisor(who: &Authenticated) -> Result<(), Problem> {
    if who.caller.role == Role::Supervisor {
        return Ok(());
    }
    Err(Problem::new(Code::Forbidden, "The township office deals with what was put aside"))
}
