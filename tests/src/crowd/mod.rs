//! Many phones at once against a server in this process, for measurements: accounts and sessions are put straight into its
//! database, and what the phones will send is made before anything is measured.

pub mod open_loop;

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use server::Running;
use server::auth::token::Subject;
use server::clock::{Clock, SystemClock};
use server::db::Scope;
use server::db::accounts::Account;
use server::db::devices::Device;
use server::db::sessions::Session;
use server::db::townships::TownshipRow;
use sync_core::dots::Dot;
use sync_core::ids::{AccountId, DeviceId, RecordId, ReplicaId, TownshipId, VillageId};
use sync_core::people::Role;
use sync_core::time::{Ms, Stamp};
use sync_core::version::Version;
use uuid::Uuid;

/// Why a measurement ended early.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Accounts that are made at the same time.
const MAKING: usize = 32;

/// Who there is, and what they send.
#[derive(Clone, Copy, Debug)]
pub struct Crowd {
    /// Phones, each of an account of its own.
    pub phones: usize,
    /// Over how many townships they are spread.
    pub townships: usize,
    /// Versions in one batch.
    pub batch: usize,
    /// Batches of each phone.
    pub batches: usize,
    /// Of 100 versions so many edit a hazard that the phone sent before; the others create one.
    pub edits_percent: usize,
}

/// One phone: a token, and its batches as request bodies.
#[derive(Debug)]
pub struct Phone {
    /// What it signs its requests with.
    pub token: String,
    /// What it sends, in this order.
    pub bodies: Vec<String>,
}

/// The latency that such a part of the requests did not exceed, of latencies that are sorted.
#[must_use]
pub fn quantile(sorted: &[Duration], part: f64) -> Duration {
    let last = u32::try_from(sorted.len().saturating_sub(1)).unwrap_or(u32::MAX);
    let place = Duration::from_secs(1).mul_f64(part * f64::from(last)).as_secs();
    sorted.get(usize::try_from(place).unwrap_or(usize::MAX)).copied().unwrap_or_default()
}

/// Townships of one village, and an inspector with a session for every phone; and what each will push.
///
/// # Errors
/// The database failed.
pub async fn phones(running: &Running, crowd: Crowd) -> Result<Vec<Phone>, Failure> {
    let now_ms = SystemClock.now_ms();
    let mut townships = Vec::new();
    for number in 0..crowd.townships.max(1) {
        let township = TownshipId(Uuid::now_v7());
        let row = TownshipRow { id: township, name: format!("measured {number}"), created_at_ms: now_ms };
        running.app.database.write(Scope::Whole, move |tx| tx.insert_township(row.clone())).await?;
        townships.push((township, VillageId(Uuid::now_v7())));
    }
    let homes = (0..crowd.phones).zip(townships.into_iter().cycle());
    stream::iter(homes.map(|(number, home)| phone(running, crowd, number, home))).buffered(MAKING).try_collect().await
}

async fn phone(
    running: &Running,
    crowd: Crowd,
    number: usize,
    (township, village): (TownshipId, VillageId),
) -> Result<Phone, Failure> {
    let now_ms = SystemClock.now_ms();
    let (account, device, session) = (AccountId(Uuid::now_v7()), DeviceId(Uuid::now_v7()), Uuid::now_v7());
    let username = format!("phone{number}");
    running
        .app
        .database
        .write(Scope::Township(township), move |tx| {
            sign_in(tx, (township, village), &username, (account, device, session), now_ms)
        })
        .await?;
    let subject = Subject { account, device, township, role: Role::Inspector, session };
    let (token, _) = running.app.tokens.sign(subject, now_ms)?;
    Ok(Phone { token, bodies: bodies(crowd, account, village, now_ms)? })
}

fn sign_in(
    tx: &mut dyn server::db::Transaction,
    (township, village): (TownshipId, VillageId),
    username: &str,
    (account, device, session): (AccountId, DeviceId, Uuid),
    now_ms: Ms,
) -> Result<(), server::db::DbError> {
    tx.insert_account(&Account {
        id: account,
        township,
        username: username.to_owned(),
        display_name: username.to_owned(),
        role: Role::Inspector,
        villages: [village].into(),
        password_hash: None,
        disabled_at_ms: None,
        created_at_ms: now_ms,
        updated_at_ms: now_ms,
    })?;
    tx.insert_device(Device {
        id: device,
        township,
        account,
        name: username.to_owned(),
        created_at_ms: now_ms,
        seen_at_ms: now_ms,
        revoked_at_ms: None,
        unsent: None,
    })?;
    tx.insert_session(&Session {
        id: session,
        township,
        account,
        device,
        generation: 0,
        created_at_ms: now_ms,
        revoked: None,
    })
}

/// The request bodies of one phone: hazards of about 1 KB, some of which are edited by a later version.
fn bodies(crowd: Crowd, author: AccountId, village: VillageId, now_ms: Ms) -> Result<Vec<String>, Failure> {
    let replica = ReplicaId(Uuid::now_v7());
    let mut own: Vec<(RecordId, u64)> = Vec::new();
    let mut seq = 0_u64;
    let mut bodies = Vec::with_capacity(crowd.batches);
    for _ in 0..crowd.batches {
        let first_seq = seq.saturating_add(1);
        let mut versions = Vec::with_capacity(crowd.batch);
        for place in 0..crowd.batch {
            seq = seq.saturating_add(1);
            let edits = place % 100 < crowd.edits_percent && own.len() > crowd.batch;
            let edited = if edits { own.get_mut(place.saturating_mul(7) % crowd.batch) } else { None };
            let (record, seen, changes) = match edited {
                Some((record, last)) => (*record, std::mem::replace(last, seq), edit(seq)),
                None => {
                    let record = RecordId(Uuid::now_v7());
                    own.push((record, seq));
                    (record, 0, hazard(seq, now_ms))
                }
            };
            versions.push(Version {
                record,
                kind: "hazard".to_owned(),
                village: Some(village),
                dot: Dot { replica, seq },
                context: [Dot { replica, seq: seen }].into_iter().collect(),
                stamp: Stamp { ms: now_ms, counter: u32::try_from(seq).unwrap_or(0) },
                author,
                changes,
            });
        }
        let body = json!({"sent_at_ms": now_ms, "replica": replica, "first_seq": first_seq, "versions": versions});
        bodies.push(serde_json::to_string(&body)?);
    }
    Ok(bodies)
}

fn hazard(seq: u64, now_ms: Ms) -> BTreeMap<String, Value> {
    let words = "消防通道被杂物堵塞，灭火器压力不足且已过检验期，疏散指示灯损坏";
    let fields = [
        ("sector", json!("fire")),
        ("category", json!("疏散通道")),
        ("level", json!("general")),
        ("description", json!(format!("{words}（第{seq}处）"))),
        ("place", json!("一楼东侧仓库门口")),
        ("location", json!({"lat": 29.123_456, "lon": 110.654_321, "accuracy_m": 12.5})),
        ("found_at", json!(now_ms)),
        ("found_by", json!("村级安监员")),
        ("suggested_measures", json!("立即清理通道，更换灭火器，修复指示灯，并张贴警示标志")),
        ("responsible", json!("场所负责人")),
        ("measures", json!("清理、更换、修复，完成后拍照上传")),
        ("funds", json!(1_200)),
        ("deadline", json!("2026-12-31")),
        ("contingency_plan", json!("整改期间安排专人看守，保持通道畅通，配备临时灭火器材")),
    ];
    fields.into_iter().map(|(path, value)| (path.to_owned(), value)).collect()
}

fn edit(seq: u64) -> BTreeMap<String, Value> {
    let note = format!("现场复核：已部分清理，剩余杂物须在期限前清除完毕（第{seq}次记录）。").repeat(8);
    [("suggested_measures".to_owned(), json!(note)), ("funds".to_owned(), json!(seq))].into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_one_of_the_latencies() {
        let latencies: Vec<Duration> = (1..=101).map(Duration::from_millis).collect();
        for (part, ms) in [(0.0, 1), (0.5, 51), (0.99, 100), (1.0, 101)] {
            assert_eq!(quantile(&latencies, part), Duration::from_millis(ms), "{part}");
        }
        assert_eq!(quantile(&[], 0.5), Duration::ZERO);
    }
}
