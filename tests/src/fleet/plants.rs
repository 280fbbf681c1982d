//! Edits of one hazard by two people who do not see each other's: planted on purpose, so that the list of conflicts can
//! be held against what must be on it.

use std::collections::BTreeMap;

use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use sync_core::ids::{RecordId, VillageId};
use sync_core::time::Ms;

use super::oracle::{Oracle, Planted, Shown};
use super::seeds::Seed;

/// A hazard that everybody of its village holds after its stage.
#[derive(Clone, Debug)]
pub struct Found {
    /// The hazard.
    pub record: RecordId,
    /// Its village.
    pub village: VillageId,
    /// The stage in which it was found.
    pub stage: usize,
    /// How many phones the village has.
    pub people: usize,
    /// When it was found.
    pub found_at_ms: Ms,
}

/// One of the two edits.
#[derive(Clone, Debug, PartialEq)]
pub struct PlantedEdit {
    /// The place of the village in the list.
    pub village: usize,
    /// The place of the phone in its village.
    pub phone: usize,
    /// The stage at whose beginning it is made.
    pub stage: usize,
    /// The hazard.
    pub record: RecordId,
    /// Path → value.
    pub changes: BTreeMap<String, Value>,
}

/// One hazard in so many is edited by two.
const ONE_IN: usize = 40;
/// However few hazards there are.
const AT_LEAST: usize = 18;

/// Chooses hazards and edits, and tells the oracle what must come of them.
#[must_use]
pub fn plant(seed: Seed, villages: &[&[Found]], stages: usize, oracle: &mut Oracle) -> Vec<PlantedEdit> {
    let mut rng = seed.rng("plants", "");
    let mut candidates: Vec<(usize, &Found)> = villages
        .iter()
        .enumerate()
        .flat_map(|(village, found)| found.iter().map(move |found| (village, found)))
        .filter(|(_, found)| found.people > 1 && found.stage.saturating_add(1) < stages)
        .collect();
    let wanted = (candidates.len() / ONE_IN).max(AT_LEAST);
    let mut edits = Vec::new();
    for turn in 0..wanted {
        if candidates.is_empty() {
            break;
        }
        let (village, found) = candidates.swap_remove(rng.random_range(0..candidates.len()));
        let stage = rng.random_range(found.stage.saturating_add(1)..stages);
        let first = rng.random_range(0..found.people);
        let second = first.saturating_add(rng.random_range(1..found.people)) % found.people;
        let [left, right] = changes(turn, found, &mut rng, oracle);
        oracle.more_versions(found.record, 2);
        for (phone, changes) in [(first, left), (second, right)] {
            edits.push(PlantedEdit { village, phone, stage, record: found.record, changes });
        }
    }
    edits
}

/// The two edits of one turn: half of the turns leave a conflict.
fn changes(turn: usize, found: &Found, rng: &mut StdRng, oracle: &mut Oracle) -> [BTreeMap<String, Value>; 2] {
    let mark = format!("{turn}-{}", rng.random_range(0..1_000_000_u32));
    match turn % 6 {
        0..=2 => distinct(turn / 6 * 3 + turn % 6, &mark, found, rng, oracle),
        3 => {
            let value = json!(format!("Replace the part ({mark})"));
            oracle.shows(found.record, "measures", Shown::Is(value.clone()));
            [one("measures", value.clone()), one("measures", value)]
        }
        4 => {
            let (measures, responsible) = (json!(format!("Repair it ({mark})")), json!(format!("Owner {mark}")));
            oracle.shows(found.record, "measures", Shown::Is(measures.clone()));
            oracle.shows(found.record, "responsible", Shown::Is(responsible.clone()));
            [one("measures", measures), one("responsible", responsible)]
        }
        _ => {
            let places = [json!({ "lat": 43.5, "lon": -79.25 }), json!({ "lat": 43.75, "lon": -79.5 })];
            oracle.shows(found.record, "location", Shown::OneOf(places.to_vec()));
            places.map(|place| one("location", place))
        }
    }
}

/// Two distinct values on a field whose rule asks a supervisor, and what the office decides about every second.
fn distinct(
    turn: usize,
    mark: &str,
    found: &Found,
    rng: &mut StdRng,
    oracle: &mut Oracle,
) -> [BTreeMap<String, Value>; 2] {
    let text = |what: &str| {
        [json!(format!("{what} seen by one ({mark})")), json!(format!("{what} seen by the other ({mark})"))]
    };
    let (path, values, shown) = match turn % 7 {
        0 => ("level", [json!("major"), json!("general")], Some(0)),
        1 => ("description", text("Damage"), None),
        2 => ("deadline", [json!("2018-03-01"), json!("2018-02-01")], Some(1)),
        3 => ("place", text("Stairwell"), None),
        4 => ("funds", [json!(1_200), json!(800)], Some(0)),
        5 => ("suggested_measures", text("Replacement"), None),
        _ => ("found_by", text("Inspector"), None),
    };
    let decided = rng.random_bool(0.5).then(|| usize::from(rng.random_bool(0.5)));
    let decision = decided.and_then(|index| values.get(index)).cloned();
    let rule_shows = shown.and_then(|index: usize| values.get(index)).cloned();
    let shown = match decision.clone().or(rule_shows) {
        Some(value) => Shown::Is(value),
        None => Shown::OneOf(values.to_vec()),
    };
    if path == "level" && shown == Shown::Is(json!("major")) {
        oracle.major.insert(found.record);
    }
    if decision.is_some() {
        oracle.more_versions(found.record, 1);
    }
    oracle.shows(found.record, path, shown);
    oracle.conflicts.insert((found.record, path.to_owned()), Planted { values: values.clone(), decision });
    values.map(|value| one(path, value))
}

fn one(path: &str, value: Value) -> BTreeMap<String, Value> {
    BTreeMap::from([(path.to_owned(), value)])
}
