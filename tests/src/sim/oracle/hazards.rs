//! Where each hazard stands, derived from the edits' sets by the words of docs/protocol.md ("Status of a hazard"), and a
//! check that needs no rule at all: whoever closed it had seen everything that was said against it.

use serde_json::Value;
use server::db::hazards::HazardLine;
use sync_core::ids::RecordId;

use super::super::set::{EditId, Set};
use super::standing::Standing;
use super::{Check, Oracle, ensure};

/// One record as the oracle sees it.
pub(super) struct Fact {
    pub(super) id: RecordId,
    pub(super) kind: String,
    pub(super) standing: Standing,
    pub(super) is_voided: bool,
    pub(super) is_void_claimed: bool,
}

/// What the ledger must say.
#[derive(Debug, PartialEq, Eq)]
struct Expected {
    status: &'static str,
    is_major: bool,
    is_suspended: bool,
    is_escalated: bool,
    is_void: bool,
    deadline: Option<String>,
    /// What must be settled and is not, a bit each.
    missing: i32,
}

impl Oracle {
    /// Compares the ledger's line of every hazard.
    pub(crate) fn check_ledger(&self, line_of: &dyn Fn(RecordId) -> Option<HazardLine>) -> Check {
        if !self.ambiguous.is_empty() {
            return Ok(());
        }
        let facts: Vec<Fact> = self.model.sets.iter().map(|(id, set)| self.fact(*id, set)).collect();
        let is_exact = self.touched_by_restore.is_empty();
        for hazard in facts.iter().filter(|fact| fact.kind == "hazard") {
            let expected = self.derive(hazard, &facts);
            let Some(line) = line_of(hazard.id) else {
                ensure!(false, "projections_equal_a_rebuild", "hazard {} has no line", hazard.id);
                continue;
            };
            let shown = Expected {
                status: sync_core::status::Status::ALL
                    .into_iter()
                    .map(sync_core::status::Status::name)
                    .find(|name| *name == line.status)
                    .unwrap_or_default(),
                is_major: line.is_major,
                is_suspended: line.is_suspended,
                is_escalated: line.is_escalated,
                is_void: line.is_void,
                deadline: line.deadline.clone(),
                missing: line.missing,
            };
            // A deadline that a restored server knows again settles that member.
            let known_again = if is_exact { 0 } else { 1 << 3 };
            let unsettled = expected.missing & !(shown.missing | known_again);
            let is_safer = rank(shown.status) > rank(expected.status)
                || (expected.is_major && !shown.is_major)
                || (expected.is_suspended && !shown.is_suspended)
                || (expected.is_escalated && !shown.is_escalated)
                || (!expected.is_void && shown.is_void)
                || unsettled != 0;
            ensure!(
                !is_safer,
                "never_safer_than_the_facts",
                "hazard {}: {shown:?}, by the facts {expected:?}",
                hazard.id
            );
            ensure!(
                !is_exact || shown == expected,
                "the_ledger_follows_from_the_facts",
                "hazard {}: {shown:?}, by the facts {expected:?}",
                hazard.id
            );
            if shown.status == "closed" {
                self.check_closed(hazard, &facts)?;
            }
        }
        Ok(())
    }

    pub(super) fn fact(&self, id: RecordId, set: &Set) -> Fact {
        let standing = self.standing(set);
        let (is_voided, is_void_claimed) = self.voiding(set, &standing);
        Fact { id, kind: self.kind(id).to_owned(), standing, is_voided, is_void_claimed }
    }

    pub(super) fn at<'a>(&'a self, fact: &'a Fact, path: &'a str) -> Vec<&'a Value> {
        self.values(path, fact.standing.get(path).map(Vec::as_slice).unwrap_or_default()).collect()
    }

    /// Whether a set's element stands as a member.
    pub(super) fn member(&self, fact: &Fact, path: &str) -> bool {
        self.at(fact, path).iter().any(|value| **value == true)
    }

    fn names(&self, fact: &Fact, hazard: RecordId) -> bool {
        let words = hazard.to_string();
        match fact.kind.as_str() {
            "order" => self.member(fact, &format!("hazards/{hazard}")),
            "rectification" | "reinspection" | "escalation" => {
                self.at(fact, "hazard").iter().any(|value| value.as_str() == Some(&words))
            }
            _ => false,
        }
    }

    fn speaks_for(&self, fact: &Fact, hazard: RecordId) -> bool {
        let village = |id: RecordId| self.model.kinds.get(&id).map(|(_, village)| *village);
        let words = hazard.to_string();
        let named = self.at(fact, "hazard");
        village(fact.id) == village(hazard)
            && !fact.is_void_claimed
            && !named.is_empty()
            && named.iter().all(|value| value.as_str() == Some(&words))
    }

    /// The least safe of some values; what is not in the list is less safe than all, a cleared one than the safest alone.
    pub(super) fn least_safe(&self, fact: &Fact, path: &str, order: &[&str]) -> Option<String> {
        let place = |value: &Value| match value.as_str() {
            None => 2 * order.len() - 1,
            Some(word) => order.iter().position(|known| *known == word).map_or(0, |at| 2 * (at + 1)),
        };
        let values = self.at(fact, path);
        values.into_iter().min_by_key(|value| place(value))?.as_str().map(str::to_owned)
    }

    fn vouches(&self, pass: &Fact, path: &str) -> bool {
        let claims = pass.standing.get("authority").map(Vec::as_slice).unwrap_or_default();
        if claims.is_empty() || claims.iter().any(|edit| self.edits[*edit].changes["authority"] != "township") {
            return false;
        }
        let claims = || claims.iter();
        let standing = pass.standing.get(path).map(Vec::as_slice).unwrap_or_default();
        standing.iter().all(|edit| claims().any(|claim| claim == edit || self.edits[*claim].knew.has(*edit)))
    }

    fn keys(&self, fact: &Fact) -> Vec<String> {
        let results = fact.standing.get("result").into_iter().flatten();
        let dots = results.map(|edit| self.model.dots[edit]);
        [fact.id.to_string()]
            .into_iter()
            .chain(dots.map(|dot| format!("{}@{}.{}", fact.id, dot.replica, dot.seq)))
            .collect()
    }

    fn derive(&self, hazard: &Fact, all: &[Fact]) -> Expected {
        let facts: Vec<&Fact> = all.iter().filter(|fact| !fact.is_voided && self.names(fact, hazard.id)).collect();
        let of = |kind: &str| facts.iter().copied().filter(|fact| fact.kind == kind).collect::<Vec<&Fact>>();
        let is_major = self.least_safe(hazard, "level", &["major", "general"]).as_deref() != Some("general");
        let passed =
            |fact: &Fact| self.least_safe(fact, "result", &["not_passed", "passed"]).as_deref() == Some("passed");
        let (passes, failures): (Vec<&Fact>, Vec<&Fact>) =
            of("reinspection").into_iter().partition(|fact| passed(fact));
        let closes = |pass: &&&Fact| {
            self.speaks_for(pass, hazard.id)
                && (!is_major || (self.vouches(pass, "result") && self.vouches(pass, "hazard")))
        };
        let closing: Vec<&Fact> = passes.iter().filter(closes).copied().collect();
        let answers = |pass: &Fact, key: &String| {
            let path = format!("follows/{key}");
            self.member(pass, &path)
                && !self.is_contested(&path, &pass.standing[&path])
                && (!is_major || self.vouches(pass, &path))
        };
        let answered = |fact: &Fact| closing.iter().any(|pass| self.keys(fact).iter().all(|key| answers(pass, key)));
        let is_adverse = failures.iter().copied().chain(of("order")).any(|fact| !answered(fact));
        let overruled = |fact: &Fact| {
            let names = |key: &str| self.member(hazard, &format!("void_follows/{key}"));
            !names(&hazard.id.to_string()) || self.keys(fact).iter().all(|key| names(key))
        };
        let failed = |fact: &Fact| failures.iter().any(|failure| self.member(failure, &format!("follows/{}", fact.id)));
        let status = if !closing.is_empty() && !is_adverse {
            "closed"
        } else if of("rectification").into_iter().any(|fact| self.speaks_for(fact, hazard.id) && !failed(fact)) {
            "rectified"
        } else if !of("order").is_empty() {
            "ordered"
        } else {
            "reported"
        };
        let unlifted = |fact: &&Fact| {
            let lifted = self.at(fact, "lifted_at");
            lifted.is_empty() || lifted.iter().any(|value| value.is_null())
        };
        let suspends = |fact: &&Fact| self.at(fact, "kind").iter().any(|value| *value == "suspend_operations");
        let deadlines = of("order").into_iter().chain([hazard]).flat_map(|fact| self.at(fact, "deadline"));
        let deadline = deadlines.filter_map(Value::as_str).min().map(str::to_owned);
        let is_given = |member: &str| {
            let values = self.at(hazard, member);
            !values.is_empty() && values.iter().all(|value| !value.is_null())
        };
        let members = ["responsible", "measures", "funds", "deadline", "contingency_plan", "aim"];
        let lacks = |member: &str| !(is_given(member) || member == "deadline" && deadline.is_some());
        let missing = members.iter().zip(0_i32..).map(|(member, bit)| i32::from(lacks(member)) << bit).sum();
        Expected {
            status,
            is_major,
            is_suspended: of("order").into_iter().any(|order| suspends(&order) && unlifted(&order)),
            is_escalated: of("escalation").into_iter().any(|fact| unlifted(&fact)),
            is_void: hazard.is_voided
                && failures.iter().copied().chain(of("order")).chain(of("escalation")).all(overruled),
            deadline,
            missing,
        }
    }

    /// A closed hazard: for every order and every failure that stands there is a pass whose author had it before them.
    fn check_closed(&self, hazard: &Fact, all: &[Fact]) -> Check {
        let facts: Vec<&Fact> = all.iter().filter(|fact| !fact.is_voided && self.names(fact, hazard.id)).collect();
        let passes = facts.iter().filter(|fact| {
            fact.kind == "reinspection" && self.at(fact, "result").iter().any(|value| *value == "passed")
        });
        let held: Vec<&Edit> =
            passes.flat_map(|pass| self.model.sets[&pass.id].iter()).map(|edit| &self.edits[edit]).collect();
        for fact in &facts {
            let adverse: Vec<EditId> = match fact.kind.as_str() {
                "order" => self.model.sets[&fact.id].iter().filter(|edit| self.edits[*edit].knew.is_empty()).collect(),
                "reinspection" => {
                    let edits = fact.standing.get("result").into_iter().flatten().copied();
                    edits.filter(|edit| self.edits[*edit].changes["result"] == "not_passed").collect()
                }
                _ => Vec::new(),
            };
            for edit in adverse {
                let seen = held.iter().any(|pass| {
                    pass.held.get(&fact.id).is_some_and(|held| {
                        held.has(edit) || self.edits[edit].mends.is_some_and(|original| held.has(original))
                    })
                });
                ensure!(
                    seen,
                    "never_safer_than_the_facts",
                    "hazard {} is closed, but nobody who passed it had seen edit {edit} of {} {}",
                    hazard.id,
                    fact.kind,
                    fact.id
                );
            }
        }
        Ok(())
    }
}

use super::Edit;

/// How far a status reassures: an order is no step towards safety.
fn rank(status: &str) -> usize {
    match status {
        "closed" => 2,
        "rectified" => 1,
        _ => 0,
    }
}
