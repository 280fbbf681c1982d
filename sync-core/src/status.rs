//! The status of a hazard: derived from the facts recorded about it, never written (domain: the core chain).
//!
//! Facts are other records, so no version vector tells which of them saw which. A re-inspection therefore names what its
//! author had seen (`follows`): a pass answers the failures and the orders that it follows, and nothing else. Whatever
//! nobody has answered keeps the hazard open: the ledger never looks safer than a report that nobody has overruled.
//!
//! Doubt is read both ways: an adverse fact counts unless it is surely voided, a favourable one only if nobody voided it,
//! even where the voiding was not seen by a later edit and still awaits a supervisor.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::RecordId;
use crate::record::Record;
use crate::rules::Voiding;
use crate::sorted::SortedSet;

/// Where a hazard stands on its way to closure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// 已上报: found and recorded.
    Reported,
    /// 已下达整改指令: an order names it.
    Ordered,
    /// 已整改待复查: rectified, awaiting re-inspection.
    Rectified,
    /// 已销号: re-inspected and passed, with nothing adverse unanswered.
    Closed,
}

impl Status {
    /// Every status, on the way to closure.
    pub const ALL: [Self; 4] = [Self::Reported, Self::Ordered, Self::Rectified, Self::Closed];

    /// The name on the wire and in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::Ordered => "ordered",
            Self::Rectified => "rectified",
            Self::Closed => "closed",
        }
    }
}

/// What the facts say of one hazard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// How far it is.
    pub status: Status,
    /// Whether it reads as a major hazard.
    pub is_major: bool,
    /// Whether an order suspends operations and is not lifted.
    pub is_suspended: bool,
    /// Whether it is under the supervision of the township or the county.
    pub is_escalated: bool,
    /// The earliest day by which anybody wants it rectified, `YYYY-MM-DD`.
    pub deadline: Option<String>,
    /// When it was closed, ms: the last re-inspection that passed it, and where it is disputed when that was, the latest.
    pub closed_at_ms: Option<u64>,
    /// Whether it was voided by somebody who had seen all that is in it and every adverse fact about it.
    pub is_void: bool,
}

impl Standing {
    /// Whether the deadline has passed while the hazard counts and is not closed. `today` is the township's calendar day.
    #[must_use]
    pub fn is_overdue(&self, today: &str) -> bool {
        !self.is_void
            && self.status != Status::Closed
            && self.deadline.as_deref().is_some_and(|deadline| deadline < today)
    }
}

/// The fields by which records of a kind refer to a hazard; `None` for kinds that say nothing of its status.
#[must_use]
pub fn hazard_field(kind: &str) -> Option<&'static str> {
    match kind {
        "order" => Some("hazards"),
        "rectification" | "reinspection" | "escalation" => Some("hazard"),
        _ => None,
    }
}

/// Every hazard that a record speaks of, by any value that stands: also what one of two conflicting values names.
#[must_use]
pub fn hazards_named(record: &Record) -> SortedSet<RecordId> {
    let id = |text: &str| text.parse().ok();
    match hazard_field(&record.kind) {
        None => SortedSet::default(),
        Some("hazards") => record.keys("hazards").filter_map(id).collect(),
        Some(field) => record.siblings(field).filter_map(|sibling| id(sibling.value.as_str()?)).collect(),
    }
}

/// Derives where a hazard stands. `related` holds the orders, rectifications, re-inspections and escalations that name
/// it, in any order; others are ignored.
#[must_use]
pub fn standing(hazard: &Record, related: &[Record]) -> Standing {
    let facts: Vec<&Record> =
        related.iter().filter(|fact| fact.counts() && hazards_named(fact).contains(&hazard.id)).collect();
    let of_kind = |kind: &'static str| facts.iter().copied().filter(move |fact| fact.kind == kind);
    let is_major = hazard.text("level") != Some("general");

    let (passes, failures): (Vec<&Record>, Vec<&Record>) =
        of_kind("reinspection").partition(|fact| fact.text("result") == Some("passed"));
    let closing: Vec<&Record> = passes.into_iter().filter(|pass| closes(pass, hazard, is_major)).collect();
    let answered = |fact: &Record| closing.iter().any(|pass| surely_follows(pass, fact, is_major));
    let adverse_open = failures.iter().copied().chain(of_kind("order")).any(|fact| !answered(fact));
    let mut adverse = failures.iter().copied().chain(of_kind("order")).chain(of_kind("escalation"));
    let failed = |fact: &Record| failures.iter().any(|failure| follows(failure, fact.id));

    let status = if !closing.is_empty() && !adverse_open {
        Status::Closed
    } else if of_kind("rectification").any(|fact| speaks_for(fact, hazard) && !failed(fact)) {
        Status::Rectified
    } else if of_kind("order").next().is_some() {
        Status::Ordered
    } else {
        Status::Reported
    };
    let deadlines = of_kind("order").chain([hazard]).filter_map(|record| record.text("deadline"));
    let mut closed_at_ms = None;
    for pass in &closing {
        pass.siblings("at").for_each(|at| closed_at_ms = closed_at_ms.max(at.value.as_u64()));
    }
    Standing {
        status,
        is_major,
        is_suspended: of_kind("order").any(|order| suspends(order) && order.value("lifted_at").is_none()),
        is_escalated: of_kind("escalation").any(|fact| fact.value("lifted_at").is_none()),
        deadline: deadlines.min().map(str::to_owned),
        closed_at_ms: closed_at_ms.filter(|_| status == Status::Closed),
        is_void: !hazard.counts() && adverse.all(|fact| is_overruled(hazard, fact)),
    }
}

/// Whether whoever voided the hazard had this fact about it. What was voided before voidings said what they follow stays so.
fn is_overruled(hazard: &Record, fact: &Record) -> bool {
    let follows = |key: &str| hazard.value(&format!("void_follows/{key}")) == Some(&Value::Bool(true));
    !follows(&hazard.id.to_string()) || follow_keys(fact).iter().all(|key| follows(key))
}

/// The keys that a voiding of this hazard made now writes under `void_follows`: the hazard's own id, which says that the voiding
/// names what it follows, and every fact about it, as it stands.
pub fn to_void(hazard: RecordId, related: &[Record]) -> impl Iterator<Item = String> {
    let facts = related.iter().filter(move |fact| hazards_named(fact).contains(&hazard));
    [hazard.to_string()].into_iter().chain(facts.flat_map(follow_keys))
}

/// The keys that a re-inspection of this hazard made now writes under `follows`: every order, rectification and
/// re-inspection of it, as it stands.
pub fn to_follow(hazard: RecordId, related: &[Record]) -> impl Iterator<Item = String> {
    let facts = related.iter().filter(move |fact| fact.kind != "escalation" && hazards_named(fact).contains(&hazard));
    facts.flat_map(follow_keys)
}

/// The keys by which a fact is followed: its id and, for each result that stands in it, `<id>@<replica>.<seq>`, so that a
/// pass does not answer a failure that came into the record after it.
#[must_use]
pub fn follow_keys(fact: &Record) -> Vec<String> {
    let results = fact.siblings("result");
    let keys = results.map(|sibling| format!("{}@{}.{}", fact.id, sibling.dot.replica, sibling.dot.seq));
    [fact.id.to_string()].into_iter().chain(keys).collect()
}

/// A pass counts where nobody disputes that it is about this hazard, and for a major one only from the township.
fn closes(pass: &Record, hazard: &Record, is_major: bool) -> bool {
    speaks_for(pass, hazard) && (!is_major || ["result", "hazard"].into_iter().all(|path| township_vouches(pass, path)))
}

/// Whether the township claims the re-inspection, nobody disputing it, having seen what stands at `path`: an edit by somebody else on top of
/// the township's word is not the township's word.
fn township_vouches(pass: &Record, path: &str) -> bool {
    let claims = || pass.siblings("authority");
    pass.text("authority") == Some("township")
        && claims().all(|claim| claim.value.as_str() == Some("township"))
        && pass.siblings(path).all(|standing| claims().any(|claim| claim.has_seen(standing.dot)))
}

/// Whether a favourable fact is undisputedly about this hazard, in whose village it was written, and nobody has voided it. Whoever
/// may write in one village must not close what was found in another, and the phones there would not even hear of it.
fn speaks_for(fact: &Record, hazard: &Record) -> bool {
    fact.village == hazard.village
        && fact.voiding() == Voiding::Stands
        && !fact.is_contested("hazard")
        && fact.text("hazard").and_then(|id| id.parse().ok()) == Some(hazard.id)
}

/// Any standing word for suspension counts, also beside one that this build does not know.
fn suspends(order: &Record) -> bool {
    order.siblings("kind").any(|sibling| sibling.value.as_str() == Some("suspend_operations"))
}

fn follows(answer: &Record, fact: RecordId) -> bool {
    let fact = fact.to_string();
    answer.keys("follows").any(|id| id == fact)
}

/// Whether nobody disputes that a pass follows a fact as it stands; for a major hazard the township must have said so.
fn surely_follows(pass: &Record, fact: &Record, is_major: bool) -> bool {
    follow_keys(fact).into_iter().all(|key| {
        let path = format!("follows/{key}");
        pass.value(&path) == Some(&Value::Bool(true))
            && !pass.is_contested(&path)
            && (!is_major || township_vouches(pass, &path))
    })
}
