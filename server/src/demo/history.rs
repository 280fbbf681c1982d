//! A year in which the demo township was inspected: visits, hazards and what became of them, as phones and the office would have
//! written them, ending today. Which visit finds what is derived from words, so that every demo tells the same story.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};
use sync_core::dots::{Dot, VersionVector};
use sync_core::ids::{AccountId, DeviceId, RecordId, ReplicaId, VillageId};
use sync_core::people::{Caller, Role};
use sync_core::protocol::{Push, PushAnswer};
use sync_core::status::to_follow;
use sync_core::time::{Ms, Stamp, township_date};
use sync_core::version::Version;
use uuid::Uuid;

use super::directory::{self, SiteOf, writing};
use super::{derived, desk, months, township, villages};
use crate::db::Transaction;
use crate::db::devices::Device;
use crate::error::Problem;
use crate::handlers::office::number_orders;
use crate::ledger::project::facts_about;
use crate::sync::authored::{self, Writing};
use crate::sync::push::{self, Sender};

const DAY_MS: Ms = 86_400_000;
const HOUR_MS: Ms = 3_600_000;
/// Visits of a village, and days between two of them.
const VISITS: u64 = 14;
const VISIT_EVERY: u64 = 26;
/// Days that an order gives.
const ORDER_DAYS: u64 = 15;
/// Villages in which two phones wrote something different.
const AT_ODDS: [usize; 3] = [2, 7, 11];
/// A village from which something came that cannot be taken in.
const MISTAKEN: usize = 4;

/// What is found at sites of a sector.
#[derive(Deserialize)]
struct Phrase {
    description: String,
    place: String,
    measures: String,
    responsible: String,
    #[serde(default)]
    major: bool,
}

/// Who wrote something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum By {
    /// The inspector of the village at this place of the list, on the phone.
    Phone(usize),
    /// The same on another phone.
    OtherPhone(usize),
    /// The same, having seen everything.
    Inspector(usize),
    /// The township's office.
    Office,
}

/// What was written at one time.
#[derive(Clone)]
pub(super) struct Act {
    at_ms: Ms,
    by: By,
    writings: Vec<Writing>,
    /// The hazard that a re-inspection is of: it answers all that was there by then.
    answers: Option<RecordId>,
}

impl Act {
    fn new(at_ms: Ms, by: By, writing: Writing) -> Self {
        Self { at_ms, by, writings: vec![writing], answers: None }
    }

    /// What the office wrote.
    pub(super) fn of_office(at_ms: Ms, writing: Writing) -> Self {
        Self::new(at_ms, By::Office, writing)
    }

    /// What a village's inspector wrote, having seen everything.
    pub(super) fn of_inspector(at_ms: Ms, village: usize, writing: Writing) -> Self {
        Self::new(at_ms, By::Inspector(village), writing)
    }

    /// What a village's inspector wrote on the phone.
    pub(super) fn of_phone(at_ms: Ms, village: usize, writing: Writing) -> Self {
        Self::new(at_ms, By::Phone(village), writing)
    }
}

/// What a village's month is counted from.
pub(super) struct Found {
    pub(super) at_ms: Ms,
    pub(super) is_major: bool,
    pub(super) deadline: Option<String>,
    pub(super) closed_at_ms: Option<Ms>,
}

/// What was done in one village.
#[derive(Default)]
pub(super) struct Year {
    acts: Vec<Act>,
    /// When, and which site.
    pub(super) visits: Vec<(Ms, RecordId)>,
    pub(super) found: Vec<Found>,
}

/// Writes the year that ends at `now_ms`.
///
/// # Errors
/// The database failed, or `history.json` cannot be read: the program was built wrongly.
pub(super) fn write(tx: &mut dyn Transaction, now_ms: Ms) -> Result<(), Problem> {
    let directory = directory::read()?;
    let phrases: BTreeMap<String, Vec<Phrase>> =
        serde_json::from_str(include_str!("history.json")).map_err(Problem::internal)?;
    let mut acts = desk::of_township(now_ms);
    for (at, (village, name, _)) in villages().into_iter().enumerate() {
        let sites = directory::sites_of(&directory, at);
        let mut year = Year::default();
        for visit in 0..VISITS {
            visited(&mut year, (at, village, name), visit, &sites, &phrases, now_ms);
        }
        trouble(&mut year, at, village, now_ms);
        acts.extend(months::reports(at, village, &year, now_ms));
        acts.extend(desk::of_village(at, village, &sites, now_ms));
        acts.append(&mut year.acts);
    }
    acts.retain(|act| act.at_ms < now_ms);
    acts.sort_by_key(|act| act.at_ms);
    let mut pens = Pens::default();
    for act in acts {
        pens.write(tx, act)?;
    }
    pens.show(tx)
}

/// One visit, what it found, and what became of that.
fn visited(
    year: &mut Year,
    (at, village, name): (usize, VillageId, &str),
    visit: u64,
    sites: &[SiteOf],
    phrases: &BTreeMap<String, Vec<Phrase>>,
    now_ms: Ms,
) {
    let word = format!("visit/{at}/{visit}");
    let days_ago = visit * VISIT_EVERY + pick(&format!("{word}/day"), VISIT_EVERY);
    let at_ms = at_work(now_ms, days_ago, &word);
    let turn = usize::try_from(visit).unwrap_or(0).wrapping_add(at);
    let Some(site) = sites.get(turn.checked_rem(sites.len()).unwrap_or(0)) else { return };
    let Some(phrases) = phrases.get(&site.sector) else { return };
    let inspection = RecordId(derived(&word));
    let of_sector = u64::try_from(phrases.len()).unwrap_or(1).max(1);
    let first = pick(&format!("{word}/phrase"), of_sector);
    let count = [0, 0, 1, 1, 1, 1, 2, 2].get(usize::try_from(pick(&format!("{word}/count"), 8)).unwrap_or(0));
    let count = count.copied().unwrap_or(1);
    let conclusion = if count == 0 { "未发现隐患" } else { "发现隐患，已告知负责人整改" };
    let mut changes = json!({
        "site": site.id, "type": "routine", "inspected_at": at_ms, "conclusion": conclusion,
        "location": site.location, "signed_by": "现场负责人",
    });
    if let Some(fields) = changes.as_object_mut() {
        fields.insert(format!("inspectors/{name}安监员"), true.into());
    }
    let mut batch = Act::new(at_ms, By::Phone(at), writing(inspection, "inspection", Some(village), changes));
    year.visits.push((at_ms, site.id));
    for number in 0..count {
        let nth = usize::try_from(first.wrapping_add(number).checked_rem(of_sector).unwrap_or(0)).unwrap_or(0);
        let Some(phrase) = phrases.get(nth) else { continue };
        let id = RecordId(derived(&format!("{word}/hazard/{number}")));
        batch.writings.push(writing(
            id,
            "hazard",
            Some(village),
            json!({
                "inspection": inspection, "site": site.id, "sector": site.sector,
                "level": if phrase.major { "major" } else { "general" },
                "description": phrase.description, "place": phrase.place, "location": site.location,
                "found_at": at_ms, "found_by": format!("{name}安监员"), "suggested_measures": phrase.measures,
                "responsible": phrase.responsible,
            }),
        ));
        became(year, (at, village), id, (site, phrase), at_ms, now_ms);
    }
    year.acts.push(batch);
}

/// How far a hazard is: what is old is closed, most of the time.
fn stage(days: u64, word: &str) -> u64 {
    let luck = pick(&format!("{word}/luck"), 100);
    match (days, luck) {
        (46.., 0..=88) | (16..=45, 0..=54) => 3,
        (46.., 89..=92) | (16..=45, 55..=79) | (0..=15, 65..) => 2,
        (0..=15, 0..=34) => 0,
        _ => 1,
    }
}

/// Order, rectification and re-inspection of a hazard, as far as it came.
fn became(
    year: &mut Year,
    (at, village): (usize, VillageId),
    hazard: RecordId,
    (site, phrase): (&SiteOf, &Phrase),
    found_at_ms: Ms,
    now_ms: Ms,
) {
    let word = format!("{hazard}");
    let days = now_ms.saturating_sub(found_at_ms) / DAY_MS;
    let stage = stage(days, &word);
    let mut found = Found { at_ms: found_at_ms, is_major: phrase.major, deadline: None, closed_at_ms: None };
    let ordered_ms = in_hours(found_at_ms, 1 + pick(&format!("{word}/ordered"), 2), &format!("{word}/ordered"));
    if stage >= 1 && ordered_ms < now_ms {
        let deadline = township_date(ordered_ms + ORDER_DAYS * DAY_MS);
        let kind = if phrase.major && stage == 1 { "suspend_operations" } else { "time_limit" };
        let mut order = json!({
            "kind": kind, "issued_at": ordered_ms, "issuer": "安监办", "recipient": site.name, "deadline": deadline,
            "requirements": phrase.measures,
        });
        if let Some(fields) = order.as_object_mut() {
            fields.insert(format!("hazards/{hazard}"), true.into());
        }
        let id = RecordId(derived(&format!("{word}/order")));
        year.acts.push(Act::new(ordered_ms, By::Office, writing(id, "order", Some(village), order)));
        let signed_ms = ordered_ms + DAY_MS;
        let signed = writing(id, "order", Some(village), json!({"received_at": signed_ms}));
        year.acts.push(Act::new(signed_ms, By::Inspector(at), signed));
        found.deadline = Some(deadline);
    }
    let rectified_ms = in_hours(ordered_ms, 2 + pick(&format!("{word}/rectified"), 10), &format!("{word}/rectified"));
    if stage >= 2 {
        let done = json!({
            "hazard": hazard, "done_at": rectified_ms, "done_by": phrase.responsible,
            "measures": format!("已按要求整改：{}", phrase.measures),
        });
        let id = RecordId(derived(&format!("{word}/rectification")));
        year.acts.push(Act::new(rectified_ms, By::Phone(at), writing(id, "rectification", Some(village), done)));
    }
    let passed_ms = in_hours(rectified_ms, 1 + pick(&format!("{word}/passed"), 3), &format!("{word}/passed"));
    if stage >= 3 {
        let id = RecordId(derived(&format!("{word}/reinspection")));
        let passed = json!({
            "hazard": hazard, "at": passed_ms, "by": "安监办", "result": "passed", "authority": "township",
        });
        let mut act = Act::new(passed_ms, By::Office, writing(id, "reinspection", Some(village), passed));
        act.answers = Some(hazard);
        year.acts.push(act);
        found.closed_at_ms = Some(passed_ms).filter(|at| *at < now_ms);
    }
    year.found.push(found);
}

/// What waits for a supervisor: two phones that did not see each other, and a number that cannot be.
fn trouble(year: &mut Year, at: usize, village: VillageId, now_ms: Ms) {
    let hazard = |word: &str, at_ms: Ms, more: Value| {
        let mut changes = json!({
            "sector": "fire", "level": "general", "description": "沿街店铺楼梯间停放电动自行车并充电", "place": "楼梯间",
            "found_at": at_ms, "found_by": "村级安监员",
        });
        if let (Some(changes), Value::Object(more)) = (changes.as_object_mut(), more) {
            changes.extend(more);
        }
        writing(RecordId(derived(&format!("{word}/{at}"))), "hazard", Some(village), changes)
    };
    if AT_ODDS.contains(&at) {
        let found_ms = at_work(now_ms, 6, &format!("at-odds/{at}"));
        let begun = hazard("at-odds", found_ms, json!({}));
        let says = |responsible: &str, measures: &str| {
            writing(begun.record, "hazard", Some(village), json!({"responsible": responsible, "measures": measures}))
        };
        let (mine, theirs) = (says("店主", "电动自行车移出楼梯间"), says("房东", "楼下设集中充电棚"));
        year.acts.push(Act::new(found_ms, By::Phone(at), begun));
        year.acts.push(Act::new(found_ms + DAY_MS, By::Phone(at), mine));
        year.acts.push(Act::new(found_ms + DAY_MS + HOUR_MS, By::OtherPhone(at), theirs));
    }
    if at == MISTAKEN {
        let found_ms = at_work(now_ms, 4, "mistaken");
        year.acts.push(Act::new(found_ms, By::Phone(at), hazard("mistaken", found_ms, json!({"funds": -1}))));
    }
}

/// An instant of the working hours some days ago.
fn at_work(now_ms: Ms, days_ago: u64, word: &str) -> Ms {
    in_hours(now_ms.saturating_sub(days_ago.saturating_mul(DAY_MS)), 0, word)
}

/// An instant of the working hours (9 to 16 o'clock in China) some days after another.
fn in_hours(from_ms: Ms, days: u64, word: &str) -> Ms {
    let midnight = from_ms.saturating_add(days.saturating_mul(DAY_MS)) / DAY_MS * DAY_MS;
    midnight.saturating_add(HOUR_MS).saturating_add(pick(&format!("{word}/hour"), 7 * HOUR_MS))
}

/// A number below a bound that a word stands for.
fn pick(word: &str, below: u64) -> u64 {
    let (high, low) = derived(word).as_u64_pair();
    (high ^ low.rotate_left(17)).checked_rem(below).unwrap_or(0)
}

/// The phones and the desk that write, and how far each has come.
#[derive(Default)]
struct Pens {
    /// The number of the last version of a phone, and when it was sent.
    written: BTreeMap<By, (u64, Ms)>,
    /// By which version a record was begun on a phone.
    begun: BTreeMap<RecordId, Dot>,
}

impl Pens {
    fn write(&mut self, tx: &mut dyn Transaction, act: Act) -> Result<(), Problem> {
        match act.by {
            By::Phone(village) | By::OtherPhone(village) => self.send(tx, village, act),
            By::Inspector(_) | By::Office => at_a_desk(tx, act),
        }
    }

    /// A phone's batch, as it comes in by the network.
    fn send(&mut self, tx: &mut dyn Transaction, village: usize, act: Act) -> Result<(), Problem> {
        let (replica, sender) = (ReplicaId(derived(&format!("{:?}", act.by))), sender(act.by, act.at_ms));
        let (last, _) = self.written.get(&act.by).copied().unwrap_or_default();
        let mut versions = Vec::with_capacity(act.writings.len());
        for (writing, seq) in act.writings.into_iter().zip(last.saturating_add(1)..) {
            let dot = Dot { replica, seq };
            let mut context = VersionVector::new();
            match self.begun.get(&writing.record) {
                Some(begun) => context.raise(*begun),
                None => drop(self.begun.insert(writing.record, dot)),
            }
            let version = Version {
                record: writing.record,
                kind: writing.kind,
                village: writing.village,
                dot,
                context,
                stamp: Stamp::from((act.at_ms, 0)),
                author: sender.caller.account,
                changes: writing.changes,
            };
            versions.push(serde_json::value::to_raw_value(&version).map_err(Problem::internal)?);
            self.written.insert(act.by, (seq, act.at_ms));
        }
        let batch = push::read(Push { replica, first_seq: last.saturating_add(1), versions, refused: Vec::new() })?;
        match batch.take(tx, &sender)? {
            PushAnswer::Accepted { .. } => Ok(()),
            other => Err(Problem::internal(format!("the demo's phone of village {village}: {other:?}"))),
        }
    }

    /// The phones as they stand in the office's list.
    fn show(&self, tx: &mut dyn Transaction) -> Result<(), Problem> {
        let names = villages().map(|(_, name, _)| name);
        for (by, (_, seen_at_ms)) in &self.written {
            let (By::Phone(village) | By::OtherPhone(village)) = by else { continue };
            let name = names.get(*village).copied().unwrap_or_default();
            let Sender { caller, township, device, .. } = sender(*by, *seen_at_ms);
            let which = if matches!(by, By::Phone(_)) { "手机" } else { "旧手机" };
            tx.insert_device(Device {
                id: device,
                township,
                account: caller.account,
                name: format!("{name}{which}"),
                created_at_ms: seen_at_ms.saturating_sub(VISITS * VISIT_EVERY * DAY_MS),
                seen_at_ms: *seen_at_ms,
                revoked_at_ms: None,
                unsent: None,
            })?;
        }
        Ok(())
    }
}

fn at_a_desk(tx: &mut dyn Transaction, mut act: Act) -> Result<(), Problem> {
    let sender = sender(act.by, act.at_ms);
    if let Some(hazard) = act.answers {
        let facts = facts_about(tx, township(), hazard)?;
        let follows = to_follow(hazard, &facts).map(|key| (format!("follows/{key}"), Value::from(true)));
        if let Some(reinspection) = act.writings.first_mut() {
            reinspection.changes.extend(follows);
        }
    }
    if act.by == By::Office {
        number_orders(tx, &sender, &mut act.writings)?;
    }
    let written = authored::write(tx, &sender, &act.writings)?;
    written.map(drop).map_err(|refusal| Problem::internal(format!("the demo's history: {}", refusal.detail)))
}

fn sender(by: By, received_at_ms: Ms) -> Sender {
    let (account, role, own) = match by {
        By::Office => ("supervisor".to_owned(), Role::Supervisor, None),
        By::Phone(at) | By::OtherPhone(at) | By::Inspector(at) => {
            (format!("inspector{:02}", at.saturating_add(1)), Role::Inspector, villages().get(at).map(|(id, ..)| *id))
        }
    };
    let device = match by {
        By::Phone(_) | By::OtherPhone(_) => DeviceId(derived(&format!("device/{by:?}"))),
        By::Inspector(_) | By::Office => DeviceId(Uuid::nil()),
    };
    let caller = Caller { account: AccountId(derived(&account)), role, villages: BTreeSet::from_iter(own) };
    Sender { caller, township: township(), device, received_at_ms, clock_offset_ms: 0 }
}
