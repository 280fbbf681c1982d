//! The townships whose ledgers the caller reads, with their numbers.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use serde::Serialize;
use sync_core::ids::TownshipId;
use sync_core::time::township_date;

use super::page::{Page, PageQuery};
use crate::app::App;
use crate::auth::sign_in::township_name;
use crate::db::hazards::HazardNumbers;
use crate::db::{DbError, Transaction};
use crate::error::{Problem, ok};
use crate::extract::Reader;

/// A township with its numbers.
#[derive(Debug, Serialize)]
struct Row {
    id: TownshipId,
    name: String,
    /// Only for those who read the whole township.
    #[serde(skip_serializing_if = "Option::is_none")]
    numbers: Option<Numbers>,
}

/// How many hazards and conflicts there are; voided hazards are not counted.
#[derive(Debug, Serialize)]
struct Numbers {
    hazards: BTreeMap<String, u64>,
    major_open: u64,
    overdue: u64,
    conflicts: u64,
}

impl Numbers {
    fn of(counted: &HazardNumbers, conflicts: u64) -> Self {
        let mut hazards = BTreeMap::new();
        for ((status, _), count) in &counted.by_status {
            let sum: &mut u64 = hazards.entry(status.clone()).or_default();
            *sum = sum.saturating_add(*count);
        }
        let major = counted.by_status.iter().filter(|((status, is_major), _)| *is_major && status != "closed");
        Self { hazards, major_open: major.map(|(_, count)| count).sum(), overdue: counted.overdue, conflicts }
    }
}

/// GET /api/v1/townships: by id.
pub async fn list(app: web::Data<App>, who: Reader, query: web::Query<PageQuery>) -> Result<HttpResponse, Problem> {
    let limit = query.limit();
    let wrong = || Problem::field("after", "the `next` of the page before");
    let after: Option<TownshipId> = query.after.as_deref().map(|text| text.parse().map_err(|_| wrong())).transpose()?;
    let over = who.over(query.township)?;
    let mut rest: Vec<TownshipId> = over.into_iter().filter(|id| after.is_none_or(|after| *id > after)).collect();
    let more = rest.len() > limit;
    rest.truncate(limit);
    let next = rest.last().filter(|_| more).map(ToString::to_string);
    let (today, whole) = (township_date(app.now_ms()), who.caller.is_township_wide());
    let rows = app.database.read(move |tx| {
        rest.iter().map(|id| row(tx, *id, whole, &today)).collect::<Result<Vec<Row>, DbError>>().map_err(Problem::from)
    });
    Ok(ok(&Page { rows: rows.await?, next }))
}

fn row(tx: &mut dyn Transaction, id: TownshipId, whole: bool, today: &str) -> Result<Row, DbError> {
    let numbers = if whole {
        let counted = tx.hazard_numbers(id, today)?;
        Some(Numbers::of(&counted, tx.count_conflicts(id)?))
    } else {
        None
    };
    Ok(Row { id, name: township_name(tx, id)?, numbers })
}
