//! What the office reads beside the ledger, derived from the edits' sets by the words of docs/protocol.md: where each return
//! stands ("Comments and returns"), which visits a campaign's coverage counts ("GET /campaigns/{id}/coverage"), which members
//! the setting asks for ("What must be settled").

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use server::db::comments::CommentRow;
use server::db::visits::VisitRow;
use sync_core::comment::{CommentState, comment_state};
use sync_core::coverage::{Visit, covers, is_target};
use sync_core::ids::RecordId;
use sync_core::record::Record;
use sync_core::settled::asked_for;

use super::super::contents::INSPECTED;
use super::super::set::EditId;
use super::hazards::Fact;
use super::{Check, Oracle, ensure};

/// The kinds of which the office reads more than their fields.
const OF_OFFICE: [&str; 5] = ["comment", "inspection", "campaign", "site", "setting"];

/// What the office's projections say.
pub(crate) struct OfficeRows {
    pub(crate) comments: BTreeMap<RecordId, CommentRow>,
    pub(crate) visits: BTreeMap<RecordId, VisitRow>,
}

impl Oracle {
    /// Compares what the office reads of comments, campaigns and the setting.
    pub(crate) fn check_office(&self, states: &BTreeMap<RecordId, String>, rows: &OfficeRows) -> Check {
        if !self.ambiguous.is_empty() {
            return Ok(());
        }
        let mut records: BTreeMap<RecordId, Record> = BTreeMap::new();
        for (id, state) in states.iter().filter(|(id, _)| OF_OFFICE.contains(&self.kind(**id))) {
            records.extend(Record::from_json(state).ok().map(|record| (*id, record)));
        }
        let facts: Vec<Fact> = records.keys().map(|id| self.fact(*id, &self.merged(*id))).collect();
        let of = |kind: &'static str| facts.iter().filter(move |fact| fact.kind == kind);
        for comment in of("comment") {
            self.check_comment(comment, &records[&comment.id], rows.comments.get(&comment.id))?;
        }
        for inspection in of("inspection") {
            self.check_visit(inspection, rows.visits.get(&inspection.id).map(|row| row.visit))?;
        }
        for campaign in of("campaign") {
            for site in of("site") {
                let shown = is_target(&records[&campaign.id], &records[&site.id]);
                let expected = self.is_meant(campaign, site);
                let is_exact = [campaign, site].iter().all(|fact| !self.touched_by_restore.contains(&fact.id));
                ensure!(
                    !is_exact || shown == expected,
                    "coverage_follows_from_the_history",
                    "site {} of campaign {}: {shown}, by the history {expected}",
                    site.id,
                    campaign.id
                );
            }
            for inspection in of("inspection") {
                self.check_covered(campaign, &records[&campaign.id], inspection, rows.visits.get(&inspection.id))?;
            }
        }
        for setting in of("setting").filter(|fact| !self.touched_by_restore.contains(&fact.id)) {
            let shown: BTreeSet<&str> = asked_for(Some(&records[&setting.id])).into_iter().collect();
            let expected = self.asked(setting);
            ensure!(shown == expected, "what_must_be_settled_is_what_was_chosen", "{shown:?}, chosen {expected:?}");
        }
        Ok(())
    }

    /// Compares the state of a comment, as the core derives it and as the office finds it.
    fn check_comment(&self, comment: &Fact, record: &Record, row: Option<&CommentRow>) -> Check {
        let expected = self.comment(comment);
        let is_exact = !self.touched_by_restore.contains(&comment.id);
        let asks_nothing = |state: &CommentState| matches!(state, CommentState::Note | CommentState::Settled);
        for shown in [Some(comment_state(record)), row.map(|row| row.state)].into_iter().flatten() {
            let is_safer = asks_nothing(&shown) && !expected.iter().any(asks_nothing);
            ensure!(
                !is_safer,
                "never_safer_than_the_facts",
                "comment {}: {shown:?}, by the history {expected:?}; state {}",
                comment.id,
                record.to_json()
            );
            ensure!(
                !is_exact || expected.contains(&shown),
                "a_return_stands_where_its_history_says",
                "comment {}: {shown:?}, by the history {expected:?}",
                comment.id
            );
        }
        let names_subject = self.at(comment, "subject").iter().any(|subject| subject.is_string());
        ensure!(row.is_some() || !names_subject, "projections_equal_a_rebuild", "comment {} has no row", comment.id);
        Ok(())
    }

    /// Where a comment may stand. Of answers that did not see each other the latest is shown, and which that is only their
    /// stamps say: where one of them was taken back, both readings are right.
    fn comment(&self, comment: &Fact) -> Vec<CommentState> {
        let at = |path: &str| comment.standing.get(path).map(Vec::as_slice).unwrap_or_default();
        let value = |path: &str, edit: EditId| &self.edits[edit].changes[path];
        if at("reason").iter().all(|edit| value("reason", *edit).is_null()) {
            return vec![CommentState::Note];
        }
        let knew = |by: &str, edit: EditId| {
            let mut writers = at(by).iter().filter(|writer| !value(by, **writer).is_null());
            writers.any(|writer| *writer == edit || self.edits[*writer].knew.has(edit))
        };
        let settled = at("settled_at");
        let is_settled = !settled.is_empty() && settled.iter().all(|edit| !value("settled_at", *edit).is_null());
        let mut said = ["reason", "answer", "answered_at"].into_iter().flat_map(at);
        if is_settled && said.all(|edit| knew("settled_at", *edit)) {
            return vec![CommentState::Settled];
        }
        if !at("reason").iter().all(|edit| knew("answered_at", *edit)) {
            return vec![CommentState::Open];
        }
        let is_taken_back = at("answered_at").iter().any(|edit| value("answered_at", *edit).is_null());
        if is_taken_back { vec![CommentState::Open, CommentState::Answered] } else { vec![CommentState::Answered] }
    }

    /// The site that an inspection surely reached, and when: one place and one time, and nobody who voids it.
    fn reached(&self, inspection: &Fact) -> Option<(String, u64)> {
        let one = |path: &str| {
            let values: BTreeSet<String> = self.at(inspection, path).iter().map(ToString::to_string).collect();
            let is_one = values.len() == 1;
            self.at(inspection, path).into_iter().next().cloned().filter(|_| is_one)
        };
        let (site, at_ms) = (one("site")?.as_str()?.to_owned(), one("inspected_at")?.as_u64()?);
        (!inspection.is_void_claimed).then_some((site, at_ms))
    }

    fn check_visit(&self, inspection: &Fact, row: Option<Visit>) -> Check {
        let shown = row.map(|visit| (visit.site.to_string(), visit.at_ms));
        let expected = self.reached(inspection);
        let is_exact = !self.touched_by_restore.contains(&inspection.id);
        ensure!(
            shown.is_none() || expected.is_some(),
            "never_safer_than_the_facts",
            "inspection {} counts as a visit {shown:?}",
            inspection.id
        );
        ensure!(
            !is_exact || shown == expected,
            "coverage_follows_from_the_history",
            "inspection {}: {shown:?}, by the history {expected:?}",
            inspection.id
        );
        Ok(())
    }

    fn check_covered(&self, campaign: &Fact, record: &Record, inspection: &Fact, row: Option<&VisitRow>) -> Check {
        let (Some((_, at_ms)), Some(row)) = (self.reached(inspection), row) else { return Ok(()) };
        let day = INSPECTED.iter().find(|(known, _)| *known == at_ms).map(|(_, day)| *day).unwrap_or_default();
        let words = |path: &str| -> Vec<Option<String>> {
            self.at(campaign, path).iter().map(|value| value.as_str().map(str::to_owned)).collect()
        };
        // Surely one of its days: by every word that stands.
        let all = |path: &str, is_so: &dyn Fn(&str) -> bool| {
            let words = words(path);
            !words.is_empty() && words.iter().all(|word| word.as_deref().is_some_and(is_so))
        };
        let is_in_time = all("starts", &|starts| starts <= day) && all("ends", &|ends| day <= ends);
        let own = campaign.id.to_string();
        let made_for: BTreeSet<bool> =
            self.at(inspection, "campaign").iter().map(|made_for| made_for.as_str() == Some(&own)).collect();
        let is_exact = ![campaign, inspection].iter().any(|fact| self.touched_by_restore.contains(&fact.id));
        // Of several campaigns that did not see each other the latest is shown: either is right.
        if is_exact && (is_in_time || made_for.len() < 2) {
            let (shown, expected) = (covers(record, &row.visit), is_in_time || made_for.contains(&true));
            ensure!(
                shown == expected,
                "coverage_follows_from_the_history",
                "inspection {} for campaign {own}: {shown}, by the history {expected}",
                inspection.id
            );
        }
        Ok(())
    }

    fn is_meant(&self, campaign: &Fact, site: &Fact) -> bool {
        let listed = |field: &str| -> Vec<String> {
            let paths = campaign.standing.keys().filter_map(|path| path.strip_prefix(field)?.strip_prefix('/'));
            paths.filter(|key| self.member(campaign, &format!("{field}/{key}"))).map(str::to_owned).collect()
        };
        let (sites, sectors) = (listed("sites"), listed("sectors"));
        let own: Vec<&str> = self.at(site, "sector").into_iter().filter_map(Value::as_str).collect();
        !site.is_voided
            && self.least_safe(site, "status", &["in_use", "idle", "closed"]).as_deref() != Some("closed")
            && (sites.is_empty() || sites.contains(&site.id.to_string()))
            && (sectors.is_empty() || sectors.iter().any(|sector| own.contains(&sector.as_str())))
    }

    fn asked(&self, setting: &Fact) -> BTreeSet<&'static str> {
        let members = ["responsible", "measures", "funds", "deadline", "contingency_plan", "aim"];
        let is_chosen = |member: &&str| !setting.is_voided && self.member(setting, &format!("must_settle/{member}"));
        let chosen: BTreeSet<&str> = members.into_iter().filter(is_chosen).collect();
        if chosen.is_empty() { members[..5].iter().copied().collect() } else { chosen }
    }
}
