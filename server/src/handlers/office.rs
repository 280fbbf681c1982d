//! What the office does at a desk: registers of one kind, and edits that the server writes on its behalf.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sync_core::dots::VersionVector;
use sync_core::ids::{RecordId, TownshipId, VillageId};
use sync_core::kinds;
use sync_core::limits::{BATCH_VERSIONS_MAX, BODY_BYTES_MAX};
use sync_core::monthly::{ReportState, report_state};
use sync_core::people::Caller;
use sync_core::protocol::Outcome;
use sync_core::record::Record;
use sync_core::schema::Scope as KindScope;
use sync_core::status::{Standing, standing};
use sync_core::time::township_date;
use sync_core::version::VOID;

use super::page::{Page, rows_within};
use super::review::{demand_nothing_joined, refused};
use super::sync::sender;
use crate::app::App;
use crate::auth::sign_in::township_name;
use crate::db::audit::Act;
use crate::db::{DbError, Scope, Transaction};
use crate::error::{Problem, ok};
use crate::extract::{Authenticated, Body, Json};
use crate::ledger::project::{facts_about, open_conflicts, read_state, villages_of};
use crate::ledger::read::shown_values;
use crate::limits::LEDGER_ROWS_MAX;
use crate::sync::authored::{self, Writing};
use crate::sync::push::Sender;

/// The query of a register.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisterQuery {
    kind: String,
    village: Option<VillageId>,
    after: Option<RecordId>,
    limit: Option<usize>,
}

impl RegisterQuery {
    /// The villages that are asked for, within those whose records of the kind the caller reads; `None`: all.
    fn villages(&self, caller: &Caller) -> Option<Vec<VillageId>> {
        let is_of_villages = kinds::kind(&self.kind).is_none_or(|kind| kind.scope == KindScope::Village);
        let own = villages_of(caller).filter(|_| is_of_villages);
        match (self.village, own) {
            (None, own) => own,
            (Some(asked), None) => Some(vec![asked]),
            (Some(asked), Some(own)) => Some(own.into_iter().filter(|village| *village == asked).collect()),
        }
    }
}

/// One record of a register: what it shows.
#[derive(Debug, Serialize)]
struct RegisterRow {
    id: RecordId,
    village: Option<VillageId>,
    void: bool,
    /// Path → shown value; what is cleared is left out.
    values: BTreeMap<String, Value>,
    /// The paths that wait for a supervisor.
    conflicts: Vec<String>,
    /// Of a monthly report: where it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    report_state: Option<ReportState>,
}

impl RegisterRow {
    fn read(tx: &mut dyn Transaction, township: TownshipId, state: &str) -> Result<Self, DbError> {
        let record = read_state(state)?;
        // A voided hazard may have been revived by a fact about it.
        let is_in_doubt = record.kind == "hazard" && !record.counts();
        let facts = if is_in_doubt { facts_about(tx, township, record.id)? } else { Vec::new() };
        Ok(Self::of(&record, is_in_doubt.then(|| standing(&record, &facts)).as_ref()))
    }

    fn of(record: &Record, standing: Option<&Standing>) -> Self {
        let conflicts: Vec<String> = open_conflicts(record, standing).into_iter().map(|open| open.path).collect();
        Self {
            id: record.id,
            village: record.village,
            void: standing.map_or(!record.counts(), |standing| standing.is_void),
            values: shown_values(record),
            conflicts,
            report_state: (record.kind == "monthly_report").then(|| report_state(record)),
        }
    }
}

/// GET /api/v1/records: the records of one kind, the newest first.
pub async fn register(
    app: web::Data<App>,
    who: Authenticated,
    query: web::Query<RegisterQuery>,
) -> Result<HttpResponse, Problem> {
    let query = query.into_inner();
    let limit = rows_within(query.limit);
    let villages = query.villages(&who.caller);
    let read = app.database.read(move |tx| {
        let mut states =
            tx.records_of_kind(who.township, &query.kind, villages.as_deref(), query.after, limit.saturating_add(1))?;
        let more = states.len() > limit;
        states.truncate(limit);
        let rows = states.iter().map(|state| RegisterRow::read(tx, who.township, state));
        Ok::<_, DbError>((rows.collect::<Result<Vec<_>, _>>()?, more))
    });
    let (rows, more) = read.await.map_err(Problem::from)?;
    let next = rows.last().filter(|_| more).map(|row| row.id.to_string());
    Ok(ok(&Page { rows, next }))
}

/// One edit of the office.
#[derive(Clone, Debug, Deserialize)]
pub struct OfficeEdit {
    /// The record; a fresh UUID of version 7 for a new one.
    record: RecordId,
    kind: String,
    #[serde(default)]
    village: Option<VillageId>,
    /// What the desk had seen of the record: its `seen`; left out for a new one.
    #[serde(default)]
    seen: VersionVector,
    /// Path → value; `null` clears.
    changes: BTreeMap<String, Value>,
}

/// Edits that belong together: all are written, or none.
#[derive(Clone, Debug, Deserialize)]
pub struct OfficeEdits {
    edits: Vec<OfficeEdit>,
}

impl Body for OfficeEdits {
    const BYTES_MAX: usize = BODY_BYTES_MAX;
}

/// POST /api/v1/records: writes edits as versions of the server's replica, judged and merged as those of phones.
pub async fn write(
    app: web::Data<App>,
    who: Authenticated,
    Json(body): Json<OfficeEdits>,
) -> Result<HttpResponse, Problem> {
    if body.edits.is_empty() || body.edits.len() > BATCH_VERSIONS_MAX {
        return Err(Problem::field("edits", format!("from 1 to {BATCH_VERSIONS_MAX} edits")));
    }
    let by = sender(&app, &who, app.clock.now_ms());
    Ok(ok(&app.database.write(Scope::Township(by.township), move |tx| author(tx, &by, &body.edits)).await?))
}

fn author(tx: &mut dyn Transaction, by: &Sender, edits: &[OfficeEdit]) -> Result<Vec<Outcome>, Problem> {
    for edit in edits {
        if let Some(standing) = tx.record(by.township, edit.record)?.as_deref().map(read_state).transpose()? {
            authored::demand_seen(tx, by, &standing, &edit.seen)?;
            let says = |path: &str| edit.changes.get(path).is_some_and(|value| !value.is_null());
            if says(VOID) && !says("same_as") {
                demand_nothing_joined(tx, by, &standing)?;
            }
        }
    }
    let writing = |edit: &OfficeEdit| Writing {
        record: edit.record,
        kind: edit.kind.clone(),
        village: edit.village,
        context: Some(edit.seen.clone()),
        instead_of: None,
        changes: edit.changes.clone(),
    };
    let mut writings: Vec<Writing> = edits.iter().map(writing).collect();
    number_orders(tx, by, &mut writings)?;
    for order in writings.iter().filter(|writing| is_begun_order(writing)) {
        let number = order.changes.get("number").and_then(Value::as_str).unwrap_or_default();
        tx.note(&by.did(Act::OrderIssued, Some(order.record.0), number))?;
    }
    authored::write(tx, by, &writings)?.map_err(|refusal| refused(&refusal))
}

/// Gives the orders that are begun here, and have none, the next numbers of the year: `<township>安监〔<year>〕<number>号`.
///
/// # Errors
/// The database failed.
pub(crate) fn number_orders(tx: &mut dyn Transaction, by: &Sender, writings: &mut [Writing]) -> Result<(), Problem> {
    let is_begun = |writing: &&mut Writing| is_begun_order(writing) && !writing.changes.contains_key("number");
    let year =
        township_date(by.received_at_ms).split('-').next().and_then(|year| year.parse().ok()).unwrap_or_default();
    for writing in writings.iter_mut().filter(is_begun) {
        let used = match tx.last_order_number(by.township, year)? {
            Some(_) => 0,
            None => highest_number(tx, by.township, year)?,
        };
        let number = tx.next_order_number(by.township, year, used)?;
        let township = township_name(tx, by.township)?;
        writing.changes.insert("number".to_owned(), Value::from(format!("{township}安监〔{year}〕{number}号")));
    }
    Ok(())
}

/// Whether an order is begun here: its author has seen nothing of it.
fn is_begun_order(writing: &Writing) -> bool {
    writing.kind == "order" && writing.context.as_ref().is_none_or(|seen| *seen == VersionVector::new())
}

/// The highest number of a year that an order bears: a ledger that was brought in from a file has orders, and no numbers given.
fn highest_number(tx: &mut dyn Transaction, township: TownshipId, year: i64) -> Result<i64, DbError> {
    let (mut highest, mut after) = (0, None);
    loop {
        let states = tx.records_of_kind(township, "order", None, after, LEDGER_ROWS_MAX)?;
        for state in &states {
            let order = read_state(state)?;
            let borne = order.text("number").and_then(|number| number_in(number, year)).unwrap_or(0);
            highest = highest.max(borne);
            after = Some(order.id);
        }
        if states.len() < LEDGER_ROWS_MAX {
            return Ok(highest);
        }
    }
}

/// The number in `…〔<year>〕<number>号`.
fn number_in(text: &str, year: i64) -> Option<i64> {
    let (_, rest) = text.rsplit_once(&format!("〔{year}〕"))?;
    rest.strip_suffix('号')?.parse().ok()
}
