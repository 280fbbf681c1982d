//! Where each monthly report stands between its village and the office, derived from the edits' sets by the words of
//! docs/protocol.md ("The monthly report").

use sync_core::monthly::ReportState;
use sync_core::record::Record;

use super::super::set::EditId;
use super::standing::Standing;
use super::{Check, Oracle, ensure};

/// What derives the state of a report: that of the core, or a sabotaged one.
pub(crate) type StateOf = fn(&Record) -> ReportState;

impl Oracle {
    /// Compares the state of a report; of other records nothing is said.
    pub(super) fn check_report(&self, record: &Record, standing: &Standing, state_of: StateOf) -> Check {
        if record.kind != "monthly_report" {
            return Ok(());
        }
        let (shown, expected) = (state_of(record), self.report(standing));
        let is_safer = shown == ReportState::Accepted && expected != ReportState::Accepted;
        ensure!(
            !is_safer,
            "never_safer_than_the_facts",
            "report {}: {shown:?}, by the history {expected:?}; state {}",
            record.id,
            record.to_json()
        );
        let is_exact = !self.touched_by_restore.contains(&record.id);
        ensure!(
            !is_exact || shown == expected,
            "a_report_stands_where_its_history_says",
            "report {}: {shown:?}, by the history {expected:?}",
            record.id
        );
        Ok(())
    }

    fn report(&self, standing: &Standing) -> ReportState {
        let at = |path: &str| standing.get(path).map(Vec::as_slice).unwrap_or_default();
        let value = |path: &str, edit: EditId| &self.edits[edit].changes[path];
        let submissions = at("submitted_at");
        if submissions.is_empty() || submissions.iter().any(|edit| value("submitted_at", *edit).is_null()) {
            return ReportState::Draft;
        }
        let knew = |word: &str, edit: EditId| {
            let reviews = at("review").iter().filter(|review| *value("review", **review) == word);
            reviews.copied().any(|review| review == edit || self.edits[review].knew.has(edit))
        };
        if submissions.iter().all(|edit| knew("returned", *edit)) {
            return ReportState::Returned;
        }
        let is_undisputed = self.values("review", at("review")).all(|word| word == "accepted");
        let is_disputed = |(path, edits): (&String, &Vec<EditId>)| {
            ["figures", "narrative"].iter().any(|field| path.starts_with(field)) && self.is_contested(path, edits)
        };
        let is_undisputed = is_undisputed && !standing.iter().any(is_disputed);
        let of_the_village = standing.iter().filter(|(path, _)| !path.starts_with("review"));
        let mut said = of_the_village.flat_map(|(_, edits)| edits);
        if is_undisputed && said.all(|edit| knew("accepted", *edit)) {
            return ReportState::Accepted;
        }
        ReportState::Submitted
    }
}
