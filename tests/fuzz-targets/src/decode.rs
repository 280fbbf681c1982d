//! The target `decode`: the first byte chooses what is read, the rest is its text. Everything that can be read is written
//! again to a text that is read to the same, and is then used as its reader would use it.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sync_core::carried::{Carried, Receipts, SealKey, Sealed, open, peek, seal};
use sync_core::client::{Client, Effect};
use sync_core::cursor::{Cursor, feed_scope, scopes_of};
use sync_core::decision::{Judgement, contested, judge, merge, read_version};
use sync_core::limits::TIME_MS_MAX;
use sync_core::permissions::{authorise, may_read};
use sync_core::protocol::{Outcome, PushAnswer, SyncAnswer, SyncRequest};
use sync_core::record::Record;
use sync_core::validate::validate;
use sync_core::version::Version;
use uuid::Uuid;

use crate::laws::{callers, everything_can_be_asked, joined, joins, written_and_read_is_the_same};
use crate::server_in_memory::Server;
use crate::server_in_memory::phone::{Phone, replica};

const NOW_MS: u64 = 1_700_000_000_000;

/// Reads a text as one thing, and checks it.
pub type Reader = fn(&str);

/// What the first byte of an input chooses, in this order; a seed of a new format goes to the end.
pub const FORMATS: [(&str, Reader); 11] = [
    ("version", version),
    ("record", record),
    ("request", request),
    ("answer", answer),
    ("push_answer", |text| drop(again::<PushAnswer>(text))),
    ("cursor", cursor),
    ("effects", effects),
    ("outcome", |text| drop(again::<Outcome>(text))),
    ("records", records),
    ("carried", sealed::<Carried>),
    ("receipts", sealed::<Receipts>),
];

/// The key under which the seeds of sealed texts were sealed.
const KEY: SealKey = SealKey([7; 32]);

/// Reads `data` as one of [`FORMATS`] and checks what was read.
pub fn decode(data: &[u8]) {
    let Some((choice, rest)) = data.split_first() else { return };
    let (_, read) = FORMATS[usize::from(*choice) % FORMATS.len()];
    if let Ok(text) = std::str::from_utf8(rest) {
        read(text);
    }
}

/// What the text says, if it is one; it is written to a text that is read and written to itself.
fn again<T: Serialize + DeserializeOwned>(text: &str) -> Option<T> {
    let message: T = serde_json::from_str(text).ok()?;
    let written = serde_json::to_string(&message).expect("what was read can be written");
    let read: T = serde_json::from_str(&written).expect("what was written can be read");
    assert_eq!(serde_json::to_string(&read).unwrap(), written, "reading and writing again changes nothing");
    Some(message)
}

fn version(text: &str) {
    assert_eq!(
        Version::from_json(text.as_bytes()).ok(),
        sync_core::json::from_str(text).ok(),
        "both readers say the same"
    );
    let Some(version) = again::<Version>(text) else { return };
    let valid = validate(&version);
    assert_eq!(validate(&version), valid);
    let read = read_version(text, version.dot);
    if valid.is_err() {
        assert!(read.is_err(), "what is not valid is not read");
        return;
    }
    if let Ok(read) = read {
        assert_eq!(read, version);
    }
    let record = merge(&version, None, NOW_MS);
    everything_can_be_asked(&record);
    written_and_read_is_the_same(&record);
    assert_eq!(joined(&record, &Record::delta(&version)), joined(&Record::delta(&version), &record));
    assert_eq!(merge(&version, Some(record.clone()), NOW_MS), record, "a repeat changes nothing");
    assert!(record.seen.context().covers(version.dot) && !record.seen.has_gap());
    for caller in callers() {
        for standing in [None, Some(&record)] {
            let right = authorise(&version, &caller, standing);
            let judged = judge(&version, &caller, standing.cloned(), NOW_MS);
            assert_eq!(right.is_err(), matches!(judged, Judgement::Quarantined(_)));
            drop(again::<Outcome>(&serde_json::to_string(&judged.outcome(version.dot.seq)).unwrap()));
        }
        let followed = scopes_of(&caller).iter().any(|scope| {
            matches!(scope, sync_core::cursor::FeedScope::All) || *scope == feed_scope(&record.kind, record.village)
        });
        assert_eq!(followed, may_read(&caller, &record.kind, record.village), "the feed brings what may be read");
    }
    assert!(contested(&version, &record).is_empty(), "one version has no two values");
    travels(&record);
}

/// A state that a server may hold reaches a phone as what it is.
fn travels(record: &Record) {
    let mut server = Server::new();
    server.feed = 1;
    server.records.insert(record.id, (record.clone(), 1));
    let mut phone = Phone::new(1, callers().remove(1));
    phone.sync(&mut server);
    assert_eq!(phone.base.get(record.id), Some(record), "a valid version can be read after every journey");
}

fn record(text: &str) {
    let Ok(record) = Record::from_json(text) else { return };
    written_and_read_is_the_same(&record);
    everything_can_be_asked(&record);
    let empty = Record::empty(record.id, record.kind.clone(), record.village);
    joins(&record, &record);
    joins(&record, &empty);
    let mut capped = record.clone();
    capped.cap_stamps(NOW_MS);
    joins(&record, &capped);
}

/// A list of states of one record.
fn records(text: &str) {
    let Ok(mut records) = serde_json::from_str::<Vec<Record>>(text) else { return };
    records.truncate(4);
    let id = records.first().map(|record| record.id);
    records.iter_mut().for_each(|record| record.id = id.unwrap_or(record.id));
    for a in &records {
        for b in &records {
            joins(a, b);
        }
    }
}

fn request(text: &str) {
    let Some(request) = again::<SyncRequest>(text) else { return };
    let Some(push) = request.push else { return };
    for (seq, raw) in (push.first_seq..).zip(&push.versions) {
        let dot = sync_core::dots::Dot { replica: push.replica, seq };
        let found = read_version(raw.get(), dot);
        assert_eq!(read_version(raw.get(), dot), found);
    }
}

fn answer(text: &str) {
    let Some(answer) = again::<SyncAnswer>(text) else { return };
    let mut phone = Phone::new(1, callers().remove(0));
    phone.find(1, "waiting");
    phone.add_photo("0f");
    assert!(phone.client.poll(NOW_MS).is_some());
    let effects = phone.client.handle_answer(answer);
    let before = phone.client.outbox().iter().count();
    phone.store(effects);
    assert_eq!(phone.client.outbox().iter().count(), before, "no answer takes anything out of the outbox");
    phone.crash();
    for record in phone.base.records().values() {
        phone.client.view(record.id, Some(record)).expect("what is held is seen");
    }
}

fn cursor(text: &str) {
    drop(again::<Cursor>(text));
    let Some(cursor) = Cursor::decode(text).or_else(|| serde_json::from_str(text).ok()) else { return };
    assert_eq!(Cursor::decode(&cursor.encode()).as_ref(), Some(&cursor));
    for caller in callers() {
        for epoch in [cursor.epoch, Uuid::from_u128(1)] {
            let scopes = scopes_of(&caller);
            let followed = Cursor::follow(Some(cursor.clone()), epoch, &scopes);
            assert_eq!(followed.cursor.epoch, epoch);
            assert!(followed.cursor.positions.keys().eq(std::collections::BTreeSet::from_iter(&scopes)));
            let again = Cursor::follow(Some(followed.cursor.clone()), epoch, &scopes);
            assert_eq!(again.cursor, followed.cursor, "following again stays where it is");
            assert!(again.forget.is_empty() && !again.lost_all);
        }
    }
}

/// A sealed text, or the JSON in one.
fn sealed<T: Sealed>(text: &str) {
    if let Ok(value) = open::<T>(&KEY, text) {
        assert!(peek::<T>(text).is_ok(), "what can be opened can be looked into");
        let again = seal(&KEY, &value);
        assert_eq!(again.lines().nth(1).is_some(), open::<T>(&KEY, &again).is_ok());
    }
    if peek::<T>(text).is_ok() {
        assert!(open::<T>(&SealKey([8; 32]), text).is_err(), "another key opens nothing");
    }
    let Some(value) = again::<T>(text) else { return };
    let text = seal(&KEY, &value);
    let opened = open::<T>(&KEY, &text).expect("what was sealed opens");
    assert_eq!(serde_json::to_string(&opened).unwrap(), serde_json::to_string(&value).unwrap());
    assert!(open::<T>(&SealKey([8; 32]), &text).is_err(), "another key opens nothing");
}

fn effects(text: &str) {
    let Some(effects) = again::<Vec<Effect>>(text) else { return };
    let mut client = Client::new(replica(1));
    effects.into_iter().for_each(|effect| client.restore(effect));
    let records: Vec<_> = client.outbox().iter().map(|(_, entry)| entry.record).collect();
    for record in records {
        if let Some(view) = client.view(record, None) {
            everything_can_be_asked(&view);
        }
    }
    client.want_pull();
    client.renumber(replica(2));
    if client.poll(TIME_MS_MAX).is_some() {
        assert!(client.poll(u64::MAX).is_none(), "one round trip at a time");
    }
}
