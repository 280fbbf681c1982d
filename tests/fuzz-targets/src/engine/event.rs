//! What can happen to the phones, the server and the network between them, read from bytes: one byte a choice, so that a
//! fuzzer that changes a byte changes one decision.

use std::collections::BTreeMap;

use arbitrary::{Result, Unstructured};
use serde_json::{Value, json};
use sync_core::client::Failure;

/// How many phones there are: two inspectors and a supervisor.
pub(super) const PHONES: usize = 3;
/// How many records they write.
pub(super) const RECORDS: u128 = 3;

const KINDS: [&str; 5] = ["hazard", "inspection", "reinspection", "site", "tomorrow"];
const PATHS: [&str; 12] = [
    "level",
    "description",
    "deadline",
    "funds",
    "void",
    "place",
    "hazard",
    "result",
    "inspectors/a",
    "follows/00000000-0000-0000-0000-000000005001",
    "tomorrow/x",
    "answers/3/2",
];

/// One thing that happens.
#[derive(Debug)]
pub(super) enum Event {
    /// Somebody edits a record. `complete` adds what a new hazard needs.
    Write {
        phone: usize,
        record: u128,
        village: u128,
        kind: &'static str,
        changes: BTreeMap<String, Value>,
        complete: bool,
    },
    /// A photo is taken.
    Photo { phone: usize, number: u8 },
    /// The bytes of the wanted photos reach the server.
    SendPhotos { phone: usize },
    /// A request leaves the phone, if one is due.
    Send { phone: usize },
    /// A request, of now or of earlier, reaches the server.
    Arrive { which: usize },
    /// The latest answer to the phone's request reaches it.
    Answer { phone: usize },
    /// An answer reaches the phone with some bytes of it changed.
    Twist { phone: usize, at: usize, with: u8 },
    /// What the phone takes for an answer.
    Forge { phone: usize, text: String },
    /// The round trip brings nothing.
    Fail { phone: usize, failure: Failure },
    /// The phone dies and comes back. What it had stored it still has.
    Crash { phone: usize },
    /// The phone is copied.
    Backup { phone: usize },
    /// The phone is lost, and its last copy takes its place.
    Restore { phone: usize },
    /// The server is copied.
    BackupServer,
    /// The server is lost, and begins anew from its last copy.
    RestoreServer,
    /// The first inspector's villages change.
    Move { has_village_2: bool },
    /// The phone frees what the server's last copy holds too.
    Free { phone: usize },
    /// Somebody presses the button.
    Button { phone: usize },
    /// Time passes; a clock may also be set back.
    Clock { phone: usize, to_ms: u64 },
    /// A version that no honest phone writes reaches the server from an account of its own.
    Rogue { seed: [u8; 12] },
    /// Bytes that may be no version at all do.
    Junk { text: String },
    /// The phone gives its outbox away as a file.
    Carry { phone: usize },
    /// A file, of now or of earlier, is taken in by the office.
    Import { which: usize },
    /// Receipts, of now or of earlier, reach the phone that they are for.
    Receipts { which: usize },
}

impl Event {
    pub(super) fn read(input: &mut Unstructured) -> Result<Self> {
        // The ordinary day has more numbers than the accidents.
        let kind = input.int_in_range(0..=34_u8)?;
        let phone = input.int_in_range(0..=PHONES - 1)?;
        Ok(match kind {
            0..=4 => write(input, phone)?,
            5 => Self::Photo { phone, number: input.int_in_range(0..=3)? },
            6 => Self::SendPhotos { phone },
            7..=10 => Self::Send { phone },
            11..=14 => Self::Arrive { which: input.arbitrary::<u8>()?.into() },
            15..=18 => Self::Answer { phone },
            19 => Self::Twist { phone, at: input.arbitrary::<u16>()?.into(), with: input.arbitrary()? },
            20 => Self::Forge { phone, text: text(input)? },
            21 => Self::Fail { phone, failure: failure(input)? },
            22 => Self::Crash { phone },
            23 => Self::Backup { phone },
            24 => Self::Restore { phone },
            25 => Self::BackupServer,
            26 => Self::RestoreServer,
            27 => Self::Move { has_village_2: input.arbitrary()? },
            28 => Self::Free { phone },
            29 if phone == 0 => Self::Clock { phone: input.int_in_range(0..=PHONES - 1)?, to_ms: input.arbitrary()? },
            29 => Self::Button { phone },
            30 => Self::Rogue { seed: input.arbitrary()? },
            31 => Self::Junk { text: text(input)? },
            32 => Self::Carry { phone },
            33 => Self::Import { which: input.arbitrary::<u8>()?.into() },
            _ => Self::Receipts { which: input.arbitrary::<u8>()?.into() },
        })
    }
}

fn write(input: &mut Unstructured, phone: usize) -> Result<Event> {
    let mut changes = BTreeMap::new();
    for _ in 0..input.int_in_range(1..=2_u8)? {
        let path = path(input)?;
        changes.insert(path, value(input)?);
    }
    Ok(Event::Write {
        phone,
        record: input.int_in_range(1..=RECORDS)?,
        // Mostly hazards of village 1, and mostly what a new one needs is there.
        village: if input.ratio(1, 4)? { 2 } else { 1 },
        kind: if input.ratio(3, 4)? { KINDS[0] } else { input.choose(&KINDS)? },
        changes,
        complete: input.ratio(7, 8)?,
    })
}

pub(super) fn path(input: &mut Unstructured) -> Result<String> {
    match input.int_in_range(0..=PATHS.len())? {
        known if known < PATHS.len() => Ok(PATHS[known].to_owned()),
        _ => text(input),
    }
}

pub(super) fn value(input: &mut Unstructured) -> Result<Value> {
    Ok(match input.int_in_range(0..=11_u8)? {
        0 => Value::Null,
        1 => json!("major"),
        2 => json!("general"),
        3 => json!("passed"),
        4 => json!(true),
        5 => json!(false),
        6 => json!("2026-02-28"),
        7 => json!(input.arbitrary::<i64>()?),
        8 => json!({"lat": 30.5, "lon": 104.25}),
        9 => json!("00000000-0000-0000-0000-000000005001"),
        10 => json!(text(input)?),
        _ => serde_json::from_str(&text(input)?).unwrap_or(json!(1.5)),
    })
}

pub(super) fn text(input: &mut Unstructured) -> Result<String> {
    let length = usize::from(input.arbitrary::<u8>()?);
    let bytes = input.bytes(length.min(input.len()))?;
    Ok(String::from_utf8_lossy(bytes).into_owned())
}

fn failure(input: &mut Unstructured) -> Result<Failure> {
    Ok(match input.int_in_range(0..=7_u8)? {
        0..=3 => Failure::Network,
        4 => Failure::Busy { retry_after_s: input.arbitrary()? },
        5 => Failure::ReplicaForeign,
        6 => Failure::Refused,
        _ => Failure::SignedOut,
    })
}
