//! The verification against the data set itself: every row of the file is looked for in the pulled records
//! and in the lines of the ledger, field by field, in the data set's own words.

use std::collections::{BTreeMap, BTreeSet};

use sync_core::ids::RecordId;
use sync_core::record::Record;
use sync_core::time::{Ms, township_date};

use super::csv::Row;
use super::findings::{Findings, Sort};
use super::mapping::{Mapping, cut};
use super::oracle::Oracle;
use super::verify::{Ledger, Line};

/// What the rows are held against.
#[derive(Debug)]
pub struct Shown<'a> {
    /// How ids follow from rows.
    pub mapping: Mapping,
    /// The records as pulled.
    pub ledger: &'a Ledger,
    /// The ledger's lines.
    pub lines: &'a BTreeMap<RecordId, Line>,
    /// What was edited after it was captured.
    pub oracle: &'a Oracle,
}

impl Shown<'_> {
    /// Every row has its inspection, its hazard and its re-inspection, and no line stands for none.
    pub fn rows(&self, rows: &[Row], findings: &mut Findings) {
        let mut hazards = BTreeSet::new();
        for row in rows {
            self.inspection(row, findings);
            if let Some(hazard) = self.mapping.hazard(row) {
                let is_first = hazards.insert(hazard);
                findings.check(is_first, Sort::Doubled, || format!("two rows have the hazard {hazard}"));
                self.hazard(row, hazard, findings);
            }
        }
        for line in self.lines.keys().filter(|id| !hazards.contains(id)) {
            findings.add(Sort::Doubled, || format!("the ledger has a line {line} that is no row"));
        }
    }

    fn record(&self, what: &str, row: &Row, id: RecordId, findings: &mut Findings) -> Option<&Record> {
        let record = self.ledger.get(&id).filter(|record| record.kind == what);
        findings.check(record.is_some(), Sort::Missing, || {
            format!("row {} ({}) has no {what} {id}", row.line, row.inspection_id)
        });
        record
    }

    fn inspection(&self, row: &Row, findings: &mut Findings) {
        let id = self.mapping.inspection(row);
        let Some(inspection) = self.record("inspection", row, id, findings) else { return };
        let day = inspection.value("inspected_at").and_then(serde_json::Value::as_u64).map(township_date);
        let mut same = |what: &str, holds: bool| {
            findings.check(holds, Sort::Different, || format!("row {}: {what} of the inspection {id}", row.line));
        };
        same("the day", day == Some(row.opened.to_string()));
        same("the ward", self.ward(inspection) == Some(&row.ward));
        same("the address", self.address(inspection) == row.address.as_deref());
        same("the position", position(inspection) == row.position);
    }

    fn hazard(&self, row: &Row, id: RecordId, findings: &mut Findings) {
        let Some(hazard) = self.record("hazard", row, id, findings) else { return };
        let edited = |path: &str| {
            self.oracle.records.get(&id).is_some_and(|expected| {
                expected.versions > 1
                    && expected.fields.get(path) != Some(&super::oracle::Shown::Is(hazard_word(row, path)))
            })
        };
        let line = self.lines.get(&id);
        findings.check(line.is_some(), Sort::Missing, || format!("row {}: the ledger has no line {id}", row.line));
        let found_ms = hazard.value("found_at").and_then(serde_json::Value::as_u64);
        let mut same = |what: &str, holds: bool| {
            findings.check(holds, Sort::Different, || format!("row {}: {what} of the hazard {id}", row.line));
        };
        same("the day", found_ms.map(township_date) == Some(row.opened.to_string()));
        same("the ward", self.ward(hazard) == Some(&row.ward));
        same("the address", self.address(hazard) == row.address.as_deref());
        same("the position", position(hazard) == row.position || edited("location"));
        same("the code", hazard.text("category") == row.code.as_deref().map(|code| cut(code, 60)).as_deref());
        let words = hazard.text("description").unwrap_or_default();
        let told = [&row.code, &row.description].into_iter().flatten().all(|part| words.contains(part.as_str()));
        same("the description", told || edited("description"));
        if let Some(line) = line {
            same("the line's village", line.village == hazard.village);
            same("the line's time", Some(line.found_at) == found_ms);
            let site = row.address.as_ref().map(|address| self.mapping.site(&row.ward, address));
            same("the line's site", line.site == site);
        }
        self.closing(row, id, line, findings);
    }

    /// Closed exactly where the row says so, on that day: or by the township, where the hazard reads major.
    fn closing(&self, row: &Row, id: RecordId, line: Option<&Line>, findings: &mut Findings) {
        let is_closed = line.is_some_and(|line| line.status == "closed");
        findings.check(is_closed == row.closed.is_some(), Sort::Different, || {
            format!("row {}: closed {:?}, but the line {id} reads {line:?}", row.line, row.closed)
        });
        let is_major = self.oracle.major.contains(&id);
        findings.check(line.is_some_and(|line| (line.level == "major") == is_major), Sort::Different, || {
            format!("row {}: the level of {line:?}", row.line)
        });
        let day = |at_ms: Option<Ms>| at_ms.map(township_date);
        let closed = row.closed.map(|day| day.to_string());
        if let Some(line) = line.filter(|_| !is_major) {
            findings.check(day(line.closed_at) == closed, Sort::Different, || {
                format!("row {}: closed on {closed:?}, but {line:?}", row.line)
            });
        }
        let Some(reinspection) = self.mapping.reinspection(row) else { return };
        let Some(record) = self.record("reinspection", row, reinspection, findings) else { return };
        let at = record.value("at").and_then(serde_json::Value::as_u64);
        let names = record.text("hazard") == Some(id.to_string().as_str());
        findings.check(names && day(at) == closed && record.text("result") == Some("passed"), Sort::Different, || {
            format!("row {}: the re-inspection {reinspection}", row.line)
        });
    }

    /// The ward of a record's village, as the village's own record says it.
    fn ward(&self, record: &Record) -> Option<&String> {
        let village = self.ledger.get(&record.village?.record())?;
        match village.value("code")? {
            serde_json::Value::String(code) => Some(code),
            _ => None,
        }
    }

    /// The address of a record's site, as the site's own record says it.
    fn address(&self, record: &Record) -> Option<&str> {
        let site = record.text("site")?.parse().ok()?;
        self.ledger.get(&site)?.text("address")
    }
}

fn hazard_word(row: &Row, path: &str) -> serde_json::Value {
    match path {
        "description" => super::mapping::description(row).map_or(serde_json::Value::Null, Into::into),
        _ => row.position.map_or(serde_json::Value::Null, super::mapping::location),
    }
}

fn position(record: &Record) -> Option<(f64, f64)> {
    let location = record.value("location")?;
    Some((location.get("lat")?.as_f64()?, location.get("lon")?.as_f64()?))
}

/// Every hazard has its line, and reads closed or not as `is_closed` says; `None`: that is not known at this moment.
pub fn standing(
    rows: &[Row],
    mapping: Mapping,
    is_closed: impl Fn(&Row, RecordId) -> Option<bool>,
    lines: &BTreeMap<RecordId, Line>,
    findings: &mut Findings,
) {
    for row in rows {
        let Some(id) = mapping.hazard(row) else { continue };
        let Some(line) = lines.get(&id) else {
            findings.add(Sort::Missing, || format!("row {}: the ledger has no line {id}", row.line));
            continue;
        };
        let Some(expected) = is_closed(row, id) else { continue };
        findings.check((line.status == "closed") == expected, Sort::Different, || {
            format!("row {}: the hazard {id} reads {}, expected closed: {expected}", row.line, line.status)
        });
    }
}
