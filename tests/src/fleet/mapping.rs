//! What a row of the data set becomes in the ledger: ids, records and their fields. `verify_rows` reads the same rows
//! again and compares them with what the server shows.
//!
//! ward → village · address → site (sector fire) · row → inspection at `opened` · row with a code → hazard found there and
//! then · `closed` of a row with a code → a passed re-inspection on that day. A row without an address is an inspection of
//! a free place. A description without a code is what the inspector concluded: no clause was violated.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde_json::{Value, json};
use sync_core::ids::{RecordId, VillageId};
use sync_core::time::Ms;

use super::csv::{Row, midnight_ms};
use super::seeds::Seed;

const HOUR_MS: u64 = 3_600_000;
/// Directory records are older than every visit: 2016-12-01.
const DIRECTORY_MS: Ms = 1_480_521_600_000;

/// A record that somebody creates, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// Its id.
    pub record: RecordId,
    /// Its kind.
    pub kind: &'static str,
    /// Its village; `None`: the township.
    pub village: Option<VillageId>,
    /// When it is written.
    pub at_ms: Ms,
    /// Path → value.
    pub changes: BTreeMap<String, Value>,
}

/// Draws the ids and instants of rows.
#[derive(Clone, Copy, Debug)]
pub struct Mapping(pub Seed);

impl Mapping {
    /// The village of a ward.
    #[must_use]
    pub fn village(self, ward: &str) -> VillageId {
        VillageId(self.0.id("village", ward, DIRECTORY_MS))
    }

    /// The site of an address in a ward.
    #[must_use]
    pub fn site(self, ward: &str, address: &str) -> RecordId {
        RecordId(self.0.id("site", &format!("{ward}\n{address}"), DIRECTORY_MS))
    }

    /// The inspection of a row.
    #[must_use]
    pub fn inspection(self, row: &Row) -> RecordId {
        RecordId(self.0.id("inspection", &name(row), self.opened_ms(row)))
    }

    /// The hazard of a row with a code.
    #[must_use]
    pub fn hazard(self, row: &Row) -> Option<RecordId> {
        row.code.as_ref().map(|_| RecordId(self.0.id("hazard", &name(row), self.opened_ms(row))))
    }

    /// The re-inspection of a row with a code and a day of closing.
    #[must_use]
    pub fn reinspection(self, row: &Row) -> Option<RecordId> {
        let at_ms = self.closed_ms(row)?;
        Some(RecordId(self.0.id("reinspection", &name(row), at_ms)))
    }

    /// The instant of the visit: on the day `opened`, from 08:00 to 18:00.
    #[must_use]
    pub fn opened_ms(self, row: &Row) -> Ms {
        self.instant(row.opened, "opened", row)
    }

    /// The instant of the re-inspection, after the visit; `None` where there was nothing to re-inspect.
    #[must_use]
    pub fn closed_ms(self, row: &Row) -> Option<Ms> {
        row.code.as_ref()?;
        let at_ms = self.instant(row.closed?, "closed", row);
        // A violation that was cleared on the day of the visit was looked at again in the evening.
        let evening = if row.closed == Some(row.opened) { 12 * HOUR_MS } else { 0 };
        Some(at_ms.saturating_add(evening))
    }

    fn instant(self, day: Date, what: &str, row: &Row) -> Ms {
        let within = self.0.number(what, &name(row)) % (10 * HOUR_MS);
        midnight_ms(day).saturating_add(8 * HOUR_MS).saturating_add(if what == "closed" { within / 3 } else { within })
    }

    /// The village record of a ward.
    #[must_use]
    pub fn village_draft(self, ward: &str) -> Draft {
        let changes = [("name", json!(format!("Ward {ward}"))), ("code", json!(ward))];
        draft(self.village(ward).record(), "village", None, DIRECTORY_MS, changes)
    }

    /// The site record of a row with an address.
    #[must_use]
    pub fn site_draft(self, row: &Row) -> Option<Draft> {
        let address = row.address.as_deref()?;
        let mut changes = vec![
            ("name", json!(cut(address, 120))),
            ("address", json!(cut(address, 200))),
            ("sector", json!("fire")),
            ("category", json!("high-rise residential")),
        ];
        changes.extend(row.position.map(|at| ("location", location(at))));
        let id = self.site(&row.ward, address);
        Some(draft(id, "site", Some(self.village(&row.ward)), DIRECTORY_MS, changes))
    }

    /// The inspection of a row, by a person.
    #[must_use]
    pub fn inspection_draft(self, row: &Row, by: &str) -> Draft {
        let at_ms = self.opened_ms(row);
        let mut changes =
            vec![("type", json!("routine")), ("inspected_at", json!(at_ms)), ("conclusion", json!(conclusion(row)))];
        changes.push(match &row.address {
            Some(address) => ("site", json!(self.site(&row.ward, address))),
            None => ("place", json!(format!("Ward {}", row.ward))),
        });
        changes.extend(row.position.map(|at| ("location", location(at))));
        let mut draft = draft(self.inspection(row), "inspection", Some(self.village(&row.ward)), at_ms, changes);
        draft.changes.insert(format!("inspectors/{by}"), json!(true));
        draft
    }

    /// The hazard of a row with a code, found by a person.
    #[must_use]
    pub fn hazard_draft(self, row: &Row, by: &str) -> Option<Draft> {
        let at_ms = self.opened_ms(row);
        let mut changes = vec![
            ("inspection", json!(self.inspection(row))),
            ("sector", json!("fire")),
            ("category", json!(cut(row.code.as_deref()?, 60))),
            ("level", json!("general")),
            ("description", json!(description(row)?)),
            ("found_at", json!(at_ms)),
            ("found_by", json!(by)),
        ];
        changes.extend(row.address.as_ref().map(|address| ("site", json!(self.site(&row.ward, address)))));
        changes.extend(row.position.map(|at| ("location", location(at))));
        Some(draft(self.hazard(row)?, "hazard", Some(self.village(&row.ward)), at_ms, changes))
    }

    /// The passed re-inspection of a row that was closed, by a person.
    #[must_use]
    pub fn reinspection_draft(self, row: &Row, by: &str) -> Option<Draft> {
        let at_ms = self.closed_ms(row)?;
        let changes = [
            ("hazard", json!(self.hazard(row)?)),
            ("at", json!(at_ms)),
            ("by", json!(by)),
            ("result", json!("passed")),
        ];
        Some(draft(self.reinspection(row)?, "reinspection", Some(self.village(&row.ward)), at_ms, changes))
    }
}

/// The township's own re-inspection of a hazard that reads major: the village's pass does not close it.
#[must_use]
pub fn township_reinspection(seed: Seed, hazard: RecordId, village: VillageId, at_ms: Ms, by: &str) -> Draft {
    let id = RecordId(seed.id("township reinspection", &hazard.to_string(), at_ms));
    let changes = [
        ("hazard", json!(hazard)),
        ("at", json!(at_ms)),
        ("by", json!(by)),
        ("result", json!("passed")),
        ("authority", json!("township")),
    ];
    draft(id, "reinspection", Some(village), at_ms, changes)
}

/// A hazard's description: the clause and its words; the clause alone where the words are lacking.
#[must_use]
pub fn description(row: &Row) -> Option<String> {
    let code = row.code.as_deref()?;
    Some(row.description.as_deref().map_or_else(|| code.to_owned(), |words| format!("{code} {words}")))
}

/// An inspection's conclusion.
#[must_use]
pub fn conclusion(row: &Row) -> String {
    match (&row.code, &row.description) {
        (Some(_), _) => "A violation was found".to_owned(),
        (None, Some(words)) => words.clone(),
        (None, None) => "Nothing was found".to_owned(),
    }
}

/// The value of a location field.
#[must_use]
pub fn location((lat, lon): (f64, f64)) -> Value {
    json!({ "lat": lat, "lon": lon })
}

/// At most so many characters of a text.
#[must_use]
pub fn cut(text: &str, chars_max: usize) -> String {
    text.chars().take(chars_max).collect()
}

fn name(row: &Row) -> String {
    format!("{} {}", row.line, row.inspection_id)
}

/// A draft of a record.
#[must_use]
pub fn draft(
    record: RecordId,
    kind: &'static str,
    village: Option<VillageId>,
    at_ms: Ms,
    changes: impl IntoIterator<Item = (&'static str, Value)>,
) -> Draft {
    let changes = changes.into_iter().map(|(path, value)| (path.to_owned(), value)).collect();
    Draft { record, kind, village, at_ms, changes }
}
