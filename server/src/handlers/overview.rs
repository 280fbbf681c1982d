//! The ledger counted: what there is by village, sector, level and status, and what each month brought.

use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use sync_core::ids::{TownshipId, VillageId};
use sync_core::time::{Ms, township_date};

use crate::app::App;
use crate::db::hazards::{HazardFilter, HazardGroup};
use crate::db::{DbError, Transaction};
use crate::error::{Problem, ok};
use crate::extract::Authenticated;
use crate::ledger::project::villages_of;
use crate::limits::OVERVIEW_SPANS_MAX;

/// The query of the overview.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OverviewQuery {
    /// Only hazards found from here on.
    found_from: Option<Ms>,
    /// Only hazards found before.
    found_before: Option<Ms>,
    /// Ends of the spans whose turnover is asked for, rising, separated by commas: n + 1 instants for n spans.
    #[serde(default)]
    spans: String,
}

#[derive(Debug, Serialize)]
struct Overview {
    groups: Vec<Group>,
    overdue: Vec<Group>,
    spans: Vec<Span>,
}

#[derive(Debug, Serialize)]
struct Group {
    village: Option<VillageId>,
    sector: String,
    level: &'static str,
    status: String,
    count: u64,
}

#[derive(Debug, Serialize)]
struct Span {
    from: Ms,
    before: Ms,
    found: u64,
    closed: u64,
}

impl From<HazardGroup> for Group {
    fn from(group: HazardGroup) -> Self {
        let level = if group.is_major { "major" } else { "general" };
        Self { village: group.village, sector: group.sector, level, status: group.status, count: group.count }
    }
}

/// GET /api/v1/overview: hazards that the caller may see, counted.
pub async fn overview(
    app: web::Data<App>,
    who: Authenticated,
    query: web::Query<OverviewQuery>,
) -> Result<HttpResponse, Problem> {
    let ends = query.ends()?;
    let filter = HazardFilter {
        villages: villages_of(&who.caller),
        found_from_ms: query.found_from,
        found_before_ms: query.found_before,
        ..HazardFilter::default()
    };
    let today = township_date(app.now_ms());
    let counted = app.database.read(move |tx| count(tx, who.township, &filter, &today, &ends).map_err(Problem::from));
    Ok(ok(&counted.await?))
}

impl OverviewQuery {
    fn ends(&self) -> Result<Vec<Ms>, Problem> {
        let wrong = || Problem::field("spans", format!("up to {OVERVIEW_SPANS_MAX} rising instants in ms, by commas"));
        let words = self.spans.split(',').filter(|word| !word.is_empty());
        let ends: Vec<Ms> = words.map(|word| word.parse().map_err(|_| wrong())).collect::<Result<_, _>>()?;
        if ends.len() > OVERVIEW_SPANS_MAX.saturating_add(1) || !ends.is_sorted() { Err(wrong()) } else { Ok(ends) }
    }
}

fn count(
    tx: &mut dyn Transaction,
    township: TownshipId,
    filter: &HazardFilter,
    today: &str,
    ends: &[Ms],
) -> Result<Overview, DbError> {
    let overdue = HazardFilter { overdue_on: Some(today.to_owned()), ..filter.clone() };
    let mut spans = Vec::new();
    for (from, before) in ends.iter().copied().zip(ends.iter().copied().skip(1)) {
        let turnover = tx.hazard_turnover(township, filter.villages.as_deref(), from, before)?;
        spans.push(Span { from, before, found: turnover.found, closed: turnover.closed });
    }
    Ok(Overview {
        groups: tx.hazard_groups(township, filter)?.into_iter().map(Group::from).collect(),
        overdue: tx.hazard_groups(township, &overdue)?.into_iter().map(Group::from).collect(),
        spans,
    })
}
