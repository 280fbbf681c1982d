//! Functions of records: states and ids come in as text. A state is opaque outside: whoever parsed it and wrote it again
//! in JavaScript would change its numbers, and with them its bytes.

use std::collections::BTreeSet;

use sync_core::comment::{self, CommentState};
use sync_core::digest::{Digest, Mark};
use sync_core::ids::{RecordId, VillageId};
use sync_core::monthly::{self, MonthHazard, ReportState};
use sync_core::people::Role;
use sync_core::record::Record;
use sync_core::time::Ms;
use sync_core::{coverage, permissions, settled, status};

use crate::fault::{Fault, FaultCode, id};
use crate::views::{HazardStanding, RecordView};

/// A record from the text of its state.
///
/// # Errors
/// When the text is no state.
pub fn state(argument: &str, text: &str) -> Result<Record, Fault> {
    Record::from_json(text).map_err(|error| Fault::malformed(argument, error.to_string()))
}

fn states(argument: &str, texts: &[String]) -> Result<Vec<Record>, Fault> {
    texts.iter().map(|text| state(argument, text)).collect()
}

/// The join of two states or deltas of one record.
///
/// # Errors
/// When one is no state, or they are of different records.
pub fn join(base: &str, delta: &str) -> Result<String, Fault> {
    let (mut joined, delta) = (state("base", base)?, state("delta", delta)?);
    if joined.id != delta.id {
        let detail = format!("the base is of record {}, the delta of {}", joined.id, delta.id);
        return Err(Fault { code: FaultCode::OtherRecord, field: "delta".to_owned(), detail });
    }
    joined.join(&delta);
    Ok(joined.to_json())
}

/// What a state shows.
///
/// # Errors
/// When it is no state.
pub fn read_record(text: &str) -> Result<RecordView, Fault> {
    Ok(RecordView::of(&state("state", text)?))
}

/// SHA-256 over a state, in lower-case hex: equal states, and only those, have equal fingerprints.
///
/// # Errors
/// When it is no state.
pub fn fingerprint(text: &str) -> Result<String, Fault> {
    Ok(state("state", text)?.fingerprint().hex())
}

/// What stands for a state in a digest: 16 hex digits, to be stored beside it.
///
/// # Errors
/// When it is no state.
pub fn mark(text: &str) -> Result<String, Fault> {
    Ok(Mark::of(&state("state", text)?).to_string())
}

/// The bucket of a digest in which a record is, 0 to 255.
///
/// # Errors
/// When it is no id.
pub fn bucket(record: &str) -> Result<u8, Fault> {
    Ok(Digest::bucket(id("record", record)?))
}

/// Whether a value stands in another state that this one neither holds nor has overwritten.
///
/// # Errors
/// When one is no state.
pub fn lacks(text: &str, other: &str) -> Result<bool, Fault> {
    Ok(state("state", text)?.lacks(&state("other", other)?))
}

/// Where a hazard stands on a day (`YYYY-MM-DD`), by the records that speak of it.
///
/// # Errors
/// When one is no state.
pub fn standing(hazard: &str, facts: &[String], today: &str) -> Result<HazardStanding, Fault> {
    let standing = status::standing(&state("hazard", hazard)?, &states("facts", facts)?);
    Ok(HazardStanding::on(today, standing))
}

/// What the office asks to be settled of a hazard and is not, by the records that speak of it; `setting` is the township's.
///
/// # Errors
/// When one is no state.
pub fn unsettled(setting: Option<&str>, hazard: &str, facts: &[String]) -> Result<Vec<&'static str>, Fault> {
    let setting = setting.map(|text| state("setting", text)).transpose()?;
    let hazard = state("hazard", hazard)?;
    let missing = settled::missing(&hazard, &status::standing(&hazard, &states("facts", facts)?));
    Ok(settled::asked_for(setting.as_ref()).into_iter().filter(|member| missing.contains(member)).collect())
}

/// Those of the sites that a campaign means to reach, each with whether one of the inspections reached it for the campaign.
///
/// # Errors
/// When one is no state.
pub fn covered(campaign: &str, sites: &[String], inspections: &[String]) -> Result<Vec<(RecordId, bool)>, Fault> {
    let campaign = state("campaign", campaign)?;
    let inspections = states("inspections", inspections)?;
    let visits = inspections.iter().filter_map(|inspection| Some((inspection.village, coverage::visit(inspection)?)));
    let covering = visits.filter(|(_, visit)| coverage::covers(&campaign, visit));
    let reached: BTreeSet<(RecordId, Option<VillageId>)> = covering.map(|(by, visit)| (visit.site, by)).collect();
    let is_reached = |site: &Record| reached.iter().any(|(id, by)| *id == site.id && coverage::speaks_for(*by, site));
    let sites = states("sites", sites)?;
    let targets = sites.iter().filter(|site| coverage::is_target(&campaign, site));
    Ok(targets.map(|site| (site.id, is_reached(site))).collect())
}

/// The hazards that a record speaks of.
///
/// # Errors
/// When it is no state.
pub fn hazards_named(text: &str) -> Result<Vec<RecordId>, Fault> {
    Ok(status::hazards_named(&state("state", text)?).into_iter().collect())
}

/// The keys that a re-inspection of a hazard made now writes under `follows`.
///
/// # Errors
/// When one is no state, or the hazard no id.
pub fn to_follow(hazard: &str, facts: &[String]) -> Result<Vec<String>, Fault> {
    let hazard: RecordId = id("hazard", hazard)?;
    Ok(status::to_follow(hazard, &states("facts", facts)?).collect())
}

/// The record that is the monthly report of a village.
///
/// # Errors
/// When the village is no id.
pub fn report_id(village: &str, month: &str) -> Result<RecordId, Fault> {
    let village: VillageId = id("village", village)?;
    Ok(monthly::report_id(village, month))
}

/// Where a monthly report stands.
///
/// # Errors
/// When it is no state.
pub fn report_state(text: &str) -> Result<ReportState, Fault> {
    Ok(monthly::report_state(&state("state", text)?))
}

/// Where a comment stands.
///
/// # Errors
/// When it is no state.
pub fn comment_state(text: &str) -> Result<CommentState, Fault> {
    Ok(comment::comment_state(&state("state", text)?))
}

/// Which figures of a month one record counts in, as bits: a hazard where it is said whether it is major, else an inspection.
#[must_use]
pub fn counts_in(
    month: &str,
    today: &str,
    at_ms: Ms,
    is_major: Option<bool>,
    deadline: Option<&str>,
    closed_at_ms: Option<Ms>,
) -> u8 {
    let hazard = is_major.map(|is_major| MonthHazard { is_major, deadline, closed_at_ms });
    let counts = monthly::counts_in(month, today, at_ms, hazard);
    counts.iter().rev().fold(0, |bits, counts| bits << 1 | u8::from(*counts))
}

/// Whether a role writes a field of a kind at all.
///
/// # Errors
/// When there is no such role.
pub fn may_write(role: &str, kind: &str, field: &str) -> Result<bool, Fault> {
    let role = Role::from_name(role).ok_or_else(|| Fault::malformed("role", "no role has this name"))?;
    Ok(permissions::may_write(role, kind, field))
}
