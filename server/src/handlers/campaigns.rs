//! The coverage of a campaign: which of the sites that it means to reach were visited, and which not yet.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use sync_core::ids::{RecordId, VillageId};
use sync_core::time::Ms;

use super::ledger::unknown;
use super::page::rows_within;
use crate::app::App;
use crate::error::{Problem, ok};
use crate::extract::Authenticated;
use crate::ledger::visits::{Target, coverage};

/// The query of a coverage.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoverageQuery {
    visited: Option<bool>,
    village: Option<VillageId>,
    after: Option<RecordId>,
    limit: Option<usize>,
}

/// How far a campaign is, in a village or as a whole.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Progress {
    targets: usize,
    visited: usize,
}

#[derive(Debug, Serialize)]
struct Of {
    village: Option<VillageId>,
    #[serde(flatten)]
    progress: Progress,
}

#[derive(Debug, Serialize)]
struct Row {
    site: RecordId,
    village: Option<VillageId>,
    name: String,
    visited_at: Option<Ms>,
    times: u64,
}

impl From<Target> for Row {
    fn from(target: Target) -> Self {
        let Target { site, village, name, visited_at_ms, times } = target;
        Self { site, village, name, visited_at: visited_at_ms, times }
    }
}

#[derive(Debug, Serialize)]
struct Coverage {
    #[serde(flatten)]
    progress: Progress,
    villages: Vec<Of>,
    rows: Vec<Row>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<RecordId>,
}

impl Progress {
    fn add(&mut self, target: &Target) {
        self.targets = self.targets.saturating_add(1);
        self.visited = self.visited.saturating_add(usize::from(target.visited_at_ms.is_some()));
    }
}

impl Coverage {
    fn of(targets: Vec<Target>, query: &CoverageQuery) -> Self {
        let mut villages: BTreeMap<Option<VillageId>, Progress> = BTreeMap::new();
        let mut progress = Progress::default();
        for target in &targets {
            progress.add(target);
            villages.entry(target.village).or_default().add(target);
        }
        let is_asked = |target: &Target| {
            query.visited.is_none_or(|visited| target.visited_at_ms.is_some() == visited)
                && query.village.is_none_or(|village| target.village == Some(village))
        };
        // A page begins where the one before ended, whether or not that site has been visited since.
        let begins = query.after.and_then(|after| targets.iter().position(|target| target.site == after));
        let rest = targets.into_iter().skip(begins.map_or(0, |at| at.saturating_add(1))).filter(is_asked);
        let limit = rows_within(query.limit);
        let mut rows: Vec<Row> = rest.take(limit.saturating_add(1)).map(Row::from).collect();
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|row| row.site);
        let villages = villages.into_iter().map(|(village, progress)| Of { village, progress }).collect();
        Self { progress, villages, rows, next }
    }
}

/// GET /api/v1/campaigns/{id}/coverage: the sites by village and name, of those that the caller may see.
pub async fn covered(
    app: web::Data<App>,
    who: Authenticated,
    id: web::Path<RecordId>,
    query: web::Query<CoverageQuery>,
) -> Result<HttpResponse, Problem> {
    let read = app.database.read(move |tx| coverage(tx, who.township, &who.caller, *id));
    let targets = read.await.map_err(Problem::from)?.ok_or_else(unknown)?;
    Ok(ok(&Coverage::of(targets, &query)))
}
