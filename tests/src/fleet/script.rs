//! What everybody does, made from the rows before anything runs: for every phone the steps of its stages in time order.
//! Who edits the same record as somebody else is `plants`; which photos are taken is `photos`.
//!
//! A *stage* is a span of simulated time. At its end all phones of a village meet: each sends what it has and receives
//! what the others sent, so that at the beginning of the next stage everybody of the village holds the same. In between
//! each works by itself: some days end with a sync, most do not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rand::RngExt;
use serde_json::Value;
use sync_core::ids::{RecordId, VillageId};
use sync_core::time::Ms;

use super::csv::Row;
use super::mapping::{Draft, Mapping, township_reinspection};
use super::oracle::Oracle;
use super::photos::{Album, Shot};
use super::plants::{Found, plant};
use super::seeds::Seed;

/// The username of the supervisor who acts for the office.
pub const OFFICE: &str = "office";

const DAY_MS: Ms = 86_400_000;
const YEAR_MS: i64 = 365 * 86_400_000;

/// One thing that a phone does. Writing is durable as a whole or did not happen.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// A visit: records that are created together, with a photo perhaps.
    Visit {
        /// The records, referred to before referring.
        drafts: Vec<Draft>,
        /// The photo whose bytes belong to them.
        shot: Option<Arc<Shot>>,
    },
    /// An edit of a record that the phone holds.
    Edit {
        /// The record.
        record: RecordId,
        /// When.
        at_ms: Ms,
        /// Path → value.
        changes: BTreeMap<String, Value>,
    },
    /// The day ends where there is a signal; after some failures it is left for another day.
    Sync {
        /// When.
        at_ms: Ms,
    },
    /// Everything is sent and received, however often the link fails.
    Meet {
        /// When.
        at_ms: Ms,
    },
}

impl Step {
    /// Whether it writes, and therefore moves the phone's place in its script.
    #[must_use]
    pub fn writes(&self) -> bool {
        matches!(self, Self::Visit { .. } | Self::Edit { .. })
    }
}

/// One phone, and what it does stage by stage.
#[derive(Clone, Debug)]
pub struct PhoneScript {
    /// The username of its owner.
    pub username: String,
    /// By how much its clock is wrong, ms.
    pub clock_off_ms: i64,
    /// Its steps by stage.
    pub stages: Vec<Vec<Step>>,
}

/// A village and its phones.
#[derive(Clone, Debug)]
pub struct VillageScript {
    /// The ward.
    pub ward: String,
    /// The village.
    pub village: VillageId,
    /// Its phones.
    pub phones: Vec<PhoneScript>,
}

/// Everything that happens, and what must be true afterwards.
#[derive(Debug)]
pub struct Script {
    /// The directory: what the office writes before anybody goes out.
    pub directory: Vec<Draft>,
    /// The villages.
    pub villages: Vec<VillageScript>,
    /// What the office writes when the villages are done: its own re-inspections of what reads major.
    pub closing: Vec<Draft>,
    /// The last instant.
    pub end_ms: Ms,
    /// The instant at which each stage ends.
    pub stage_ends_ms: Vec<Ms>,
    /// The stage before which hazards whose closing lies after the last visit are still open.
    pub closing_stage: usize,
    /// What must be true at the end.
    pub oracle: Oracle,
    /// Writing steps of all phones.
    pub steps: u64,
}

/// How a script is made.
#[derive(Debug)]
pub struct Making<'a> {
    /// The seed.
    pub seed: Seed,
    /// The spans into which the time of the visits is cut.
    pub visit_stages: usize,
    /// Photos to take.
    pub album: &'a Album,
}

/// Makes the script of some rows.
#[must_use]
pub fn make(rows: &[Row], making: &Making<'_>) -> Script {
    let mapping = Mapping(making.seed);
    let stages = Stages::of(rows, mapping, making.visit_stages);
    let mut oracle = Oracle::default();
    let directory = directory(rows, mapping);
    directory.iter().for_each(|draft| oracle.created(draft));

    let mut villages: BTreeMap<&str, Village<'_>> = BTreeMap::new();
    let mut shots = making.album.shots(rows.iter().filter(|row| row.code.is_some()).count());
    for row in rows {
        let village = villages.entry(&row.ward).or_insert_with(|| Village::new(&row.ward, making.seed, &stages));
        let shot = row.code.as_ref().and_then(|_| shots.next()).flatten();
        village.add(row, shot, mapping, &stages, &mut oracle);
    }
    let found: Vec<&[Found]> = villages.values().map(|village| village.found.as_slice()).collect();
    let edits = plant(making.seed, &found, stages.count, &mut oracle);
    let mut villages: Vec<Village<'_>> = villages.into_values().collect();
    for edit in edits {
        let phone = villages.get_mut(edit.village).and_then(|village| village.phones.get_mut(edit.phone));
        if let Some(steps) = phone.and_then(|phone| phone.get_mut(edit.stage)) {
            let at_ms = stages.begin_ms(edit.stage);
            steps.push((at_ms, Step::Edit { record: edit.record, at_ms, changes: edit.changes }));
        }
    }
    let villages: Vec<VillageScript> = villages.into_iter().map(|village| village.script(making.seed)).collect();
    let last_ms = rows.iter().filter_map(|row| mapping.closed_ms(row)).max().unwrap_or(0);
    let stage_ends_ms: Vec<Ms> = (1..=stages.count).map(|stage| stages.begin_ms(stage)).collect();
    let end_ms = last_ms.max(stages.begin_ms(stages.count)).saturating_add(DAY_MS);
    let closing = closing(making.seed, &mut oracle, end_ms);
    let phones = villages.iter().flat_map(|village| &village.phones);
    let written = phones.flat_map(|phone| phone.stages.iter().flatten()).filter(|step| step.writes()).count();
    let steps = written.saturating_add(directory.len()).saturating_add(closing.len());
    let steps = u64::try_from(steps).unwrap_or(0);
    Script { directory, villages, closing, end_ms, stage_ends_ms, closing_stage: stages.visits, oracle, steps }
}

/// The township's re-inspections of the hazards that read major.
fn closing(seed: Seed, oracle: &mut Oracle, at_ms: Ms) -> Vec<Draft> {
    let major: Vec<(RecordId, VillageId)> =
        oracle.major.iter().filter_map(|hazard| Some((*hazard, oracle.records.get(hazard)?.village?))).collect();
    let draft = |(hazard, village)| township_reinspection(seed, hazard, village, at_ms, OFFICE);
    let drafts: Vec<Draft> = major.into_iter().map(draft).collect();
    drafts.iter().for_each(|draft| oracle.created(draft));
    drafts
}

/// The villages and sites, in the order in which they are first visited.
fn directory(rows: &[Row], mapping: Mapping) -> Vec<Draft> {
    let mut known = BTreeSet::new();
    let mut drafts = Vec::new();
    for row in rows {
        let of_row = [Some(mapping.village_draft(&row.ward)), mapping.site_draft(row)];
        drafts.extend(of_row.into_iter().flatten().filter(|draft| known.insert(draft.record)));
    }
    drafts
}

/// The spans of time: so many of equal length up to the last visit, then a third as many for what is closed later.
#[derive(Clone, Copy, Debug)]
struct Stages {
    from_ms: Ms,
    span_ms: Ms,
    visits: usize,
    count: usize,
}

impl Stages {
    fn of(rows: &[Row], mapping: Mapping, visits: usize) -> Self {
        let from_ms = rows.iter().map(|row| mapping.opened_ms(row)).min().unwrap_or(0) / DAY_MS * DAY_MS;
        let to_ms = rows.iter().map(|row| mapping.opened_ms(row)).max().unwrap_or(0).saturating_add(DAY_MS);
        let visits = visits.max(1);
        let count = visits.saturating_add(visits.div_ceil(3));
        let parts = u64::try_from(visits).unwrap_or(1);
        Self { from_ms, span_ms: (to_ms.saturating_sub(from_ms) / parts).saturating_add(1), visits, count }
    }

    fn at(&self, at_ms: Ms) -> usize {
        let stage = usize::try_from(at_ms.saturating_sub(self.from_ms) / self.span_ms).unwrap_or(usize::MAX);
        stage.min(self.count.saturating_sub(1))
    }

    fn begin_ms(&self, stage: usize) -> Ms {
        self.from_ms.saturating_add(self.span_ms.saturating_mul(u64::try_from(stage).unwrap_or(0)))
    }
}

/// A village while its script is made.
struct Village<'a> {
    ward: &'a str,
    mapping: Mapping,
    usernames: Vec<String>,
    /// By phone, by stage.
    phones: Vec<Vec<Vec<(Ms, Step)>>>,
    found: Vec<Found>,
}

impl<'a> Village<'a> {
    /// Two inspectors, or three.
    fn new(ward: &'a str, seed: Seed, stages: &Stages) -> Self {
        let people = if seed.number("people", ward).is_multiple_of(2) { 2 } else { 3 };
        let usernames = (1..=people).map(|person| format!("ward{ward}-{person}")).collect();
        Self {
            ward,
            mapping: Mapping(seed),
            usernames,
            phones: vec![vec![Vec::new(); stages.count]; people],
            found: Vec::new(),
        }
    }

    fn draw(&self, row: &Row, what: &str) -> usize {
        let people = u64::try_from(self.usernames.len()).unwrap_or(1).max(1);
        let number = self.mapping.0.number(what, &format!("{} {}", row.line, row.inspection_id));
        usize::try_from(number % people).unwrap_or(0)
    }

    fn add(&mut self, row: &Row, shot: Option<Arc<Shot>>, mapping: Mapping, stages: &Stages, oracle: &mut Oracle) {
        let finder = self.draw(row, "finder");
        let by = self.usernames.get(finder).cloned().unwrap_or_default();
        let found_at_ms = mapping.opened_ms(row);
        let stage = stages.at(found_at_ms);
        let mut drafts = vec![mapping.inspection_draft(row, &by)];
        if let Some(hazard) = mapping.hazard_draft(row, &by) {
            self.found.push(Found {
                record: hazard.record,
                village: mapping.village(&row.ward),
                stage,
                people: self.usernames.len(),
                found_at_ms,
            });
            drafts.push(hazard);
        }
        let shot = shot.zip(mapping.hazard(row));
        drafts.extend(shot.as_ref().map(|(shot, hazard)| shot.draft(mapping.0, *hazard, row, mapping)));
        drafts.iter().for_each(|draft| oracle.created(draft));
        self.push(finder, found_at_ms, stages, Step::Visit { drafts, shot: shot.map(|(shot, _)| shot) });

        let Some(at_ms) = mapping.closed_ms(row) else { return };
        // Somebody else re-inspects what everybody holds; what was found since the last meeting, only its finder.
        let closer = if stages.at(at_ms) > stage { self.draw(row, "closer") } else { finder };
        let by = self.usernames.get(closer).cloned().unwrap_or_default();
        if let Some(draft) = mapping.reinspection_draft(row, &by) {
            oracle.created(&draft);
            self.push(closer, at_ms, stages, Step::Visit { drafts: vec![draft], shot: None });
        }
    }

    fn push(&mut self, phone: usize, at_ms: Ms, stages: &Stages, step: Step) {
        let steps = self.phones.get_mut(phone).and_then(|phone| phone.get_mut(stages.at(at_ms)));
        if let Some(steps) = steps {
            steps.push((at_ms, step));
        }
    }

    fn script(self, seed: Seed) -> VillageScript {
        let village = self.mapping.village(self.ward);
        let phones = self.phones.into_iter().zip(self.usernames).map(|(stages, username)| {
            let mut rng = seed.rng("days", &username);
            let clock_off_ms = match seed.number("clock", &username) % 9 {
                4 => YEAR_MS.saturating_mul(14),
                7 => YEAR_MS.saturating_mul(-6),
                _ => i64::try_from(seed.number("clock", &username) % 600_000).unwrap_or(0),
            };
            let stages = stages.into_iter().map(|steps| with_syncs(steps, || rng.random_bool(0.3))).collect();
            PhoneScript { username, clock_off_ms, stages }
        });
        VillageScript { ward: self.ward.to_owned(), village, phones: phones.collect() }
    }
}

/// The steps in time order; a day with work ends with a sync where `has_signal` says so.
fn with_syncs(mut steps: Vec<(Ms, Step)>, mut has_signal: impl FnMut() -> bool) -> Vec<Step> {
    steps.sort_by_key(|(at_ms, _)| *at_ms);
    let mut days = Vec::with_capacity(steps.len());
    let mut today = None;
    for (at_ms, step) in steps {
        let day = at_ms / DAY_MS;
        if today.is_some_and(|today| today != day) && has_signal() {
            days.push(Step::Sync { at_ms });
        }
        today = Some(day);
        days.push(step);
    }
    days
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use super::*;

    fn rows() -> Vec<Row> {
        let row = |line: usize| Row {
            line,
            inspection_id: line.to_string(),
            opened: jiff::civil::date(2017, 1, 1)
                .saturating_add(jiff::Span::new().days(i64::try_from(line % 300).unwrap())),
            closed: Some(jiff::civil::date(2017, 12, 30)),
            address: Some(format!("{} Main St", line % 40)),
            code: (!line.is_multiple_of(3)).then(|| "2.7.3.2".to_owned()),
            description: Some("Exit Signs".to_owned()),
            position: None,
            ward: (line % 2).to_string(),
        };
        let mut rows: Vec<Row> = (1..400).map(row).collect();
        rows.sort_by_key(|row| row.opened);
        rows
    }

    fn script(seed: u64) -> Script {
        make(&rows(), &Making { seed: Seed(seed), visit_stages: 6, album: &Album::default() })
    }

    #[test]
    fn the_same_seed_makes_the_same_script_and_another_seed_another() {
        let phones = |script: &Script| format!("{:?}", script.villages);
        assert_eq!(phones(&script(3)), phones(&script(3)));
        assert_ne!(phones(&script(3)), phones(&script(4)));
    }

    #[test]
    fn both_planted_edits_of_a_hazard_come_before_any_sync_of_the_same_stage_and_after_the_stage_of_its_find() {
        let script = script(5);
        let mut edits: BTreeMap<RecordId, Vec<(usize, usize)>> = BTreeMap::new();
        let mut finds: BTreeMap<RecordId, usize> = BTreeMap::new();
        for village in &script.villages {
            for (phone, stages) in village.phones.iter().map(|phone| &phone.stages).enumerate() {
                for (stage, steps) in stages.iter().enumerate() {
                    let first_sync = steps.iter().position(|step| !step.writes()).unwrap_or(usize::MAX);
                    for (place, step) in steps.iter().enumerate() {
                        match step {
                            Step::Edit { record, .. } => {
                                assert!(place < first_sync, "an edit after a sync");
                                edits.entry(*record).or_default().push((phone, stage));
                            }
                            Step::Visit { drafts, .. } => {
                                finds.extend(drafts.iter().map(|draft| (draft.record, stage)));
                            }
                            Step::Sync { .. } | Step::Meet { .. } => {}
                        }
                    }
                }
            }
        }
        assert!(edits.len() >= 12, "{}", edits.len());
        for (record, edits) in edits {
            let [(left, at), (right, also_at)] = edits[..] else { panic_with(record) };
            assert!(left != right && at == also_at && finds[&record] < at);
        }
    }

    fn panic_with(record: RecordId) -> ! {
        std::panic::panic_any(format!("{record} is not edited by exactly two"))
    }

    #[test]
    fn every_planted_conflict_is_known_to_the_oracle_and_majors_are_closed_by_the_office() {
        let script = script(5);
        assert!(script.oracle.conflicts.values().any(|planted| planted.decision.is_none()));
        assert_eq!(script.closing.len(), script.oracle.major.len());
        assert!(script.oracle.conflicts.keys().all(|(record, _)| script.oracle.records[record].versions >= 3));
    }
}
