//! A township of hazards, filled through the same taking of batches that HTTP reaches, in the same process. A fifth of all
//! versions edit a hazard that exists, however old; one in some hundreds is left in conflict.

use std::collections::BTreeMap;

use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};
use server::App;
use server::auth::token::Subject;
use server::db::Scope;
use server::db::accounts::Account;
use server::db::devices::Device;
use server::db::sessions::Session;
use server::db::townships::TownshipRow;
use server::sync::push::{Sender, read};
use sync_core::dots::Dot;
use sync_core::ids::{AccountId, DeviceId, RecordId, ReplicaId, TownshipId, VillageId};
use sync_core::people::{Caller, Role};
use sync_core::protocol::{Push, PushAnswer};
use sync_core::time::{Ms, Stamp};
use sync_core::version::Version;
use uuid::Uuid;

use super::Failure;

/// Villages of the township.
const VILLAGES: usize = 18;
/// For so many versions one contradicts an edit, but at most one a batch.
const CONFLICT_EVERY: usize = 200;
/// Days over which the finds are spread.
const DAYS: u64 = 3 * 365;
const DAY_MS: u64 = 86_400_000;

/// Somebody who pushes.
struct Phone {
    caller: Caller,
    device: DeviceId,
    replica: ReplicaId,
    seq: u64,
    village: VillageId,
    known: Vec<Known>,
}

/// A hazard of one phone, and under which numbers it wrote it first and last.
#[derive(Clone, Copy)]
struct Known {
    record: RecordId,
    first: u64,
    last: u64,
}

/// The township that grows.
pub struct Township {
    /// Its id.
    pub id: TownshipId,
    /// The supervisor, who sees everything.
    pub supervisor: Caller,
    supervisor_device: DeviceId,
    supervisor_session: Uuid,
    phones: Vec<Phone>,
    hazards: usize,
    begun_ms: Ms,
    random: u64,
}

impl Township {
    /// Makes the township, its people and their devices.
    ///
    /// # Errors
    /// The database failed.
    pub async fn found(app: &App) -> Result<Self, Failure> {
        let begun_ms = app.now_ms();
        let id = TownshipId(Uuid::now_v7());
        let row = TownshipRow { id, name: "measured".to_owned(), created_at_ms: begun_ms };
        app.database.write(Scope::Whole, move |tx| tx.insert_township(row.clone())).await?;
        let (supervisor, supervisor_device, supervisor_session) =
            person(app, id, ("office".to_owned(), Role::Supervisor, None), begun_ms).await?;
        let mut phones = Vec::new();
        // Two inspectors a village: conflicts need two who do not see each other.
        for number in 0..VILLAGES.saturating_mul(2) {
            let village =
                phones.get(number % VILLAGES).map_or_else(|| VillageId(Uuid::now_v7()), |phone: &Phone| phone.village);
            let who = (format!("phone{number}"), Role::Inspector, Some(village));
            let (caller, device, _) = person(app, id, who, begun_ms).await?;
            phones.push(Phone {
                caller,
                device,
                replica: ReplicaId(Uuid::now_v7()),
                seq: 0,
                village,
                known: Vec::new(),
            });
        }
        Ok(Self { id, supervisor, supervisor_device, supervisor_session, phones, hazards: 0, begun_ms, random: 0x5eed })
    }

    /// How many hazards there are.
    #[must_use]
    pub fn hazards(&self) -> usize {
        self.hazards
    }

    /// What an access token of the supervisor says.
    #[must_use]
    pub fn supervisor_subject(&self) -> Subject {
        Subject {
            account: self.supervisor.account,
            device: self.supervisor_device,
            township: self.id,
            role: Role::Supervisor,
            session: self.supervisor_session,
        }
    }

    /// Pushes one batch of the next phone; answered after its commit.
    ///
    /// # Errors
    /// The database failed, or the batch was not merged whole.
    pub async fn push(&mut self, app: &App, versions: usize) -> Result<(), Failure> {
        let number = self.below(VILLAGES);
        let batch = self.batch(number, versions)?;
        self.send(app, number, batch).await?;
        if self.below(CONFLICT_EVERY) < versions {
            let number = number.saturating_add(VILLAGES);
            if let Some(batch) = self.contradiction(number)? {
                self.send(app, number, batch).await?;
            }
        }
        Ok(())
    }

    async fn send(&self, app: &App, number: usize, versions: Vec<Box<RawValue>>) -> Result<(), Failure> {
        let phone = self.phones.get(number).ok_or("a phone")?;
        let count = u64::try_from(versions.len())?;
        let first_seq = phone.seq.saturating_add(1).saturating_sub(count);
        let batch = read(Push { replica: phone.replica, first_seq, versions, refused: Vec::new() })
            .map_err(|problem| problem.to_string())?;
        let sender = Sender {
            caller: phone.caller.clone(),
            township: self.id,
            device: phone.device,
            received_at_ms: app.now_ms(),
            clock_offset_ms: 0,
        };
        let answer = app
            .database
            .write(Scope::Township(self.id), move |tx| batch.take(tx, &sender))
            .await
            .map_err(|problem| problem.to_string())?;
        match answer {
            PushAnswer::Accepted { outcomes, .. } if outcomes.iter().all(|outcome| outcome.refusal.is_none()) => Ok(()),
            other => Err(format!("not merged: {other:?}").into()),
        }
    }

    /// Versions of one phone: four of five report a hazard, the others edit one of its own, however old.
    fn batch(&mut self, number: usize, versions: usize) -> Result<Vec<Box<RawValue>>, Failure> {
        let mut batch = Vec::with_capacity(versions);
        for place in 0..versions {
            let (found_at_ms, drawn) = (self.begun_ms.saturating_sub(self.draw() % (DAYS * DAY_MS)), self.draw());
            let phone = self.phones.get_mut(number).ok_or("a phone")?;
            phone.seq = phone.seq.saturating_add(1);
            let dot = Dot { replica: phone.replica, seq: phone.seq };
            let at = usize::try_from(drawn % u64::try_from(phone.known.len())?.max(1))?;
            let (record, last, changes) = match phone.known.get_mut(at).filter(|_| place % 5 == 4) {
                Some(known) => (known.record, std::mem::replace(&mut known.last, dot.seq), edit(dot.seq)),
                None => {
                    let record = RecordId(Uuid::now_v7());
                    phone.known.push(Known { record, first: dot.seq, last: dot.seq });
                    self.hazards = self.hazards.saturating_add(1);
                    (record, 0, hazard(dot.seq, found_at_ms))
                }
            };
            let context = [Dot { replica: phone.replica, seq: last }];
            batch.push(version(phone, record, (dot, &context), self.begun_ms, changes)?);
        }
        Ok(batch)
    }

    /// What the other inspector of a village writes about a hazard that the first one has edited meanwhile, if there is one.
    fn contradiction(&mut self, number: usize) -> Result<Option<Vec<Box<RawValue>>>, Failure> {
        let drawn = self.draw();
        let other = number.checked_sub(VILLAGES).and_then(|other| self.phones.get(other)).ok_or("a phone")?;
        let at = usize::try_from(drawn % u64::try_from(other.known.len())?.max(1))?;
        let edited = other.known.iter().cycle().skip(at).take(other.known.len()).find(|known| known.last > known.first);
        let Some((known, author)) = edited.map(|known| (*known, other.replica)) else { return Ok(None) };
        let phone = self.phones.get_mut(number).ok_or("a phone")?;
        phone.seq = phone.seq.saturating_add(1);
        let dot = Dot { replica: phone.replica, seq: phone.seq };
        let seen = [Dot { replica: author, seq: known.first }];
        let changes =
            [("suggested_measures".to_owned(), json!(format!("锁闭的安全出口须立即打开（第{}次）", phone.seq)))];
        Ok(Some(vec![version(phone, known.record, (dot, &seen), self.begun_ms, changes.into())?]))
    }

    /// A number that looks random and is the same in every run (SplitMix64; Steele, Lea, Flood 2014).
    pub fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(1).max(1);
        usize::try_from(self.draw() % end).unwrap_or(0)
    }
}

fn version(
    phone: &Phone,
    record: RecordId,
    (dot, context): (Dot, &[Dot]),
    now_ms: Ms,
    changes: BTreeMap<String, Value>,
) -> Result<Box<RawValue>, Failure> {
    Ok(to_raw_value(&Version {
        record,
        kind: "hazard".to_owned(),
        village: Some(phone.village),
        dot,
        context: context.iter().copied().collect(),
        stamp: Stamp { ms: now_ms, counter: u32::try_from(dot.seq)? },
        author: phone.caller.account,
        changes,
    })?)
}

async fn person(
    app: &App,
    township: TownshipId,
    (name, role, village): (String, Role, Option<VillageId>),
    now_ms: Ms,
) -> Result<(Caller, DeviceId, Uuid), Failure> {
    let (account, device, session) = (AccountId(Uuid::now_v7()), DeviceId(Uuid::now_v7()), Uuid::now_v7());
    let caller = Caller { account, role, villages: village.into_iter().collect() };
    let row = Account {
        id: account,
        township,
        username: name.clone(),
        display_name: name.clone(),
        role,
        villages: caller.villages.clone(),
        password_hash: None,
        disabled_at_ms: None,
        created_at_ms: now_ms,
        updated_at_ms: now_ms,
    };
    let phone = Device {
        id: device,
        township,
        account,
        name,
        created_at_ms: now_ms,
        seen_at_ms: now_ms,
        revoked_at_ms: None,
        unsent: None,
    };
    let signed_in =
        Session { id: session, township, account, device, generation: 0, created_at_ms: now_ms, revoked: None };
    app.database
        .write(Scope::Township(township), move |tx| {
            tx.insert_account(&row)?;
            tx.insert_device(phone.clone())?;
            tx.insert_session(&signed_in)
        })
        .await?;
    Ok((caller, device, session))
}

fn hazard(seq: u64, found_at_ms: Ms) -> BTreeMap<String, Value> {
    let fields = [
        ("sector", json!("fire")),
        ("category", json!("疏散通道")),
        ("level", json!(if seq.is_multiple_of(20) { "major" } else { "general" })),
        ("description", json!(format!("消防通道被杂物堵塞，灭火器压力不足且已过检验期（第{seq}处）"))),
        ("place", json!("一楼东侧仓库门口")),
        ("location", json!({"lat": 29.123_456, "lon": 110.654_321, "accuracy_m": 12.5})),
        ("found_at", json!(found_at_ms)),
        ("found_by", json!("村级安监员")),
        ("suggested_measures", json!("立即清理通道，更换灭火器")),
        ("responsible", json!("场所负责人")),
        ("funds", json!(1_200)),
        ("deadline", json!("2026-12-31")),
    ];
    fields.into_iter().map(|(path, value)| (path.to_owned(), value)).collect()
}

fn edit(seq: u64) -> BTreeMap<String, Value> {
    let note = format!("现场复核：已部分清理，剩余杂物须在期限前清除完毕（第{seq}次记录）");
    [("suggested_measures".to_owned(), json!(note)), ("funds".to_owned(), json!(seq))].into()
}
