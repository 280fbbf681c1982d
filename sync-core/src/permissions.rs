//! Who may write and read what: one table of role × kind × field, and the scope of the caller (domain: People).

use crate::dots::Dot;
use crate::ids::VillageId;
use crate::kinds;
use crate::people::{Caller, Role};
use crate::record::{Record, Sibling};
use crate::schema::Scope;
use crate::validate::{Refusal, RefusalCode};
use crate::version::{VOID, Version, split_path};

/// Which fields of a kind a role writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fields {
    /// Every field, and voiding.
    All,
    /// Only these.
    Only(&'static [&'static str]),
    /// Every field but these; voiding not.
    Except(&'static [&'static str]),
}

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Whose right.
    pub role: Role,
    /// On records of which kind.
    pub kind: &'static str,
    /// On which fields.
    pub fields: Fields,
}

const fn grant(role: Role, kind: &'static str, fields: Fields) -> Grant {
    Grant { role, kind, fields }
}

/// Everything that anyone but a supervisor may write; a supervisor writes every field of every kind.
pub const GRANTS: &[Grant] = &[
    grant(Role::Inspector, "inspection", Fields::Except(&[])),
    grant(Role::Inspector, "hazard", Fields::Except(&["same_as", "void_follows"])),
    grant(Role::Inspector, "photo", Fields::Except(&[])),
    grant(Role::Inspector, "rectification", Fields::Except(&[])),
    grant(Role::Inspector, "reinspection", Fields::Except(&["authority", "signed_off_by", "signed_off_at"])),
    grant(Role::Inspector, "order", Fields::Only(&["received_at"])),
    grant(Role::Inspector, "monthly_report", Fields::Except(&["review", "review_remark"])),
    grant(Role::Inspector, "comment", Fields::Except(&["reason", "settled_at"])),
    grant(Role::Leader, "comment", Fields::Only(&["subject_kind", "subject", "text", "by", "at"])),
    grant(Role::Leader, "campaign", Fields::All),
    grant(Role::Leader, "reinspection", Fields::All),
    grant(Role::Leader, "order", Fields::Only(&["lifted_at", "signed_off_by", "signed_off_at"])),
    grant(Role::Leader, "escalation", Fields::Only(&["lifted_at"])),
    grant(Role::Admin, "village", Fields::All),
];

/// Whether a role writes a field of a kind at all, scope aside. `field` is the name without a key.
///
/// Kinds that this build does not know come from a newer client: whoever works with records may bring them.
#[must_use]
pub fn may_write(role: Role, kind: &str, field: &str) -> bool {
    if role == Role::Supervisor {
        return true;
    }
    if kinds::kind(kind).is_none() {
        return role == Role::Inspector && field != VOID;
    }
    GRANTS.iter().filter(|grant| grant.role == role && grant.kind == kind).any(|grant| match grant.fields {
        Fields::All => true,
        Fields::Only(names) => names.contains(&field),
        Fields::Except(names) => field != VOID && !names.contains(&field),
    })
}

/// Whether a role works in a township: it has a phone or a desk there, follows the feed, sends versions. A county only reads
/// ledgers; what it sends is refused before anything of it is read.
#[must_use]
pub fn works_in_township(role: Role) -> bool {
    role != Role::County
}

/// Whether the caller may see records of this kind and village.
#[must_use]
pub fn may_read(caller: &Caller, kind: &str, village: Option<VillageId>) -> bool {
    match kinds::kind(kind).map(|kind| kind.scope) {
        Some(Scope::Township | Scope::VillageDirectory) => true,
        Some(Scope::Village) => caller.covers(village),
        None => village.is_none() || caller.covers(village),
    }
}

/// Whether a caller may decide between distinct values that stand in a field under review.
#[must_use]
pub fn may_decide(role: Role) -> bool {
    role == Role::Supervisor
}

/// Checks that the caller may write this version on top of the record as it stands.
///
/// # Errors
/// `author_mismatch`, `out_of_scope`, `not_permitted`, or `supervisor_decides` where the version would settle a conflict
/// that is not the caller's to settle.
pub fn authorise(version: &Version, caller: &Caller, standing: Option<&Record>) -> Result<(), Refusal> {
    objections(version, caller, standing).into_iter().next().map_or(Ok(()), Err)
}

/// Everything that forbids the caller to write this version on top of the record as it stands: about the whole, then
/// what the role does not write, then what is a supervisor's to decide.
#[must_use]
pub fn objections(version: &Version, caller: &Caller, standing: Option<&Record>) -> Vec<Refusal> {
    let mut found = Vec::new();
    if version.author != caller.account {
        let detail = "the author is not the account that sent the version";
        found.push(Refusal::new(RefusalCode::AuthorMismatch, detail));
    }
    if !caller.covers(version.village) {
        found.push(Refusal::new(RefusalCode::OutOfScope, "the village is not one of the account's"));
    }
    if !works_in_township(caller.role) {
        found.push(Refusal::new(RefusalCode::NotPermitted, "a county reads and does not write"));
    }
    for path in version.changes.keys() {
        let (field, _) = split_path(path);
        if !may_write(caller.role, &version.kind, field) {
            let detail = format!("the role {} does not write {field} of {}", caller.role.name(), version.kind);
            found.push(Refusal::at(RefusalCode::NotPermitted, path, detail));
        }
    }
    if let Some(record) = standing.filter(|_| !may_decide(caller.role)) {
        to_decide(version, caller.role, record, &mut found);
    }
    found
}

/// What only a supervisor may do with the record as it stands.
fn to_decide(version: &Version, role: Role, standing: &Record, found: &mut Vec<Refusal>) {
    for path in version.changes.keys().filter(|path| settles(version, standing, path)) {
        let detail = "distinct values stand here; a supervisor decides between them";
        found.push(Refusal::at(RefusalCode::SupervisorDecides, path, detail));
    }
    if lowers_level(version, standing) {
        let detail = "it was reported as a major hazard; a supervisor decides whether it is none";
        found.push(Refusal::at(RefusalCode::SupervisorDecides, "level", detail));
    }
    let speaks_for_township = may_write(role, &version.kind, "authority");
    let taken_back = |path: &&str| !speaks_for_township && takes_back_failure(version, standing, path);
    for path in ["result", "hazard"].into_iter().filter(taken_back) {
        let detail = "the township found that it had not passed; a supervisor decides whether that stands";
        found.push(Refusal::at(RefusalCode::SupervisorDecides, path, detail));
    }
}

/// Whether the version's values take the place of what this dot wrote: its author had seen it, or is the one who wrote it.
fn replaces(version: &Version, dot: Dot) -> bool {
    version.context.covers(dot) || (dot.replica == version.dot.replica && dot.seq < version.dot.seq)
}

/// Whether the version takes a hazard's level down that was reported as major: otherwise whoever may close a general hazard
/// could close a major one in two steps.
fn lowers_level(version: &Version, standing: &Record) -> bool {
    let safer = |value: &serde_json::Value| value.as_str() == Some("general") || value.is_null();
    version.kind == "hazard"
        && version.changes.get("level").is_some_and(safer)
        && standing.siblings("level").any(|sibling| replaces(version, sibling.dot) && !safer(sibling.value))
}

/// Whether the version takes from the township's re-inspection that the hazard had not passed, or that it was about this one: a
/// pass of the township from before would then close a major hazard that the township has found open since.
fn takes_back_failure(version: &Version, standing: &Record, path: &str) -> bool {
    let fails = |value: &serde_json::Value| value.as_str() != Some("passed");
    let softens = |value: &serde_json::Value| path == "hazard" || !fails(value);
    version.kind == "reinspection"
        && standing.siblings("authority").any(|sibling| sibling.value.as_str() == Some("township"))
        && standing.siblings("result").any(|sibling| fails(sibling.value))
        && version.changes.get(path).is_some_and(|value| {
            let replaced = |sibling: &Sibling<'_>| replaces(version, sibling.dot) && sibling.value != value;
            softens(value) && standing.siblings(path).any(|sibling| replaced(&sibling))
        })
}

/// Whether the version overwrites two or more distinct values of a field under review.
fn settles(version: &Version, standing: &Record, path: &str) -> bool {
    if !kinds::rule(&version.kind, path).is_reviewed() {
        return false;
    }
    let mut overwritten = standing.siblings(path).filter(|sibling| replaces(version, sibling.dot));
    overwritten.next().is_some_and(|first| overwritten.any(|sibling| sibling.value != first.value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::KINDS;
    use crate::schema::Kind;

    /// The whole table in words of the domain: for each role the kinds and the fields in which it differs from "nothing".
    #[test]
    fn each_role_writes_what_the_domain_says_and_nothing_else() {
        let writes = |role, kind: &Kind| -> Vec<&str> {
            let names = kind.fields.iter().map(|field| field.name).chain([VOID]);
            names.filter(|field| may_write(role, kind.name, field)).collect()
        };
        for kind in KINDS {
            let all: Vec<&str> = kind.fields.iter().map(|field| field.name).chain([VOID]).collect();
            let but =
                |names: &[&str]| -> Vec<&str> { all.iter().copied().filter(|name| !names.contains(name)).collect() };
            assert_eq!(writes(Role::Supervisor, kind), all);
            let inspector = match kind.name {
                "inspection" | "photo" | "rectification" => but(&[VOID]),
                "hazard" => but(&[VOID, "same_as", "void_follows"]),
                "comment" => but(&[VOID, "reason", "settled_at"]),
                "reinspection" => but(&[VOID, "authority", "signed_off_by", "signed_off_at"]),
                "order" => vec!["received_at"],
                "monthly_report" => but(&[VOID, "review", "review_remark"]),
                _ => vec![],
            };
            assert_eq!(writes(Role::Inspector, kind), inspector, "{}", kind.name);
            let leader = match kind.name {
                "campaign" | "reinspection" => all.clone(),
                "order" => vec!["lifted_at", "signed_off_by", "signed_off_at"],
                "escalation" => vec!["lifted_at"],
                "comment" => vec!["subject_kind", "subject", "text", "by", "at"],
                _ => vec![],
            };
            assert_eq!(writes(Role::Leader, kind), leader, "{}", kind.name);
            let admin = if kind.name == "village" { all.clone() } else { vec![] };
            assert_eq!(writes(Role::Admin, kind), admin, "{}", kind.name);
            assert_eq!(writes(Role::County, kind), Vec::<&str>::new(), "{}", kind.name);
        }
    }

    #[test]
    fn a_county_reads_every_kind_and_writes_not_even_an_edit_without_changes() {
        let account = crate::ids::AccountId(uuid::Uuid::from_u128(9));
        let caller = Caller { account, role: Role::County, villages: std::collections::BTreeSet::new() };
        assert!(KINDS.iter().all(|kind| may_read(&caller, kind.name, None)));
        assert!(!may_write(Role::County, "a_kind_of_tomorrow", "a_field") && !may_decide(Role::County));
        let replica = crate::ids::ReplicaId(uuid::Uuid::from_u128(7));
        let version = Version {
            record: crate::ids::RecordId(uuid::Uuid::from_u128(8)),
            kind: "campaign".to_owned(),
            village: None,
            dot: crate::dots::Dot { replica, seq: 1 },
            context: crate::dots::VersionVector::default(),
            stamp: crate::time::Stamp::default(),
            author: account,
            changes: std::collections::BTreeMap::new(),
        };
        let codes: Vec<_> = objections(&version, &caller, None).into_iter().map(|refusal| refusal.code).collect();
        assert_eq!(codes, [RefusalCode::NotPermitted]);
    }

    #[test]
    fn an_inspector_reads_the_directory_of_all_and_the_records_of_their_own_villages() {
        let village = |n| VillageId(uuid::Uuid::from_u128(n));
        let caller = Caller {
            account: crate::ids::AccountId(uuid::Uuid::from_u128(9)),
            role: Role::Inspector,
            villages: [village(1)].into_iter().collect(),
        };
        assert!(may_read(&caller, "site", Some(village(2))));
        assert!(may_read(&caller, "campaign", None));
        assert!(may_read(&caller, "hazard", Some(village(1))));
        assert!(!may_read(&caller, "hazard", Some(village(2))));
        assert!(!may_read(&caller, "a_kind_of_tomorrow", Some(village(2))));
    }
}
