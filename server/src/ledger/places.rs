//! Where hazards are: as their phones said, else at their site. Read from their states, for no more hazards than a limit.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sync_core::ids::{RecordId, TownshipId};
use sync_core::record::Record;

use super::project::read_state;
use crate::db::hazards::HazardLine;
use crate::db::{DbError, Transaction};

/// Latitude and longitude in degrees (WGS 84).
pub type Place = (f64, f64);

/// The places of some hazards, as far as they are known.
///
/// # Errors
/// The database failed.
pub fn places_of(
    tx: &mut dyn Transaction,
    township: TownshipId,
    lines: &[HazardLine],
) -> Result<BTreeMap<RecordId, Place>, DbError> {
    let ids: Vec<RecordId> = lines.iter().map(|line| line.id).collect();
    let mut places = own_places(tx, township, &ids)?;
    let without = || lines.iter().filter(|line| !places.contains_key(&line.id));
    let sites: BTreeSet<RecordId> = without().filter_map(|line| line.site).collect();
    let of_sites = own_places(tx, township, &sites.into_iter().collect::<Vec<_>>())?;
    let at_sites: Vec<(RecordId, Place)> =
        without().filter_map(|line| Some((line.id, *of_sites.get(&line.site?)?))).collect();
    places.extend(at_sites);
    Ok(places)
}

fn own_places(
    tx: &mut dyn Transaction,
    township: TownshipId,
    ids: &[RecordId],
) -> Result<BTreeMap<RecordId, Place>, DbError> {
    let mut places = BTreeMap::new();
    for (id, state) in tx.records(township, ids)? {
        if let Some(place) = place(&read_state(&state)?) {
            places.insert(id, place);
        }
    }
    Ok(places)
}

fn place(record: &Record) -> Option<Place> {
    let location = record.value("location")?;
    let degrees = |name: &str| location.get(name).and_then(Value::as_f64);
    Some((degrees("lat")?, degrees("lon")?))
}
