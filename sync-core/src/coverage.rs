//! A campaign's coverage: which sites it means to reach, and which inspections reached them.
//!
//! Doubt is read the less safe way: a site that may be meant is meant, and an inspection of which it is disputed where or when it was,
//! or that somebody voided, reached nothing.

use serde_json::Value;

use crate::ids::{RecordId, VillageId};
use crate::record::Record;
use crate::rules::Voiding;
use crate::time::{Ms, township_date};

/// What an inspection says of having reached a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Visit {
    /// Which site.
    pub site: RecordId,
    /// For which campaign, if for one.
    pub campaign: Option<RecordId>,
    /// When, ms since 1970.
    pub at_ms: Ms,
}

/// The visit that an inspection surely was; `None` for one of a free place.
#[must_use]
pub fn visit(inspection: &Record) -> Option<Visit> {
    let is_sure = inspection.kind == "inspection"
        && inspection.voiding() == Voiding::Stands
        && !["site", "inspected_at"].into_iter().any(|path| inspection.is_contested(path));
    let id = |path: &str| inspection.text(path)?.parse().ok();
    let at_ms = inspection.value("inspected_at").and_then(Value::as_u64)?;
    id("site").filter(|_| is_sure).map(|site| Visit { site, campaign: id("campaign"), at_ms })
}

/// Whether a campaign means to reach a site: one of its list, and of its sectors; an empty list does not narrow. A site that was
/// closed down or voided is not meant.
#[must_use]
pub fn is_target(campaign: &Record, site: &Record) -> bool {
    let own = site.id.to_string();
    let is_listed = |field: &str, is_it: &dyn Fn(&str) -> bool| {
        let mut listed = campaign.keys(field).peekable();
        listed.peek().is_none() || listed.any(is_it)
    };
    let is_of = |sector: &str| site.siblings("sector").any(|sibling| sibling.value.as_str() == Some(sector));
    site.kind == "site"
        && site.counts()
        && site.text("status") != Some("closed")
        && is_listed("sites", &|id| id == own)
        && is_listed("sectors", &is_of)
}

/// Whether an inspection under `village` (`None`: the township's own) speaks for a site: another village cannot say that it was reached.
#[must_use]
pub fn speaks_for(village: Option<VillageId>, site: &Record) -> bool {
    village.is_none() || village == site.village
}

/// The first and the last day that are surely a campaign's, `YYYY-MM-DD`: of several that stand the narrowest, and none where
/// somebody has cleared one.
#[must_use]
pub fn days(campaign: &Record) -> Option<(&str, &str)> {
    let edge = |path, is_last: bool| {
        let mut edge: Option<&str> = None;
        for sibling in campaign.siblings(path) {
            let day = sibling.value.as_str()?;
            edge = edge.filter(|known| (*known < day) == is_last).or(Some(day));
        }
        edge
    };
    Some((edge("starts", false)?, edge("ends", true)?))
}

/// Whether a visit counts for a campaign: made for it, or on one of its days.
#[must_use]
pub fn covers(campaign: &Record, visit: &Visit) -> bool {
    let day = township_date(visit.at_ms);
    visit.campaign == Some(campaign.id)
        || days(campaign).is_some_and(|(first, last)| (first..=last).contains(&day.as_str()))
}
