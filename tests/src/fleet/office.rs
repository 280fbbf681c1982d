//! The township office: makes the accounts, and decides conflicts while the villages work.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use sync_core::dots::Dot;
use sync_core::ids::{AccountId, RecordId, VillageId};
use sync_core::people::Role;
use tokio::sync::watch;

use super::oracle::Oracle;
use super::session::Session;
use super::trouble::Trouble;

/// Rounds over the list of conflicts after the villages are done.
const LAST_ROUNDS: usize = 60;
const BETWEEN_ROUNDS: Duration = Duration::from_millis(700);

/// An open conflict as the office sees it.
#[derive(Clone, Debug, Deserialize)]
pub struct OpenConflict {
    /// The record.
    pub record: RecordId,
    /// The path.
    pub path: String,
    /// What stands there.
    pub siblings: Vec<StandingValue>,
}

/// One of the values that stand.
#[derive(Clone, Debug, Deserialize)]
pub struct StandingValue {
    /// Who wrote it.
    pub dot: Dot,
    /// The value.
    pub value: Value,
}

/// A page of a list.
#[derive(Debug, Deserialize)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Where the next page begins.
    #[serde(default)]
    pub next: Option<String>,
}

/// Reads a list to its end, page by page.
///
/// # Errors
/// The server refuses a page.
pub async fn all_pages<T: serde::de::DeserializeOwned>(session: &Session, path: &str) -> Result<Vec<T>, Trouble> {
    let mut rows = Vec::new();
    let mut after = String::new();
    loop {
        let page: Page<T> = session.get(&format!("{path}?limit=500{after}")).await?;
        rows.extend(page.rows);
        match page.next {
            Some(next) => after = format!("&after={next}"),
            None => return Ok(rows),
        }
    }
}

/// Makes an account.
///
/// # Errors
/// The server refuses.
pub async fn make_account(
    admin: &Session,
    username: &str,
    password: &str,
    role: Role,
    villages: &BTreeSet<VillageId>,
) -> Result<AccountId, Trouble> {
    #[derive(Deserialize)]
    struct Made {
        id: AccountId,
    }
    let body = json!({
        "username": username, "display_name": username, "role": role, "villages": villages, "password": password,
    });
    let made: Made = admin.insist(Method::POST, "/accounts", Some(&body)).await?.json()?;
    Ok(made.id)
}

/// Decides the planted conflicts that the script wants decided, as they appear, until `villages_done` and none is left.
///
/// # Errors
/// A decision is refused, or some do not come up.
pub async fn decide(
    session: Arc<Session>,
    oracle: Arc<Oracle>,
    villages_done: watch::Receiver<bool>,
) -> Result<(), Trouble> {
    let wanted: usize = oracle.conflicts.values().filter(|planted| planted.decision.is_some()).count();
    let mut decided = BTreeSet::new();
    let mut last_rounds = 0;
    while decided.len() < wanted {
        if *villages_done.borrow() {
            last_rounds += 1;
            if last_rounds > LAST_ROUNDS {
                let missing = wanted.saturating_sub(decided.len());
                return Err(Trouble::Stuck(format!("{missing} planted conflicts never appeared for a decision")));
            }
        }
        for open in all_pages::<OpenConflict>(&session, "/conflicts").await? {
            let key = (open.record, open.path.clone());
            let decision = oracle.conflicts.get(&key).and_then(|planted| planted.decision.clone());
            if let Some(value) = decision
                && !decided.contains(&key)
                && decide_one(&session, &open, &value).await?
            {
                decided.insert(key);
            }
        }
        if decided.len() < wanted {
            tokio::time::sleep(BETWEEN_ROUNDS).await;
        }
    }
    Ok(())
}

/// Whether the decision is known to have been taken. Where the answer is lost, the record tells.
async fn decide_one(session: &Session, open: &OpenConflict, value: &Value) -> Result<bool, Trouble> {
    let dots: Vec<Dot> = open.siblings.iter().map(|sibling| sibling.dot).collect();
    let body = json!({ "path": open.path, "value": value, "siblings": dots });
    let path = format!("/records/{}/resolve", open.record);
    for _ in 0..50 {
        match session.send(Method::POST, &path, Some(&body)).await {
            Ok(answer) if answer.status.is_success() => return Ok(true),
            Ok(answer) if answer.status == StatusCode::CONFLICT => return is_settled(session, open).await,
            Ok(answer) if answer.status == StatusCode::UNAUTHORIZED => {
                if let Err(Some(refusal)) = session.sign_in().await {
                    return Err(Trouble::Server(refusal));
                }
            }
            Ok(answer) if answer.status != StatusCode::SERVICE_UNAVAILABLE => {
                return Err(Trouble::Server(format!("a decision was refused: {}", answer.problem())));
            }
            _ => {
                if is_settled(session, open).await? {
                    return Ok(true);
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    Err(Trouble::Stuck(format!("no decision on {} of {}", open.path, open.record)))
}

async fn is_settled(session: &Session, open: &OpenConflict) -> Result<bool, Trouble> {
    let view: Value = session.get(&format!("/records/{}", open.record)).await?;
    let conflicts = view.get("conflicts").and_then(Value::as_array).cloned().unwrap_or_default();
    Ok(!conflicts.contains(&json!(open.path)))
}
