//! What must become of an edit, by sets: who may write what, whose village it is, who decides between values.

use std::collections::BTreeSet;

use serde_json::Value;
use sync_core::people::{Caller, Role};
use sync_core::protocol::{Outcome, Verdict};
use sync_core::validate::RefusalCode;

use super::super::contents::MONTH;
use super::super::set::{EditId, Set};
use super::super::story::Flaw;
use super::Oracle;
use super::standing::{Standing, is_reviewed};

/// What is expected of an edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// Merged, with these of its paths left under review.
    Merged(Vec<String>),
    /// Put aside, for this reason.
    Refused(RefusalCode),
}

impl Expected {
    pub(super) fn agrees_with(&self, outcome: &Outcome) -> bool {
        match (self, outcome.verdict) {
            (Self::Merged(paths), Verdict::Merged) => paths.is_empty() && outcome.conflicts.is_empty(),
            (Self::Merged(paths), Verdict::Conflict) => !paths.is_empty() && outcome.conflicts == *paths,
            (Self::Refused(code), Verdict::Quarantined) => {
                outcome.refusal.as_ref().is_some_and(|refusal| refusal.code == *code)
            }
            _ => false,
        }
    }
}

/// What each role may write (docs/protocol.md and the domain, People), of what a story writes.
fn may_write(role: Role, kind: &str, field: &str) -> bool {
    match (role, kind) {
        (Role::Supervisor, _) => true,
        (Role::Inspector, "hazard") => !["void", "void_follows"].contains(&field),
        (Role::Inspector, "inspection" | "photo" | "rectification" | "drone_survey") => field != "void",
        (Role::Inspector, "reinspection") => !matches!(field, "void" | "authority" | "signed_off_by" | "signed_off_at"),
        (Role::Inspector, "monthly_report") => !["void", "review", "review_remark"].contains(&field),
        (Role::Inspector, "comment") => !["void", "reason", "settled_at"].contains(&field),
        (Role::Inspector, "order") => field == "received_at",
        (Role::Leader, "reinspection" | "campaign") => true,
        (Role::Leader, "comment") => ["subject_kind", "subject", "text", "by", "at"].contains(&field),
        (Role::Leader, "order") => matches!(field, "lifted_at" | "signed_off_by" | "signed_off_at"),
        (Role::Leader, "escalation") => field == "lifted_at",
        _ => false,
    }
}

impl Oracle {
    /// What must become of an edit where some edits of its record are there, for an account as it is now.
    pub(crate) fn expected(&self, id: EditId, caller: &Caller, there: &Set) -> Expected {
        let edit = &self.edits[id];
        if let Some(code) = self.flawed(id, there) {
            return Expected::Refused(code);
        }
        if edit.author != caller.account {
            return Expected::Refused(RefusalCode::AuthorMismatch);
        }
        let is_in_scope =
            caller.role != Role::Inspector || edit.village.is_some_and(|village| caller.villages.contains(&village));
        if !is_in_scope {
            return Expected::Refused(RefusalCode::OutOfScope);
        }
        let field = |path: &str| path.split('/').next().unwrap_or_default().to_owned();
        if edit.changes.keys().any(|path| !may_write(caller.role, &edit.kind, &field(path))) {
            return Expected::Refused(RefusalCode::NotPermitted);
        }
        let may_soften = matches!(caller.role, Role::Supervisor | Role::Leader);
        if caller.role != Role::Supervisor && (self.decides(id, there) || !may_soften && self.softens(id, there)) {
            return Expected::Refused(RefusalCode::SupervisorDecides);
        }
        let mut after = there.clone();
        after.add(id);
        let standing = self.standing(&after);
        let contested = edit.changes.keys().filter(|path| {
            is_reviewed(&edit.kind, path) && standing.get(*path).is_some_and(|edits| self.is_contested(path, edits))
        });
        Expected::Merged(contested.cloned().collect())
    }

    /// The refusal of what a faulty client wrote, if its flaw shows.
    fn flawed(&self, id: EditId, there: &Set) -> Option<RefusalCode> {
        let edit = &self.edits[id];
        let known = there.iter().next().map(|first| (&self.edits[first].kind, self.edits[first].village));
        match edit.flaw {
            Some(Flaw::Shape) => return Some(RefusalCode::Malformed),
            Some(Flaw::Context) => return Some(RefusalCode::ContextImpossible),
            Some(Flaw::Value) => return Some(RefusalCode::FieldRange),
            Some(Flaw::Path) => return Some(RefusalCode::PathInvalid),
            Some(Flaw::Missing) => return Some(RefusalCode::FieldRequired),
            Some(Flaw::Kind | Flaw::Village | Flaw::Author) | None => {}
        }
        // The id of a report follows from its village and its month.
        let is_elsewhere = |month: &Value| *month != MONTH || edit.flaw == Some(Flaw::Village);
        if edit.kind == "monthly_report" && edit.changes.get("month").is_some_and(is_elsewhere) {
            return Some(RefusalCode::FieldRange);
        }
        match known {
            Some((kind, _)) if *kind != edit.kind => Some(RefusalCode::KindMismatch),
            Some((_, village)) if village != edit.village => Some(RefusalCode::VillageMismatch),
            _ => None,
        }
    }

    /// The values at a path that an edit takes the place of.
    fn replaced(&self, id: EditId, standing: &Standing, path: &str) -> BTreeSet<String> {
        let edits = standing.get(path).map(Vec::as_slice).unwrap_or_default();
        let seen = edits.iter().filter(|other| self.edits[id].knew.has(**other));
        seen.map(|other| self.edits[*other].changes[path].to_string()).collect()
    }

    /// Whether the edit turns what the township found unmended into mended, or to another hazard.
    fn softens(&self, id: EditId, there: &Set) -> bool {
        let edit = &self.edits[id];
        let standing = self.standing(there);
        let says = |path: &'static str, holds: fn(&Value) -> bool| {
            self.values(path, standing.get(path).map(Vec::as_slice).unwrap_or_default()).any(holds)
        };
        let is_township_failure = edit.kind == "reinspection"
            && says("authority", |value| *value == "township")
            && says("result", |value| *value != "passed");
        let changes = |path: &str| {
            let now = edit.changes.get(path)?.to_string();
            self.replaced(id, &standing, path).iter().any(|before| *before != now).then_some(now)
        };
        is_township_failure && (changes("hazard").is_some() || changes("result").is_some_and(|now| now == "\"passed\""))
    }

    /// Whether the edit overwrites different values under review, or takes a level down, having seen them.
    fn decides(&self, id: EditId, there: &Set) -> bool {
        let edit = &self.edits[id];
        let standing = self.standing(there);
        let seen = |path: &str| self.replaced(id, &standing, path);
        let settles = |path: &String| is_reviewed(&edit.kind, path) && seen(path).len() > 1;
        let is_safe = |value: &Value| value.is_null() || value == "general";
        let lowers = edit.kind == "hazard"
            && edit.changes.get("level").is_some_and(is_safe)
            && seen("level").iter().any(|value| value != "null" && value != "\"general\"");
        edit.changes.keys().any(settles) || lowers
    }
}
