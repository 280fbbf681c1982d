//! The township's calendar of working days, and what falls due by it.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use sync_core::ids::{TownshipId, VillageId};
use sync_core::time::{is_date, township_date};
use sync_core::workdays::{Calendar, WORKING_DAYS_MAX, Why};

use crate::app::App;
use crate::db::{DbError, Transaction};
use crate::error::{Problem, ok};
use crate::extract::Authenticated;
use crate::ledger::project::villages_of;
use crate::ledger::setting::setting;
use crate::limits::{CALENDAR_DAYS_MAX, DUE_WITHIN_DAYS};

/// The query of the calendar.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalendarQuery {
    from: String,
    until: String,
}

#[derive(Debug, Serialize)]
struct Day {
    day: String,
    why: Why,
    works: bool,
}

#[derive(Debug, Serialize)]
struct Days {
    days: Vec<Day>,
}

/// GET /api/v1/calendar: the days from one to another, and whether people work on them.
pub async fn days(
    app: web::Data<App>,
    who: Authenticated,
    query: web::Query<CalendarQuery>,
) -> Result<HttpResponse, Problem> {
    let CalendarQuery { from, until } = query.into_inner();
    for (name, day) in [("from", &from), ("until", &until)] {
        if !is_date(day) {
            return Err(Problem::field(name, "a day, YYYY-MM-DD"));
        }
    }
    let calendar = app.database.read(move |tx| setting(tx, who.township)).await.map_err(Problem::from)?;
    let days = Calendar::of(calendar.as_ref()).days(&from, &until, CALENDAR_DAYS_MAX);
    let day = |(day, why): (String, Why)| Day { day, why, works: why.works() };
    Ok(ok(&Days { days: days.into_iter().map(day).collect() }))
}

/// The query of a deadline.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeadlineQuery {
    working_days: u16,
    from: Option<String>,
}

#[derive(Debug, Serialize)]
struct Deadline {
    from: String,
    working_days: u16,
    deadline: String,
}

/// GET /api/v1/calendar/deadline: the day that so many working days after another lead to.
pub async fn deadline(
    app: web::Data<App>,
    who: Authenticated,
    query: web::Query<DeadlineQuery>,
) -> Result<HttpResponse, Problem> {
    let DeadlineQuery { working_days, from } = query.into_inner();
    let from = from.unwrap_or_else(|| township_date(app.clock.now_ms()));
    let calendar = app.database.read(move |tx| setting(tx, who.township)).await.map_err(Problem::from)?;
    let counted = Calendar::of(calendar.as_ref()).after(&from, working_days);
    let wrong = || Problem::field("working_days", format!("up to {WORKING_DAYS_MAX}, after a day YYYY-MM-DD"));
    Ok(ok(&Deadline { deadline: counted.ok_or_else(wrong)?, from, working_days }))
}

/// The query of what falls due.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DueQuery {
    within: Option<u16>,
}

/// What is due of one village, or of the township where none is named.
#[derive(Debug, Default, Serialize)]
struct DueOf {
    village: Option<VillageId>,
    overdue: u64,
    due: u64,
}

#[derive(Debug, Serialize)]
struct Due {
    today: String,
    /// Within so many working days.
    within: u16,
    /// The last day of them.
    until: String,
    overdue: u64,
    due: u64,
    villages: Vec<DueOf>,
}

/// GET /api/v1/due: what is overdue, and what falls due within so many working days, by village.
pub async fn due(
    app: web::Data<App>,
    who: Authenticated,
    query: web::Query<DueQuery>,
) -> Result<HttpResponse, Problem> {
    let within = query.within.unwrap_or(DUE_WITHIN_DAYS);
    let today = township_date(app.clock.now_ms());
    let villages = villages_of(&who.caller);
    let wrong = || Problem::field("within", format!("working days, up to {WORKING_DAYS_MAX}"));
    let read = app.database.read(move |tx| due_of(tx, who.township, villages.as_deref(), &today, within));
    Ok(ok(&read.await.map_err(Problem::from)?.ok_or_else(wrong)?))
}

fn due_of(
    tx: &mut dyn Transaction,
    township: TownshipId,
    villages: Option<&[VillageId]>,
    today: &str,
    within: u16,
) -> Result<Option<Due>, DbError> {
    let Some(until) = Calendar::of(setting(tx, township)?.as_ref()).after(today, within) else { return Ok(None) };
    let due = tx.hazards_due(township, villages, Some(today), &until)?;
    let late = tx.hazards_due(township, villages, None, &until)?;
    let mut by_village: BTreeMap<Option<VillageId>, DueOf> = BTreeMap::new();
    for (village, all) in late {
        by_village.insert(village, DueOf { village, overdue: all, due: 0 });
    }
    for (village, soon) in due {
        let of = by_village.entry(village).or_insert_with(|| DueOf { village, ..DueOf::default() });
        (of.due, of.overdue) = (soon, of.overdue.saturating_sub(soon));
    }
    let villages: Vec<DueOf> = by_village.into_values().collect();
    let sum = |count: fn(&DueOf) -> u64| villages.iter().map(count).sum();
    let (overdue, due) = (sum(|of| of.overdue), sum(|of| of.due));
    Ok(Some(Due { today: today.to_owned(), within, until, overdue, due, villages }))
}
