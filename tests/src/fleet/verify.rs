//! The verification against the oracle: a fresh pull of everything, the pages of hazards and conflicts, the history of
//! many records, every phone, every photo. The comparison with the rows of the data set is `verify_rows`.

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::HEXLOWER;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sync_core::cursor::{feed_scope, scopes_of};
use sync_core::dots::Dot;
use sync_core::ids::{RecordId, VillageId};
use sync_core::protocol::PullAnswer;
use sync_core::record::Record;
use sync_core::rules::distinct_values;
use sync_core::time::Ms;

use super::findings::{Findings, Sort};
use super::office::{OpenConflict, Page, all_pages};
use super::oracle::{Expected, Oracle, Shown};
use super::phone::Phone;
use super::session::Session;
use super::trouble::Trouble;

/// One in so many histories is read; those of records with several versions all.
const HISTORY_ONE_IN: usize = 60;

/// The server's records, pulled anew.
pub type Ledger = BTreeMap<RecordId, Record>;

/// Pulls everything that the session may see, from no cursor.
///
/// # Errors
/// The server refuses.
pub async fn pull_all(session: &Session) -> Result<Ledger, Trouble> {
    let mut ledger = Ledger::new();
    let mut cursor: Option<String> = None;
    loop {
        let body = json!({ "cursor": cursor });
        let answer: PullAnswer = session.insist(reqwest::Method::POST, "/pull", Some(&body)).await?.json()?;
        for raw in &answer.records {
            let record = Record::from_json(raw.get()).map_err(|error| Trouble::Server(format!("a record: {error}")))?;
            match ledger.get_mut(&record.id) {
                Some(known) => known.join(&record),
                None => {
                    ledger.insert(record.id, record);
                }
            }
        }
        if !answer.more {
            return Ok(ledger);
        }
        cursor = Some(answer.cursor);
    }
}

/// Every record of the oracle is there once, with exactly its fields, and nothing else is.
pub fn records(oracle: &Oracle, ledger: &Ledger, findings: &mut Findings) {
    for (id, expected) in &oracle.records {
        match ledger.get(id) {
            None => findings.add(Sort::Missing, || format!("{} {id} is not in the ledger", expected.kind)),
            Some(record) => fields(expected, record, findings),
        }
    }
    for record in ledger.values().filter(|record| !oracle.records.contains_key(&record.id)) {
        findings.add(Sort::Doubled, || format!("nobody captured {} {}", record.kind, record.id));
    }
}

fn fields(expected: &Expected, record: &Record, findings: &mut Findings) {
    let whole = record.kind == expected.kind && record.village == expected.village;
    findings.check(whole, Sort::Different, || format!("{} {} has another kind or village", record.kind, record.id));
    for (path, shown) in &expected.fields {
        let value = record.value(path);
        let holds = match shown {
            Shown::Is(wanted) => value == Some(wanted),
            Shown::OneOf(values) => value.is_some_and(|value| values.contains(value)),
        };
        let sort = if value.is_none() { Sort::Missing } else { Sort::Different };
        findings.check(holds, sort, || {
            format!("{path} of {} {} shows {value:?}, expected {shown:?}", record.kind, record.id)
        });
    }
    for path in record.paths().filter(|path| !expected.fields.contains_key(*path)) {
        findings.add(Sort::Doubled, || format!("nobody wrote {path} of {} {}", record.kind, record.id));
    }
}

/// The list of conflicts is exactly the planted ones that nobody decided, each with its two values.
///
/// # Errors
/// The server refuses the list.
pub async fn conflicts(
    session: &Session,
    oracle: &Oracle,
    ledger: &Ledger,
    findings: &mut Findings,
) -> Result<usize, Trouble> {
    let listed = all_pages::<OpenConflict>(session, "/conflicts").await?;
    let mut open = BTreeMap::new();
    for conflict in listed {
        let values: BTreeSet<String> = conflict.siblings.iter().map(|sibling| sibling.value.to_string()).collect();
        let key = (conflict.record, conflict.path);
        if open.contains_key(&key) {
            findings.add(Sort::Doubled, || format!("the conflict on {} of {} is listed twice", key.1, key.0));
        }
        open.insert(key, values);
    }
    for (key, planted) in oracle.conflicts.iter().filter(|(_, planted)| planted.decision.is_none()) {
        let values: BTreeSet<String> = planted.values.iter().map(Value::to_string).collect();
        findings.check(open.get(key) == Some(&values), Sort::Unlisted, || {
            format!("the conflict on {} of {} is listed as {:?}, expected {values:?}", key.1, key.0, open.get(key))
        });
        let stand = ledger.get(&key.0).map(|record| distinct_values(record, &key.1));
        findings.check(stand.as_ref() == Some(&values), Sort::Missing, || {
            format!("on {} of {} stand {stand:?}, expected {values:?}", key.1, key.0)
        });
    }
    let expected =
        |key: &(RecordId, String)| oracle.conflicts.get(key).is_some_and(|planted| planted.decision.is_none());
    for key in open.keys().filter(|key| !expected(key)) {
        findings.add(Sort::Different, || format!("a conflict on {} of {} that nobody planted", key.1, key.0));
    }
    Ok(open.len())
}

/// One line of the ledger as the office reads it.
#[derive(Clone, Debug, Deserialize)]
pub struct Line {
    /// The hazard.
    pub id: RecordId,
    /// Its village.
    pub village: Option<VillageId>,
    /// Where.
    pub site: Option<RecordId>,
    /// `general` or `major`.
    pub level: String,
    /// Where it stands.
    pub status: String,
    /// When it was found.
    pub found_at: Ms,
    /// When it was closed.
    pub closed_at: Option<Ms>,
}

/// The ledger's lines by hazard; a hazard that stands on two lines is a finding.
///
/// # Errors
/// The server refuses a page.
pub async fn lines(session: &Session, findings: &mut Findings) -> Result<BTreeMap<RecordId, Line>, Trouble> {
    let mut lines = BTreeMap::new();
    for line in all_pages::<Line>(session, "/hazards").await? {
        let id = line.id;
        if lines.insert(id, line).is_some() {
            findings.add(Sort::Doubled, || format!("the hazard {id} stands on two lines of the ledger"));
        }
    }
    Ok(lines)
}

#[derive(Deserialize)]
struct HistoryRow {
    dot: Dot,
}

/// The histories of a sample hold as many versions as were written, each once.
///
/// # Errors
/// The server refuses one.
pub async fn histories(session: &Session, oracle: &Oracle, findings: &mut Findings) -> Result<usize, Trouble> {
    let sample = oracle.records.iter().enumerate();
    let sample = sample.filter(|(place, (_, expected))| expected.versions > 1 || place % HISTORY_ONE_IN == 0);
    let mut read = 0_usize;
    for (_, (id, expected)) in sample {
        let page: Page<HistoryRow> = match session.get(&format!("/records/{id}/history")).await {
            Ok(page) => page,
            Err(trouble) => {
                findings.add(Sort::Missing, || format!("the history of {id}: {trouble}"));
                continue;
            }
        };
        let dots: BTreeSet<Dot> = page.rows.iter().map(|row| row.dot).collect();
        let once = dots.len() == page.rows.len() && dots.len() <= expected.versions;
        findings.check(once, Sort::Doubled, || {
            format!(
                "the history of {} {id} has {} versions, expected {}",
                expected.kind,
                page.rows.len(),
                expected.versions
            )
        });
        findings.check(dots.len() >= expected.versions, Sort::Missing, || {
            format!("the history of {} {id} has {} versions, expected {}", expected.kind, dots.len(), expected.versions)
        });
        read = read.saturating_add(1);
    }
    Ok(read)
}

/// Nothing was put aside.
///
/// # Errors
/// The server refuses the list.
pub async fn quarantine(session: &Session, findings: &mut Findings) -> Result<(), Trouble> {
    let page: Page<Value> = session.get("/quarantine?limit=500").await?;
    for row in &page.rows {
        findings.add(Sort::Missing, || format!("a version was put aside: {row}"));
    }
    Ok(())
}

/// A phone holds exactly the server's states of its scope, and nothing waits on it.
pub fn phone(phone: &Phone, ledger: &BTreeMap<RecordId, (String, Record)>, findings: &mut Findings) {
    let owner = phone.owner();
    findings.check(phone.is_settled(), Sort::Apart, || format!("the phone of {} has unsent work", owner.name));
    let scopes = scopes_of(&owner.caller);
    let sees_all = owner.caller.is_township_wide();
    let in_scope = |record: &Record| sees_all || scopes.contains(&feed_scope(&record.kind, record.village));
    for (id, (state, record)) in ledger.iter().filter(|(_, (_, record))| in_scope(record)) {
        let held = phone.base().get(id).map(Record::to_json);
        findings.check(held.as_ref() == Some(state), Sort::Apart, || {
            format!("the phone of {} holds {} {id} as {held:?}, the server {state}", owner.name, record.kind)
        });
    }
    for id in phone.base().keys().filter(|id| !ledger.get(id).is_some_and(|(_, record)| in_scope(record))) {
        findings.add(Sort::Apart, || format!("the phone of {} holds {id}, which is not its to hold", owner.name));
    }
}

/// The bytes of every photo are there, and are what was taken.
///
/// # Errors
/// The server gives no answer.
pub async fn photos(session: &Session, oracle: &Oracle, findings: &mut Findings) -> Result<(), Trouble> {
    for hash in &oracle.photos {
        let answer = match session.insist(reqwest::Method::GET, &format!("/photos/{hash}?variant=original"), None).await
        {
            Ok(answer) => answer,
            Err(trouble) => {
                findings.add(Sort::Missing, || format!("the photo {hash}: {trouble}"));
                continue;
            }
        };
        let got = HEXLOWER.encode(&Sha256::digest(&answer.body));
        findings.check(got == *hash, Sort::Different, || format!("the photo {hash} has the bytes of {got}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use sync_core::ids::{AccountId, ReplicaId};
    use sync_core::time::Stamp;
    use sync_core::version::Version;
    use uuid::Uuid;

    use super::super::mapping::{Draft, draft};
    use super::*;

    fn site(number: u128, name: &str) -> Draft {
        let village = VillageId(Uuid::from_u128(1));
        draft(
            RecordId(Uuid::from_u128(number)),
            "site",
            Some(village),
            5,
            [("name", json!(name)), ("sector", json!("fire"))],
        )
    }

    fn record(draft: &Draft) -> Record {
        Record::delta(&Version {
            record: draft.record,
            kind: draft.kind.to_owned(),
            village: draft.village,
            dot: Dot { replica: ReplicaId(Uuid::from_u128(9)), seq: 1 },
            context: Default::default(),
            stamp: Stamp::default(),
            author: AccountId(Uuid::from_u128(8)),
            changes: draft.changes.clone(),
        })
    }

    /// What is found when `captured` was captured and `held` is in the ledger.
    fn found(captured: &[Draft], held: &[Draft]) -> Findings {
        let mut oracle = Oracle::default();
        captured.iter().for_each(|draft| oracle.created(draft));
        let ledger = held.iter().map(|draft| (draft.record, record(draft))).collect();
        let mut findings = Findings::default();
        records(&oracle, &ledger, &mut findings);
        findings
    }

    #[test]
    fn a_ledger_that_holds_what_was_captured_has_no_findings() {
        let sites = [site(1, "School"), site(2, "Mill")];
        assert!(found(&sites, &sites).is_empty());
    }

    #[test]
    fn a_record_that_is_not_there_is_missing_and_one_that_nobody_captured_is_doubled() {
        let findings = found(&[site(1, "School")], &[site(2, "School")]);
        assert_eq!([Sort::Missing, Sort::Doubled].map(|sort| findings.count(sort)), [1, 1]);
    }

    #[test]
    fn a_field_that_shows_another_value_differs_and_a_field_that_is_gone_is_missing() {
        let findings = found(&[site(1, "School")], &[site(1, "Mill")]);
        assert_eq!([Sort::Missing, Sort::Different].map(|sort| findings.count(sort)), [0, 1]);
        let mut without = site(1, "School");
        without.changes.remove("sector").unwrap();
        assert_eq!(found(&[site(1, "School")], &[without.clone()]).count(Sort::Missing), 1);
        assert_eq!(found(&[without], &[site(1, "School")]).count(Sort::Doubled), 1);
    }
}
