//! The ledger is never safer than the facts nobody has overruled: random sets of facts against an oracle that knows only
//! what happened, not how records are kept. The rules one by one are `status`.

use crate::facts::{MARCH_1_MS, Story};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::json;
use sync_core::ids::RecordId;
use sync_core::record::Record;
use sync_core::status::{Standing, Status, standing};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Said {
    Ordered { suspends: bool, lifted: bool, deadline_day: u8 },
    Rectified,
    Passed { by_township: bool, also_failed: bool, edited_by_village: bool },
    Failed,
    Escalated { lifted: bool },
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Stands,
    Voided,
    Revived,
    ReferenceDisputed,
}

/// A fact, which of the earlier facts its author named as seen, and what others did to it.
#[derive(Clone, Debug)]
struct Told {
    said: Said,
    saw: u16,
    fate: Fate,
}

impl Told {
    fn saw(&self, index: usize) -> bool {
        self.saw & (1 << index) != 0
    }

    /// Whether it may speak against safety: unless it is surely voided.
    fn warns(&self) -> bool {
        self.fate != Fate::Voided
    }

    /// Whether it may speak for safety: if nobody doubts it.
    fn reassures(&self) -> bool {
        self.fate == Fate::Stands
    }

    fn is_failure(&self) -> bool {
        matches!(self.said, Said::Failed | Said::Passed { also_failed: true, .. })
    }
}

fn said() -> impl Strategy<Value = Said> {
    let order = (any::<bool>(), any::<bool>(), 1u8..29).prop_map(|(suspends, lifted, deadline_day)| Said::Ordered {
        suspends,
        lifted,
        deadline_day,
    });
    let pass = (any::<bool>(), prop::bool::weighted(0.15), prop::bool::weighted(0.2)).prop_map(
        |(by_township, also_failed, edited_by_village)| Said::Passed { by_township, also_failed, edited_by_village },
    );
    let escalation = any::<bool>().prop_map(|lifted| Said::Escalated { lifted });
    prop_oneof![2 => order, 2 => Just(Said::Rectified), 4 => pass, 2 => Just(Said::Failed), 1 => escalation]
}

fn told() -> impl Strategy<Value = Told> {
    let fate = prop_oneof![
        7 => Just(Fate::Stands), 1 => Just(Fate::Voided), 1 => Just(Fate::Revived), 1 => Just(Fate::ReferenceDisputed)
    ];
    // Most people have seen most of what there was.
    let saw = (any::<u16>(), any::<u16>()).prop_map(|(some, more)| some | more);
    (said(), saw, fate).prop_map(|(said, saw, fate)| Told { said, saw, fate })
}

/// Levels that were set: `true` is major; the flag says whether its author had seen the levels before.
fn levels() -> impl Strategy<Value = Vec<(bool, bool)>> {
    prop::collection::vec((prop::bool::weighted(0.3), any::<bool>()), 0..4)
}

fn tell(story: &mut Story, ids: &[RecordId], told: &Told) -> RecordId {
    let follows: Vec<RecordId> =
        ids.iter().enumerate().filter(|(index, _)| told.saw(*index)).map(|(_, id)| *id).collect();
    let id = match told.said {
        Said::Ordered { suspends, lifted, deadline_day } => {
            let kind = if suspends { "suspend_operations" } else { "time_limit" };
            let id = story.order(kind, &format!("2024-03-{deadline_day:02}"));
            if lifted {
                story.edit(id, &[("lifted_at", json!(MARCH_1_MS))]);
            }
            id
        }
        Said::Rectified => story.rectified(),
        Said::Failed => story.reinspected("not_passed", &follows),
        Said::Escalated { lifted } => {
            let id = story.escalated();
            if lifted {
                story.edit(id, &[("lifted_at", json!(MARCH_1_MS))]);
            }
            id
        }
        Said::Passed { by_township, also_failed, edited_by_village } => {
            let id = story.reinspected_by(if by_township { "township" } else { "village" }, "passed", &follows);
            if also_failed {
                let blank = Record::empty(id, "reinspection", story.hazard.village);
                story.edit_from(&blank, &[("result", json!("not_passed"))]);
            } else if edited_by_village {
                story.edit(id, &[("result", json!("passed"))]);
            }
            id
        }
    };
    match (told.fate, told.said) {
        (Fate::Stands, _) => {}
        (Fate::Voided, _) => story.void(id),
        (Fate::Revived, _) => story.void_and_revive(id),
        // An order names hazards as a set: nothing to dispute.
        (Fate::ReferenceDisputed, Said::Ordered { .. }) => {}
        (Fate::ReferenceDisputed, _) => story.dispute(id),
    }
    id
}

fn play(levels: &[(bool, bool)], told: &[Told]) -> (Story, Vec<RecordId>) {
    let mut story = Story::found("general");
    for &(is_major, saw) in levels {
        let blank = Record::empty(story.hazard.id, "hazard", story.hazard.village);
        let seen = if saw { story.hazard.clone() } else { blank };
        story.edit_hazard(&seen, &[("level", json!(if is_major { "major" } else { "general" }))]);
    }
    let mut ids = Vec::new();
    for fact in told {
        let id = tell(&mut story, &ids, fact);
        ids.push(id);
    }
    (story, ids)
}

/// What may be said, from what happened alone.
fn oracle(levels: &[(bool, bool)], told: &[Told]) -> (Status, bool, bool, bool, Option<u8>) {
    let mut standing_levels = vec![false];
    for &(is_major, saw) in levels {
        if saw {
            standing_levels.clear();
        }
        standing_levels.push(is_major);
    }
    let is_major = standing_levels.contains(&true);
    let is_order = |fact: &Told| matches!(fact.said, Said::Ordered { .. });
    let undisputed_order = |fact: &Told| is_order(fact) && fact.warns();
    let closes = |fact: &Told| match fact.said {
        Said::Passed { also_failed: false, by_township, edited_by_village } => {
            fact.reassures() && (!is_major || (by_township && !edited_by_village))
        }
        _ => false,
    };
    let passes: Vec<&Told> = told.iter().filter(|fact| closes(fact)).collect();
    let open = told.iter().enumerate().any(|(index, fact)| {
        (undisputed_order(fact) || (fact.is_failure() && fact.warns()))
            && !passes.iter().any(|pass| pass.saw(index) && earlier(told, pass, index))
    });
    let awaits = told.iter().enumerate().any(|(index, fact)| {
        fact.said == Said::Rectified
            && fact.reassures()
            && !told[index + 1..].iter().any(|later| later.is_failure() && later.warns() && later.saw(index))
    });
    let status = if !passes.is_empty() && !open {
        Status::Closed
    } else if awaits {
        Status::Rectified
    } else if told.iter().any(undisputed_order) {
        Status::Ordered
    } else {
        Status::Reported
    };
    let suspended = told
        .iter()
        .any(|fact| fact.warns() && matches!(fact.said, Said::Ordered { suspends: true, lifted: false, .. }));
    let escalated = told.iter().any(|fact| fact.warns() && fact.said == Said::Escalated { lifted: false });
    let deadline = told
        .iter()
        .filter(|fact| fact.warns())
        .filter_map(|fact| if let Said::Ordered { deadline_day, .. } = fact.said { Some(deadline_day) } else { None })
        .min();
    (status, is_major, suspended, escalated, deadline)
}

/// Whether the fact at `index` was there before `pass`, so that it could be named.
fn earlier(told: &[Told], pass: &Told, index: usize) -> bool {
    told[index + 1..].iter().any(|later| std::ptr::eq(later, pass))
}

/// How far a hazard looks from danger; only the steps that somebody could rely on.
fn safety(standing: &Standing) -> u8 {
    match standing.status {
        Status::Closed => 2,
        Status::Rectified => 1,
        Status::Ordered | Status::Reported => 0,
    }
}

fn is_nowhere_safer(after: &Standing, before: &Standing) -> bool {
    let none = "9999-12-31";
    let day = |standing: &Standing| standing.deadline.clone().unwrap_or_else(|| none.to_owned());
    safety(after) <= safety(before)
        && after.is_major >= before.is_major
        && after.is_suspended >= before.is_suspended
        && after.is_escalated >= before.is_escalated
        && day(after) <= day(before)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_status_is_what_follows_from_the_facts(levels in levels(), told in prop::collection::vec(told(), 0..8)) {
        let (story, _) = play(&levels, &told);
        let said = story.standing();
        let (status, is_major, suspended, escalated, deadline) = oracle(&levels, &told);
        prop_assert_eq!(said.status, status);
        prop_assert_eq!((said.is_major, said.is_suspended, said.is_escalated), (is_major, suspended, escalated));
        prop_assert_eq!(said.deadline, deadline.map(|day| format!("2024-03-{day:02}")));
        prop_assert_eq!(said.closed_at_ms.is_some(), status == Status::Closed);
    }

    #[test]
    fn the_order_of_the_facts_does_not_matter(
        levels in levels(), told in prop::collection::vec(told(), 0..8), picks in prop::collection::vec(any::<Index>(), 8),
    ) {
        let (story, _) = play(&levels, &told);
        let mut shuffled = story.facts.clone();
        for (at, pick) in picks.iter().enumerate().take(shuffled.len()) {
            let other = pick.index(shuffled.len());
            shuffled.swap(at, other);
        }
        prop_assert_eq!(standing(&story.hazard, &shuffled), story.standing());
    }

    #[test]
    fn no_adverse_fact_ever_makes_a_hazard_safer(
        levels in levels(), told in prop::collection::vec(told(), 0..8), saw in any::<u16>(), at in any::<Index>(),
    ) {
        let (story, ids) = play(&levels, &told);
        let before = story.standing();
        let seen: Vec<RecordId> =
            ids.iter().enumerate().filter(|(index, _)| saw & (1 << index) != 0).map(|(_, id)| *id).collect();
        let mut adverse: Vec<(&str, Story)> = Vec::new();
        let mut add = |what, act: &dyn Fn(&mut Story)| {
            let mut after = story.clone();
            act(&mut after);
            adverse.push((what, after));
        };
        add("a failure", &|story| { story.reinspected("not_passed", &seen); });
        add("an order", &|story| { story.order("time_limit", "2024-02-01"); });
        add("a suspension", &|story| { story.order("suspend_operations", "2024-12-01"); });
        add("an escalation", &|story| { story.escalated(); });
        add("a higher level", &|story| {
            let blank = Record::empty(story.hazard.id, "hazard", story.hazard.village);
            story.edit_hazard(&blank, &[("level", json!("major"))]);
        });
        add("an earlier deadline", &|story| {
            let seen = story.hazard.clone();
            story.edit_hazard(&seen, &[("deadline", json!("2024-01-01"))]);
        });
        if !ids.is_empty() {
            let index = at.index(ids.len());
            let (id, fact) = (ids[index], &told[index]);
            if matches!(fact.said, Said::Passed { also_failed: false, .. } | Said::Rectified) {
                add("a voided pass or rectification", &|story| story.void(id));
                add("a pass or rectification voided and revived", &|story| story.void_and_revive(id));
                add("a dispute about which hazard is meant", &|story| story.dispute(id));
                let blank = Record::empty(id, story.fact(id).kind, story.hazard.village);
                add("a failure beside the pass", &|story| story.edit_from(&blank, &[("result", json!("not_passed"))]));
            }
            add("an edit that revives", &|story| {
                let blank = Record::empty(id, story.fact(id).kind, story.hazard.village);
                story.edit_from(&blank, &[("remark", json!("still so"))]);
            });
        }
        for (what, after) in adverse {
            let after = after.standing();
            prop_assert!(is_nowhere_safer(&after, &before), "{}: {:?} after {:?}", what, after, before);
        }
    }
}
