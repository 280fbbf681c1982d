//! Reading the ledger: hazards, one record, its history.

use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use sync_core::ids::{RecordId, TownshipId, VillageId};
use sync_core::people::Caller;
use sync_core::settled::MEMBERS;
use sync_core::time::{Ms, is_date, township_date};

use super::page::{Page, rows_within};
use crate::app::App;
use crate::db::hazards::{HazardFilter, HazardKey, HazardLine, HazardMark, HazardOrder};
use crate::error::{Code, Problem, ok};
use crate::extract::{Authenticated, Reader};
use crate::ledger::places::places_of;
use crate::ledger::project::villages_of;
use crate::ledger::reach::{self, LineMark};
use crate::ledger::read::{self, Line, asked_in};
use crate::limits::{HISTORY_ROWS_MAX, PLACES_MAX, SEARCH_CHARS_MAX};

/// Characters of an id.
pub(super) const ID_CHARS: usize = 36;
/// Characters of a day, `YYYY-MM-DD`.
const DAY_CHARS: usize = 10;

/// The query of GET /api/v1/hazards. Lists are separated by commas; what is absent does not narrow.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HazardQuery {
    township: Option<TownshipId>,
    village: Option<String>,
    site: Option<RecordId>,
    sector: Option<String>,
    status: Option<String>,
    level: Option<String>,
    #[serde(default)]
    overdue: bool,
    due_from: Option<String>,
    due_until: Option<String>,
    missing: Option<String>,
    found_from: Option<Ms>,
    found_before: Option<Ms>,
    closed_from: Option<Ms>,
    closed_before: Option<Ms>,
    text: Option<String>,
    #[serde(default)]
    with_void: bool,
    #[serde(default)]
    order: Order,
    after: Option<String>,
    limit: Option<usize>,
}

/// In which order lines are asked for.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Order {
    #[default]
    Newest,
    Oldest,
    Due,
}

impl From<Order> for HazardOrder {
    fn from(order: Order) -> Self {
        match order {
            Order::Newest => Self::NewestFirst,
            Order::Oldest => Self::OldestFirst,
            Order::Due => Self::DueFirst,
        }
    }
}

/// GET /api/v1/hazards: lines of the ledger, the newest find first unless another order is asked for.
pub async fn hazards(
    app: web::Data<App>,
    who: Reader,
    query: web::Query<HazardQuery>,
) -> Result<HttpResponse, Problem> {
    let today = township_date(app.clock.now_ms());
    let limit = rows_within(query.limit);
    let (filter, over) = (query.filter(&who.caller, &today)?, who.over(query.township)?);
    let order = filter.order;
    let mark = query.after.as_deref().map(|text| after(text, order)).transpose()?;
    let read = app.database.read(move |tx| {
        let lines = reach::lines(tx, &over, &filter, mark.as_ref(), limit.saturating_add(1))?;
        Ok::<_, Problem>((asked_in(tx, lines.iter().map(|(township, _)| *township))?, lines))
    });
    let (asked, mut lines) = read.await?;
    let more = lines.len() > limit;
    lines.truncate(limit);
    let next = lines.last().filter(|_| more).map(|last| place_of(last, order, who.is_county()));
    let line = |(township, line)| {
        let asked = asked.get(&township).map(Vec::as_slice).unwrap_or_default();
        Line::on(line, &today, asked, who.is_county().then_some(township))
    };
    Ok(ok(&Page { rows: lines.into_iter().map(line).collect(), next }))
}

/// The place of a line in an order, after which a page may begin; a county's reader says its township, too.
fn place_of((township, line): &(TownshipId, HazardLine), order: HazardOrder, is_county: bool) -> String {
    let place = match line.mark(order).key {
        HazardKey::Found(at) => format!("{at}-{}", line.id),
        HazardKey::Due(day) => format!("{day}-{}", line.id),
    };
    if is_county { format!("{place}-{township}") } else { place }
}

/// A hazard on the map.
#[derive(Serialize)]
struct PlaceView {
    #[serde(flatten)]
    line: Line,
    lat: f64,
    lon: f64,
}

/// The hazards on a map.
#[derive(Serialize)]
struct PlacesView {
    rows: Vec<PlaceView>,
    /// How many lines were looked at, the first of the order.
    looked: usize,
    /// Whether there are more lines than were looked at.
    more: bool,
}

/// GET /api/v1/hazards/places: where the first lines of a query of GET /hazards are; those whose place nobody knows are left out.
pub async fn places(
    app: web::Data<App>,
    who: Authenticated,
    query: web::Query<HazardQuery>,
) -> Result<HttpResponse, Problem> {
    let today = township_date(app.clock.now_ms());
    let filter = query.filter(&who.caller, &today)?;
    let read = app.database.read(move |tx| {
        let mut lines = tx.hazards(who.township, &filter, PLACES_MAX.saturating_add(1))?;
        let more = lines.len() > PLACES_MAX;
        lines.truncate(PLACES_MAX);
        Ok::<_, Problem>((places_of(tx, who.township, &lines)?, asked_in(tx, [who.township])?, lines, more))
    });
    let (places, asked, lines, more) = read.await?;
    let asked = asked.get(&who.township).map(Vec::as_slice).unwrap_or_default();
    let looked = lines.len();
    let row = |line: HazardLine| {
        let (lat, lon) = *places.get(&line.id)?;
        Some(PlaceView { line: Line::on(line, &today, asked, None), lat, lon })
    };
    Ok(ok(&PlacesView { rows: lines.into_iter().filter_map(row).collect(), looked, more }))
}

impl HazardQuery {
    pub(super) fn filter(&self, caller: &Caller, today: &str) -> Result<HazardFilter, Problem> {
        let is_major = match self.level.as_deref() {
            None => None,
            Some("major") => Some(true),
            Some("general") => Some(false),
            Some(_) => return Err(Problem::field("level", "major or general")),
        };
        Ok(HazardFilter {
            villages: self.villages(caller)?,
            site: self.site,
            sectors: words(self.sector.as_deref()),
            statuses: words(self.status.as_deref()),
            is_major,
            overdue_on: self.overdue.then(|| today.to_owned()),
            due_from: day("due_from", self.due_from.as_ref())?,
            due_until: day("due_until", self.due_until.as_ref())?,
            missing: self.missing.as_deref().map(member).transpose()?,
            found_from_ms: self.found_from,
            found_before_ms: self.found_before,
            closed_from_ms: self.closed_from,
            closed_before_ms: self.closed_before,
            text: self.text()?,
            with_void: self.with_void,
            order: self.order.into(),
            after: None,
        })
    }

    /// What is searched for. Every letter of it is looked up, so that it has an end.
    fn text(&self) -> Result<Option<String>, Problem> {
        let text = self.text.clone().filter(|text| !text.is_empty());
        if text.as_ref().is_some_and(|text| text.chars().count() > SEARCH_CHARS_MAX) {
            return Err(Problem::field("text", format!("at most {SEARCH_CHARS_MAX} characters")));
        }
        Ok(text)
    }

    /// The villages that are asked for, within those that the caller may see.
    fn villages(&self, caller: &Caller) -> Result<Option<Vec<VillageId>>, Problem> {
        let asked: Vec<VillageId> = words(self.village.as_deref())
            .iter()
            .map(|id| id.parse().map_err(|_| Problem::field("village", "ids of villages, separated by commas")))
            .collect::<Result<_, _>>()?;
        Ok(match (asked.is_empty(), villages_of(caller)) {
            (true, own) => own,
            (false, None) => Some(asked),
            (false, Some(own)) => Some(asked.into_iter().filter(|village| own.contains(village)).collect()),
        })
    }
}

/// A day that is asked for.
fn day(name: &str, given: Option<&String>) -> Result<Option<String>, Problem> {
    if given.is_some_and(|day| !is_date(day)) {
        Err(Problem::field(name, "a day, YYYY-MM-DD"))
    } else {
        Ok(given.cloned())
    }
}

/// The place of what must be settled among `MEMBERS`.
fn member(name: &str) -> Result<usize, Problem> {
    let wrong = || Problem::field("missing", format!("one of {}", MEMBERS.join(", ")));
    MEMBERS.iter().position(|member| *member == name).ok_or_else(wrong)
}

fn words(list: Option<&str>) -> Vec<String> {
    list.unwrap_or_default().split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Where a page of lines begins: `<ms>-<id>`, by what falls due `<day>-<id>`; of several townships with `-<township>` after it.
fn after(text: &str, order: HazardOrder) -> Result<LineMark, Problem> {
    let key = || match order {
        HazardOrder::NewestFirst | HazardOrder::OldestFirst => {
            let (at, rest) = text.split_once('-')?;
            Some((HazardKey::Found(at.parse().ok()?), rest))
        }
        HazardOrder::DueFirst => {
            let (day, rest) = text.split_at_checked(DAY_CHARS).filter(|(day, _)| is_date(day))?;
            Some((HazardKey::Due(day.to_owned()), rest.strip_prefix('-')?))
        }
    };
    let parsed = key().and_then(|(key, rest)| {
        let (id, township) = rest.split_at_checked(ID_CHARS)?;
        let township = match township.strip_prefix('-') {
            Some(township) => Some(township.parse().ok()?),
            None if township.is_empty() => None,
            None => return None,
        };
        Some(LineMark { place: HazardMark { key, id: id.parse().ok()?, is_included: false }, township })
    });
    parsed.ok_or_else(|| Problem::field("after", "the `next` of the page before, in the same order"))
}

/// The query of one record.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordQuery {
    township: Option<TownshipId>,
}

/// GET /api/v1/records/{id}: one record with everything about it.
pub async fn record(
    app: web::Data<App>,
    who: Reader,
    id: web::Path<RecordId>,
    query: web::Query<RecordQuery>,
) -> Result<HttpResponse, Problem> {
    let now_ms = app.clock.now_ms();
    let (over, caller, is_county) = (who.over(query.township)?, who.caller.clone(), who.is_county());
    let view = app
        .database
        .read(move |tx| reach::first(&over, |township| read::record_view(tx, township, &caller, *id, now_ms)))
        .await
        .map_err(Problem::from)?;
    let (township, mut view) = view.ok_or_else(unknown)?;
    view.township = is_county.then_some(township);
    Ok(ok(&view))
}

/// The query of a record's history.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HistoryQuery {
    #[serde(default)]
    offset: usize,
    township: Option<TownshipId>,
}

/// GET /api/v1/records/{id}/history: its versions as they arrived.
pub async fn history(
    app: web::Data<App>,
    who: Reader,
    id: web::Path<RecordId>,
    query: web::Query<HistoryQuery>,
) -> Result<HttpResponse, Problem> {
    let offset = query.offset;
    let limit = HISTORY_ROWS_MAX.saturating_add(1);
    let over = who.over(query.township)?;
    let entries = app
        .database
        .read(move |tx| reach::first(&over, |township| read::history(tx, township, &who.caller, *id, offset, limit)))
        .await
        .map_err(Problem::from)?;
    let (_, mut rows) = entries.ok_or_else(unknown)?;
    let next = (rows.len() > HISTORY_ROWS_MAX).then(|| offset.saturating_add(HISTORY_ROWS_MAX).to_string());
    rows.truncate(HISTORY_ROWS_MAX);
    Ok(ok(&Page { rows, next }))
}

/// Nothing is there, or not for this caller: the two are not told apart.
pub(super) fn unknown() -> Problem {
    Problem::new(Code::NotFound, "There is no such record, or it is not yours to see")
}
