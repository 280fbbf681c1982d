//! What the demo township's office has written into its directory before anybody inspects: villages, checklists by sector with
//! the articles that they rest on, kinds of sites that a village has, and a campaign that runs. Names no person.

use serde::Deserialize;
use serde_json::{Value, json};
use sync_core::ids::{RecordId, VillageId};
use sync_core::time::{Ms, township_date};

use super::{derived, villages};
use crate::db::DbError;
use crate::sync::authored::Writing;

/// The demo's middle: the villages lie around it on a grid, some kilometres apart.
const CENTRE: (f64, f64) = (29.563, 106.551);

/// Between neighbouring villages, degrees (about 3 km).
const VILLAGES_APART: f64 = 0.03;

/// Metres in a degree of latitude.
const DEGREE_M: f64 = 111_320.0;

const DAY_MS: Ms = 86_400_000;

#[derive(Deserialize)]
pub(super) struct Directory {
    checklists: Vec<Checklist>,
    sites: Vec<Site>,
    campaign: Campaign,
}

#[derive(Deserialize)]
struct Checklist {
    sector: String,
    title: String,
    items: Value,
}

/// A kind of site: every first, second, … village has one.
#[derive(Deserialize)]
struct Site {
    name: String,
    sector: String,
    category: String,
    every: usize,
    #[serde(default)]
    major_hazard_source: bool,
    north_m: f64,
    east_m: f64,
}

#[derive(Deserialize)]
struct Campaign {
    title: String,
    r#type: String,
    days: Ms,
    lead: String,
    sectors: Vec<String>,
}

/// A site of a village.
pub(super) struct SiteOf {
    pub(super) id: RecordId,
    pub(super) name: String,
    pub(super) sector: String,
    pub(super) location: Value,
}

/// What the office knows before anybody inspects.
///
/// # Errors
/// `directory.json` cannot be read: the program was built wrongly.
pub(super) fn read() -> Result<Directory, DbError> {
    serde_json::from_str(include_str!("directory.json"))
        .map_err(|error| DbError::Internal(format!("directory.json: {error}")))
}

/// The sites of the village at this place of the list.
pub(super) fn sites_of(directory: &Directory, at: usize) -> Vec<SiteOf> {
    let Some((_, name, code)) = villages().into_iter().nth(at) else { return Vec::new() };
    let sites = directory.sites.iter().filter(|site| at.checked_rem(site.every) == Some(0));
    let site = |site: &Site| SiteOf {
        id: site_id(code, &site.name),
        name: format!("{name}{}", site.name),
        sector: site.sector.clone(),
        location: place(middle_of(at), site.north_m, site.east_m),
    };
    sites.map(site).collect()
}

fn site_id(code: &str, name: &str) -> RecordId {
    RecordId(derived(&format!("site/{code}/{name}")))
}

/// Everything, in an order in which each may be written.
///
/// # Errors
/// `directory.json` cannot be read: the program was built wrongly.
pub(super) fn writings(now_ms: Ms) -> Result<Vec<Writing>, DbError> {
    let directory = read()?;
    let villages = villages().into_iter().enumerate().flat_map(|(at, (village, name, code))| {
        let centre = middle_of(at);
        let own = json!({"name": name, "code": code, "location": place(centre, 0.0, 0.0)});
        let sites = directory.sites.iter().filter(move |site| at % site.every == 0);
        let sites = sites.map(move |site| site_of(site, village, (name, code), centre));
        std::iter::once(writing(village.record(), "village", None, own)).chain(sites).collect::<Vec<_>>()
    });
    let checklists = directory.checklists.iter().map(|checklist| {
        let id = RecordId(derived(&format!("checklist/{}", checklist.sector)));
        let changes = json!({"sector": checklist.sector, "title": checklist.title, "items": checklist.items});
        writing(id, "checklist", None, changes)
    });
    Ok(villages.chain(checklists).chain(std::iter::once(campaign(&directory.campaign, now_ms))).collect())
}

fn site_of(site: &Site, village: VillageId, (name, code): (&str, &str), centre: (f64, f64)) -> Writing {
    let id = site_id(code, &site.name);
    let changes = json!({
        "name": format!("{name}{}", site.name),
        "sector": site.sector,
        "category": site.category,
        "location": place(centre, site.north_m, site.east_m),
        "major_hazard_source": site.major_hazard_source,
        "status": "in_use",
    });
    writing(id, "site", Some(village), changes)
}

fn campaign(campaign: &Campaign, now_ms: Ms) -> Writing {
    let own = json!({
        "title": campaign.title,
        "type": campaign.r#type,
        "starts": township_date(now_ms),
        "ends": township_date(now_ms.saturating_add(campaign.days.saturating_mul(DAY_MS))),
        "lead": campaign.lead,
    });
    let mut writing = writing(RecordId(derived("campaign")), "campaign", None, own);
    writing.changes.extend(campaign.sectors.iter().map(|sector| (format!("sectors/{sector}"), true.into())));
    writing
}

/// A writing that claims to have seen everything.
pub(super) fn writing(record: RecordId, kind: &str, village: Option<VillageId>, changes: Value) -> Writing {
    let changes = match changes {
        Value::Object(changes) => changes.into_iter().collect(),
        _ => std::collections::BTreeMap::new(),
    };
    Writing { record, kind: kind.to_owned(), village, context: None, instead_of: None, changes }
}

/// The middle of the village at this place of the list: six in a row, three rows.
fn middle_of(at: usize) -> (f64, f64) {
    let (row, column) = (at / 6, at % 6);
    let steps = |count: usize, half: f64| (u32::try_from(count).map_or(0.0, f64::from) - half) * VILLAGES_APART;
    (CENTRE.0 + steps(row, 1.0), CENTRE.1 + steps(column, 2.5))
}

/// A place so many metres from a middle, to six digits: a tenth of a metre.
fn place((lat, lon): (f64, f64), north_m: f64, east_m: f64) -> Value {
    let rounded = |degrees: f64| (degrees * 1e6).round() / 1e6;
    let lat = lat + north_m / DEGREE_M;
    json!({"lat": rounded(lat), "lon": rounded(lon + east_m / (DEGREE_M * lat.to_radians().cos()))})
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[test]
    fn every_village_has_sites_and_nothing_is_written_twice() {
        let all = writings(1_700_000_000_000).unwrap();
        let ids: BTreeSet<RecordId> = all.iter().map(|writing| writing.record).collect();
        assert_eq!(ids.len(), all.len(), "every record is written once");
        let mut by_kind: BTreeMap<&str, usize> = BTreeMap::new();
        for writing in &all {
            *by_kind.entry(&writing.kind).or_default() += 1;
        }
        assert_eq!((by_kind["village"], by_kind["checklist"], by_kind["campaign"]), (18, 6, 1));
        for (village, name, _) in villages() {
            assert!(all.iter().filter(|writing| writing.village == Some(village)).count() >= 3, "{name}");
        }
    }
}
