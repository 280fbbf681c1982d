//! The storage suite, third part: no statement of a hot path walks through a table. The statements are those that the
//! connection really carried out, caught on their way; how each would be carried out is what the database itself says.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly")]

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use diesel::connection::{Instrumentation, InstrumentationEvent};
use sync_core::coverage::Visit;
use sync_core::cursor::FeedScope;
use sync_core::decision::{merged, quarantined};
use sync_core::dots::Dot;
use sync_core::ids::{AccountId, DeviceId, RecordId, ReplicaId, TownshipId, VillageId};
use sync_core::people::Role;
use sync_core::validate::{Refusal, RefusalCode};
use sync_core::version::Fingerprint;
use uuid::Uuid;

use super::accounts::Account;
use super::blobs::{Blob, Upload};
use super::devices::Device;
use super::hazards::{HazardFilter, HazardLine, HazardOrder};
use super::projections::{OpenConflict, PhotoRecord};
use super::records::StoredRecord;
use super::sessions::{RefreshToken, RevokedWhy, Session};
use super::tests::township;
use super::versions::{Arrival, Replica};
use super::visits::VisitRow;
use super::{DbError, Transaction};
use crate::photos::hash::ContentHash;

const HOME: TownshipId = TownshipId(Uuid::from_u128(1));
const PERSON: AccountId = AccountId(Uuid::from_u128(2));
const PHONE: DeviceId = DeviceId(Uuid::from_u128(3));
const SESSION: Uuid = Uuid::from_u128(4);
const VILLAGE: VillageId = VillageId(Uuid::from_u128(5));
const HAZARD: RecordId = RecordId(Uuid::from_u128(6));
const OTHER: RecordId = RecordId(Uuid::from_u128(7));
const REPLICA: ReplicaId = ReplicaId(Uuid::from_u128(8));
const HASH: [u8; 32] = [9; 32];

/// What a connection carried out, each statement once.
#[derive(Clone, Default)]
pub(super) struct Caught(Arc<Mutex<BTreeSet<String>>>);

impl Instrumentation for Caught {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            let text = query.to_string();
            let statement = text.split(" -- binds").next().unwrap_or_default().trim().to_owned();
            self.0.lock().unwrap().insert(statement);
        }
    }
}

impl Caught {
    /// Those that look for rows. An insertion finds the row that it meets by the unique index that makes them meet.
    pub(super) fn searching(&self) -> Vec<String> {
        let all = self.0.lock().unwrap();
        let found =
            all.iter().filter(|text| ["SELECT", "UPDATE", "DELETE", "WITH"].iter().any(|verb| text.starts_with(verb)));
        found.cloned().collect()
    }

    /// Those that add rows.
    pub(super) fn inserting(&self) -> Vec<String> {
        self.0.lock().unwrap().iter().filter(|text| text.starts_with("INSERT")).cloned().collect()
    }
}

/// Fails with every statement that walks through a table, and how.
pub(super) fn refuse(walks: &[(String, String)], asked: usize) {
    assert!(asked > 60, "the hot paths were not walked: {asked} statements");
    let told: Vec<String> = walks.iter().map(|(sql, plan)| format!("{sql}\n    {plan}")).collect();
    assert!(told.is_empty(), "{} of {asked} statements walk through a table:\n{}", told.len(), told.join("\n"));
}

/// Asks and writes everything that phones and the office ask for and write day by day.
pub(super) fn hot_paths(tx: &mut dyn Transaction) -> Result<(), DbError> {
    people(tx)?;
    push(tx)?;
    pages(tx)?;
    ledger(tx)?;
    photos(tx)?;
    sessions_end(tx)
}

fn people(tx: &mut dyn Transaction) -> Result<(), DbError> {
    tx.insert_township(township(1, "measured"))?;
    let account = Account {
        id: PERSON,
        township: HOME,
        username: "measured".to_owned(),
        display_name: "measured".to_owned(),
        role: Role::Inspector,
        villages: [VILLAGE].into(),
        password_hash: None,
        disabled_at_ms: None,
        created_at_ms: 1,
        updated_at_ms: 1,
    };
    tx.insert_account(&account)?;
    tx.update_account(&account)?;
    tx.account(PERSON)?;
    tx.account_by_username("measured")?;
    tx.accounts(HOME, "", 100)?;
    tx.active_admins(HOME)?;
    let name = "measured".to_owned();
    let phone = Device {
        id: PHONE,
        township: HOME,
        account: PERSON,
        name,
        created_at_ms: 1,
        seen_at_ms: 1,
        revoked_at_ms: None,
        unsent: None,
    };
    tx.insert_device(phone)?;
    tx.device(PHONE)?;
    tx.devices(HOME, None, Some(PHONE), 100)?;
    tx.devices(HOME, Some(PERSON), None, 100)?;
    tx.active_devices(PERSON)?;
    tx.device_seen(PHONE, 2)?;
    tx.insert_session(&Session {
        id: SESSION,
        township: HOME,
        account: PERSON,
        device: PHONE,
        generation: 0,
        created_at_ms: 1,
        revoked: None,
    })?;
    let hash = HASH.to_vec();
    tx.insert_refresh_token(RefreshToken { hash, session: SESSION, generation: 1, issued_at_ms: 1, expires_at_ms: 9 })?;
    tx.session(SESSION)?;
    tx.refresh_token(&HASH)?;
    tx.rotate_refresh_token(&HASH, 2)?;
    tx.set_generation(SESSION, 2)?;
    tx.enrolment(&HASH)?;
    tx.forget_unused_enrolments(PERSON)?;
    tx.township(HOME)?;
    tx.county_of(HOME)?;
    tx.townships_under(HOME, 100).map(drop)
}

/// What a push loads and writes.
fn push(tx: &mut dyn Transaction) -> Result<(), DbError> {
    tx.epoch()?;
    tx.rules()?;
    tx.replica(REPLICA)?;
    tx.arrived(REPLICA, 1..=100)?;
    tx.records(HOME, &[HAZARD, OTHER])?;
    tx.records_of_kind(HOME, "hazard", None, None, 100)?;
    tx.records_of_kind(HOME, "hazard", Some(&[VILLAGE]), Some(OTHER), 100)?;
    tx.mentions_of(HOME, &[HAZARD, OTHER])?;
    tx.put_replica(&Replica { id: REPLICA, township: HOME, account: PERSON, device: PHONE, highest: 2 }, 2)?;
    let refusal = Refusal::at(RefusalCode::FieldRange, "level", "one of major, general");
    let outcomes = [merged(1, Vec::new()), quarantined(2, refusal)];
    let arrivals = outcomes.map(|outcome| Arrival {
        dot: Dot { replica: REPLICA, seq: outcome.seq },
        record: Some(HAZARD),
        fingerprint: Fingerprint(HASH),
        received_at_ms: 2,
        clock_offset_ms: 0,
        outcome,
        body: "{}".to_owned(),
    });
    tx.insert_arrivals(HOME, PERSON, &arrivals)?;
    let open =
        OpenConflict { record: HAZARD, path: "level".to_owned(), kind: "hazard".to_owned(), village: Some(VILLAGE) };
    tx.put_mentions(HOME, &[(HAZARD, OTHER)])?;
    tx.put_conflicts(HOME, &[HAZARD], &[open])?;
    let photo = PhotoRecord { hash: Fingerprint(HASH), record: OTHER, subject: HAZARD, village: Some(VILLAGE) };
    tx.put_photo_records(HOME, &[photo])?;
    let visit = Visit { site: OTHER, campaign: None, at_ms: 1 };
    tx.put_visits(HOME, &[OTHER], &[VisitRow { inspection: OTHER, village: Some(VILLAGE), visit }])?;
    tx.put_hazards(HOME, &[line()])?;
    let stored = StoredRecord {
        id: HAZARD,
        kind: "hazard".to_owned(),
        village: Some(VILLAGE),
        scope: FeedScope::Village(VILLAGE),
        state: "{}".to_owned(),
        was: None,
    };
    tx.publish(HOME, &[stored], 2)?;
    tx.rewrite(HOME, HAZARD, "{}")
}

fn line() -> HazardLine {
    HazardLine {
        id: HAZARD,
        village: Some(VILLAGE),
        site: None,
        sector: "fire".to_owned(),
        is_major: false,
        status: "reported".to_owned(),
        is_suspended: false,
        is_escalated: false,
        is_void: false,
        deadline: None,
        missing: 63,
        found_at_ms: 1,
        closed_at_ms: None,
        description: "measured".to_owned(),
    }
}

/// What a pull, a history, the quarantine and an export of a township read.
fn pages(tx: &mut dyn Transaction) -> Result<(), DbError> {
    for scope in [FeedScope::All, FeedScope::Directory, FeedScope::Village(VILLAGE)] {
        tx.feed(HOME, scope, 5, 500)?;
        tx.marks(HOME, scope)?;
    }
    tx.feed_end(HOME)?;
    tx.totals(HOME)?;
    tx.villages_with_records(HOME)?;
    tx.record(HOME, HAZARD)?;
    tx.history(HOME, HAZARD, 0, 100)?;
    tx.histories(HOME, &[HAZARD, OTHER], 5, 100)?;
    tx.arrivals_after(Some(HOME), 5, 100)?;
    tx.replicas_after(HOME, Some(REPLICA), 100)?;
    tx.numbers(REPLICA)?;
    let dot = Dot { replica: REPLICA, seq: 2 };
    tx.quarantined(HOME, None, 100)?;
    tx.quarantined(HOME, Some(PERSON), 100)?;
    tx.settled_quarantine(HOME, None, 100)?;
    tx.dismissed_one(HOME, dot)?;
    tx.quarantined_one(HOME, dot)?;
    tx.quarantine_entry(dot)?;
    tx.quarantine_after(HOME, Some(dot), 100)?;
    tx.settle_quarantined(dot, PERSON, "repaired", 3)
}

/// Pages of the ledger with each filter alone and all together, and of the open conflicts.
fn ledger(tx: &mut dyn Transaction) -> Result<(), DbError> {
    let plain = HazardFilter::default;
    let (villages, text) = (Some(vec![VILLAGE]), Some("通道".to_owned()));
    let filters = [
        plain(),
        HazardFilter { villages: villages.clone(), ..plain() },
        HazardFilter { site: Some(OTHER), ..plain() },
        HazardFilter { sectors: vec!["fire".to_owned()], ..plain() },
        HazardFilter { statuses: vec!["reported".to_owned()], ..plain() },
        HazardFilter { is_major: Some(true), ..plain() },
        HazardFilter { overdue_on: Some("2026-03-02".to_owned()), ..plain() },
        HazardFilter { due_from: Some("2026-03-02".to_owned()), due_until: Some("2026-03-09".to_owned()), ..plain() },
        HazardFilter { missing: Some(2), ..plain() },
        HazardFilter { found_from_ms: Some(1), found_before_ms: Some(9), ..plain() },
        HazardFilter { closed_from_ms: Some(1), closed_before_ms: Some(9), ..plain() },
        HazardFilter { text: text.clone(), ..plain() },
        HazardFilter { with_void: true, ..plain() },
        HazardFilter { villages, text, is_major: Some(false), found_from_ms: Some(1), ..plain() },
    ];
    for filter in filters {
        for order in [HazardOrder::NewestFirst, HazardOrder::OldestFirst, HazardOrder::DueFirst] {
            let filter = HazardFilter { order, ..filter.clone() };
            tx.hazards(HOME, &filter, 100)?;
            tx.hazards(HOME, &HazardFilter { after: Some(line().mark(order)), ..filter }, 100)?;
        }
    }
    tx.hazard(HOME, HAZARD)?;
    tx.hazard_numbers(HOME, "2026-03-02")?;
    tx.hazard_groups(HOME, &HazardFilter::default())?;
    let overdue = HazardFilter {
        villages: Some(vec![VILLAGE]),
        overdue_on: Some("2026-03-02".to_owned()),
        ..HazardFilter::default()
    };
    tx.hazard_groups(HOME, &overdue)?;
    tx.hazards_due(HOME, None, None, "2026-03-01")?;
    tx.hazards_due(HOME, Some(&[VILLAGE]), Some("2026-03-02"), "2026-03-09")?;
    tx.hazard_turnover(HOME, None, 1, 2)?;
    tx.last_order_number(HOME, 2026)?;
    tx.next_order_number(HOME, 2026, 0)?;
    for after in [None, Some((HAZARD, "level".to_owned()))] {
        tx.conflicts(HOME, None, after.clone(), 100)?;
        tx.conflicts(HOME, Some(&[VILLAGE]), after, 100)?;
    }
    tx.visit(HOME, OTHER)?;
    tx.visits_after(HOME, Some(OTHER), 100)?;
    tx.reached(HOME, None, OTHER, 1, 9)?;
    tx.reached(HOME, Some(&[VILLAGE]), OTHER, 1, 9)?;
    tx.conflicts_of(HOME, HAZARD)?;
    tx.count_conflicts(HOME).map(drop)
}

fn photos(tx: &mut dyn Transaction) -> Result<(), DbError> {
    let hash = ContentHash(HASH);
    tx.insert_blob(&Blob {
        township: HOME,
        hash,
        account: PERSON,
        bytes: 1,
        content_type: "image/jpeg".to_owned(),
        size_px: None,
        facts: "{}".to_owned(),
        stored_at_ms: 1,
    })?;
    tx.blob(HOME, hash)?;
    tx.blobs_lacking(HOME, &[hash])?;
    tx.blobs_noted(HOME, &[hash])?;
    tx.renew_blob(HOME, hash, 2)?;
    tx.photo_records_of(HOME, Fingerprint(HASH))?;
    tx.photos_about(HOME, HAZARD)?;
    tx.insert_upload(&Upload {
        device: PHONE,
        hash,
        township: HOME,
        length: 9,
        received: 0,
        created_at_ms: 1,
        expires_at_ms: 9,
    })?;
    tx.upload(PHONE, hash)?;
    tx.open_uploads(PHONE)?;
    tx.move_upload(PHONE, hash, 0, 5, 9)?;
    tx.expire_upload(PHONE, hash, 2)?;
    tx.delete_upload(PHONE, hash)?;
    tx.latest_version(HOME)?;
    tx.is_told_of(HOME, hash, 0)?;
    tx.is_condemned(hash)?;
    tx.condemn_blob(HOME, hash, 5, 6)?;
    tx.take_removal(hash, 7, 8)?;
    tx.absolve(hash)?;
    tx.forget_blob(hash)
}

fn sessions_end(tx: &mut dyn Transaction) -> Result<(), DbError> {
    tx.forget_expired_tokens(PERSON, 20)?;
    tx.revoke_session(SESSION, 3, RevokedWhy::Logout)?;
    tx.revoke_sessions_of_device(PHONE, 3, RevokedWhy::DeviceRevoked)?;
    tx.revoke_sessions_of_account(PERSON, 3, RevokedWhy::AccountChanged)?;
    tx.revoke_device(PHONE, 3)
}
