//! The server's database in memory: the same questions as `server::db::Transaction` asks of real databases, over ordered maps, with
//! a commit that can fail. What the simulator never asks stands in `memory_rest`.

use std::ops::RangeInclusive;
use std::rc::Rc;

use server::db::blobs::{Blob, BlobTx, Upload};
use server::db::digests::DigestTx;
use server::db::hazards::{HazardFilter, HazardGroup, HazardLine, HazardNumbers, HazardTurnover, HazardTx};
use server::db::meta::MetaTx;
use server::db::orders::OrderTx;
use server::db::projections::{OpenConflict, PhotoRecord, ProjectionTx};
use server::db::records::{FeedEntry, RecordTx, StoredRecord};
use server::db::versions::{Arrival, Quarantined, Replica, Settlement, VersionTx};
use server::db::{DbError, Transaction};
use server::error::Problem;
use server::photos::hash::ContentHash;
use sync_core::cursor::FeedScope;
use sync_core::digest::{Mark, Total};
use sync_core::dots::Dot;
use sync_core::ids::{AccountId, DeviceId, RecordId, ReplicaId, TownshipId, VillageId};
use sync_core::protocol::Outcome;
use sync_core::record::Record;
use sync_core::time::Ms;
use sync_core::version::Fingerprint;
use uuid::Uuid;

use super::Commit;
use super::memory_rest::unasked;
use super::tables::{Row, Tables};
use crate::sim::sabotage::Sabotage;

/// The database.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) tables: Tables,
    pub(crate) now_ms: u64,
    pub(crate) sabotage: Option<Sabotage>,
}

impl Memory {
    pub(super) fn transact<T>(
        &mut self,
        commit: Commit,
        job: &mut dyn FnMut(&mut dyn Transaction) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let outcome = job(self);
        let keep = outcome.is_ok() && commit == Commit::Works;
        self.tables.end(keep);
        match (outcome, commit) {
            (Ok(_), Commit::Fails) => Err(DbError::Full("the disk is full".to_owned()).into()),
            (outcome, _) => outcome,
        }
    }

    fn is(&self, how: Sabotage) -> bool {
        self.sabotage == Some(how)
    }

    fn insert_arrival(&mut self, account: AccountId, arrival: &Arrival) -> Result<(), DbError> {
        if self.tables.arrivals.get(&arrival.dot).is_some() {
            return Err(DbError::Conflict("versions_by_dot".to_owned()));
        }
        let place = self.tables.order.rows().last_key_value().map_or(1, |(last, _)| last + 1);
        self.tables.order.put(place, arrival.dot);
        self.tables.arrivals.put(arrival.dot, Rc::new(arrival.clone()));
        let Some(refusal) = &arrival.outcome.refusal else { return Ok(()) };
        let body = if self.is(Sabotage::QuarantineLosesBytes) { String::new() } else { arrival.body.clone() };
        let quarantined = Quarantined {
            dot: arrival.dot,
            account,
            received_at_ms: arrival.received_at_ms,
            code: serde_json::to_value(refusal.code).unwrap().as_str().unwrap().to_owned(),
            field: refusal.field.clone(),
            detail: refusal.detail.clone(),
            body,
        };
        self.tables.quarantine.put(arrival.dot, Rc::new(quarantined));
        Ok(())
    }

    /// For a sabotaged server: whether a state brings nothing with a later stamp than what stands.
    fn brings_only_early_stamps(&self, record: &StoredRecord) -> bool {
        let latest = |state: &str| {
            let record = Record::from_json(state).ok()?;
            record.standing_versions().map(|(_, by)| by.stamp).max()
        };
        self.tables.records.get(&record.id).is_some_and(|row| latest(&row.stored.state) >= latest(&record.state))
    }
}

impl Transaction for Memory {}

impl MetaTx for Memory {
    fn epoch(&mut self) -> Result<Option<Uuid>, DbError> {
        Ok(self.tables.epoch.get(&()).copied())
    }

    fn set_epoch(&mut self, epoch: Uuid) -> Result<(), DbError> {
        self.tables.epoch.put((), epoch);
        Ok(())
    }

    fn rules(&mut self) -> Result<Option<String>, DbError> {
        unasked()
    }

    fn set_rules(&mut self, _: &str) -> Result<(), DbError> {
        unasked()
    }

    fn agree(&mut self, _: &str, _: &str) -> Result<String, DbError> {
        unasked()
    }

    fn touch(&mut self) -> Result<(), DbError> {
        Ok(())
    }
}

impl RecordTx for Memory {
    fn record(&mut self, _: TownshipId, id: RecordId) -> Result<Option<String>, DbError> {
        Ok(self.tables.records.get(&id).map(|row| row.stored.state.clone()))
    }

    fn records(&mut self, _: TownshipId, ids: &[RecordId]) -> Result<Vec<(RecordId, String)>, DbError> {
        let found = ids.iter().filter_map(|id| Some((*id, self.tables.records.get(id)?.stored.state.clone())));
        Ok(found.collect())
    }

    fn records_of_kind(
        &mut self,
        _: TownshipId,
        _: &str,
        _: Option<&[VillageId]>,
        _: Option<RecordId>,
        _: usize,
    ) -> Result<Vec<String>, DbError> {
        unasked()
    }

    fn publish(&mut self, _: TownshipId, records: &[StoredRecord], _: Ms) -> Result<(), DbError> {
        for record in records {
            if self.is(Sabotage::LateStampsAreDropped) && self.brings_only_early_stamps(record) {
                continue;
            }
            let seq = self.tables.feed_end.get(&()).copied().unwrap_or(0) + 1;
            let early = self.is(Sabotage::CursorBeforeCommit) && seq.is_multiple_of(2);
            let visible_at_ms = if early { self.now_ms + 60_000 } else { 0 };
            self.tables.feed_end.put((), seq);
            let mut total = self.tables.totals.get(&record.scope).copied().unwrap_or_default();
            total.replace(record.was, Some(Mark::of_json(&record.state)));
            self.tables.totals.put(record.scope, total);
            self.tables.records.put(record.id, Row { seq, visible_at_ms, stored: Rc::new(record.clone()) });
        }
        Ok(())
    }

    fn rewrite(&mut self, _: TownshipId, _: RecordId, _: &str) -> Result<(), DbError> {
        unasked()
    }

    fn feed(&mut self, _: TownshipId, scope: FeedScope, after: u64, limit: usize) -> Result<Vec<FeedEntry>, DbError> {
        let after = after + u64::from(self.is(Sabotage::CursorSkipsOne) && after > 0);
        let rows =
            self.tables.records.rows().values().filter(|row| row.seq > after && row.visible_at_ms <= self.now_ms);
        let mut rows: Vec<&Row> = rows.filter(|row| scope == FeedScope::All || row.stored.scope == scope).collect();
        rows.sort_by_key(|row| row.seq);
        let entries = rows.into_iter().take(limit);
        Ok(entries.map(|row| FeedEntry { seq: row.seq, state: row.stored.state.clone() }).collect())
    }

    fn feed_end(&mut self, _: TownshipId) -> Result<u64, DbError> {
        if self.is(Sabotage::CursorBeforeCommit) {
            let seen = self.tables.records.rows().values().filter(|row| row.visible_at_ms <= self.now_ms);
            return Ok(seen.map(|row| row.seq).max().unwrap_or(0));
        }
        Ok(self.tables.feed_end.get(&()).copied().unwrap_or(0))
    }

    fn villages_with_records(&mut self, _: TownshipId) -> Result<Vec<VillageId>, DbError> {
        let villages = self.tables.records.rows().values().filter_map(|row| match row.stored.scope {
            FeedScope::Village(village) => Some(village),
            FeedScope::All | FeedScope::Directory => None,
        });
        Ok(villages.collect::<std::collections::BTreeSet<_>>().into_iter().collect())
    }
}

impl DigestTx for Memory {
    fn totals(&mut self, _: TownshipId) -> Result<Vec<(FeedScope, Total)>, DbError> {
        Ok(self.tables.totals.rows().iter().map(|(scope, total)| (*scope, *total)).collect())
    }

    fn put_totals(&mut self, _: TownshipId, _: &[(FeedScope, Total)]) -> Result<(), DbError> {
        unasked()
    }

    fn marks(&mut self, _: TownshipId, scope: FeedScope) -> Result<Vec<(RecordId, Mark)>, DbError> {
        let rows = self.tables.records.rows().values();
        let rows = rows.filter(|row| scope == FeedScope::All || row.stored.scope == scope);
        Ok(rows.map(|row| (row.stored.id, Mark::of_json(&row.stored.state))).collect())
    }
}

impl VersionTx for Memory {
    fn replica(&mut self, id: ReplicaId) -> Result<Option<Replica>, DbError> {
        Ok(self.tables.replicas.get(&id).cloned())
    }

    fn put_replica(&mut self, replica: &Replica, _: Ms) -> Result<(), DbError> {
        self.tables.replicas.put(replica.id, replica.clone());
        Ok(())
    }

    fn arrived(
        &mut self,
        replica: ReplicaId,
        seqs: RangeInclusive<u64>,
    ) -> Result<Vec<(Fingerprint, Outcome)>, DbError> {
        let arrivals = seqs.filter_map(|seq| self.tables.arrivals.get(&Dot { replica, seq }));
        Ok(arrivals.map(|arrival| (arrival.fingerprint, arrival.outcome.clone())).collect())
    }

    fn insert_arrivals(&mut self, _: TownshipId, account: AccountId, arrivals: &[Arrival]) -> Result<(), DbError> {
        arrivals.iter().try_for_each(|arrival| self.insert_arrival(account, arrival))
    }

    fn history(
        &mut self,
        _: TownshipId,
        record: RecordId,
        offset: usize,
        limit: usize,
    ) -> Result<Vec<Arrival>, DbError> {
        let arrivals = self.tables.order.rows().values().filter_map(|dot| self.tables.arrivals.get(dot));
        let of_record = arrivals.filter(|arrival| arrival.record == Some(record)).skip(offset).take(limit);
        Ok(of_record.map(|arrival| (**arrival).clone()).collect())
    }

    fn quarantined(
        &mut self,
        _: TownshipId,
        who: Option<AccountId>,
        limit: usize,
    ) -> Result<Vec<Quarantined>, DbError> {
        let open = self.tables.quarantine.rows().values().filter(|row| who.is_none_or(|who| row.account == who));
        let mut open: Vec<Quarantined> = open.map(|row| (**row).clone()).collect();
        open.sort_by_key(|row| row.received_at_ms);
        open.truncate(limit);
        Ok(open)
    }

    fn settled_quarantine(
        &mut self,
        _: TownshipId,
        _: Option<AccountId>,
        _: usize,
    ) -> Result<Vec<(Quarantined, Settlement)>, DbError> {
        unasked()
    }

    fn dismissed_one(&mut self, _: TownshipId, _: Dot) -> Result<Option<Quarantined>, DbError> {
        Ok(None)
    }

    fn quarantined_one(&mut self, _: TownshipId, dot: Dot) -> Result<Option<Quarantined>, DbError> {
        Ok(self.tables.quarantine.get(&dot).map(|row| (**row).clone()))
    }

    fn settle_quarantined(&mut self, dot: Dot, _: AccountId, _: &str, _: Ms) -> Result<(), DbError> {
        self.tables.quarantine.remove(&dot);
        Ok(())
    }
}

impl ProjectionTx for Memory {
    fn mentions_of(&mut self, _: TownshipId, hazards: &[RecordId]) -> Result<Vec<(RecordId, RecordId)>, DbError> {
        let pairs = self.tables.mentions.rows().keys().filter(|(hazard, _)| hazards.contains(hazard));
        Ok(pairs.copied().collect())
    }

    fn put_mentions(&mut self, _: TownshipId, pairs: &[(RecordId, RecordId)]) -> Result<(), DbError> {
        pairs.iter().for_each(|pair| self.tables.mentions.put(*pair, ()));
        Ok(())
    }

    fn put_conflicts(&mut self, _: TownshipId, records: &[RecordId], open: &[OpenConflict]) -> Result<(), DbError> {
        for record in records {
            let here: Vec<_> = open.iter().filter(|conflict| conflict.record == *record).cloned().collect();
            if !(self.is(Sabotage::ProjectionsAreNotKept) && here.is_empty()) {
                self.tables.conflicts.put(*record, Rc::new(here));
            }
        }
        Ok(())
    }

    fn conflicts_of(&mut self, _: TownshipId, record: RecordId) -> Result<Vec<OpenConflict>, DbError> {
        Ok(self.tables.conflicts.get(&record).map(|open| (**open).clone()).unwrap_or_default())
    }

    fn conflicts(
        &mut self,
        _: TownshipId,
        _: Option<&[VillageId]>,
        _: Option<(RecordId, String)>,
        limit: usize,
    ) -> Result<Vec<OpenConflict>, DbError> {
        let open = self.tables.conflicts.rows().values().flat_map(|open| open.iter().cloned());
        Ok(open.take(limit).collect())
    }

    fn count_conflicts(&mut self, _: TownshipId) -> Result<u64, DbError> {
        unasked()
    }

    fn put_photo_records(&mut self, _: TownshipId, photos: &[PhotoRecord]) -> Result<(), DbError> {
        photos.iter().for_each(|photo| self.tables.photo_records.put(photo.clone(), ()));
        Ok(())
    }

    fn photo_records_of(&mut self, _: TownshipId, hash: Fingerprint) -> Result<Vec<PhotoRecord>, DbError> {
        Ok(self.tables.photo_records.rows().keys().filter(|photo| photo.hash == hash).cloned().collect())
    }

    fn photos_about(&mut self, _: TownshipId, subject: RecordId) -> Result<Vec<PhotoRecord>, DbError> {
        Ok(self.tables.photo_records.rows().keys().filter(|photo| photo.subject == subject).cloned().collect())
    }
}

impl HazardTx for Memory {
    fn put_hazards(&mut self, _: TownshipId, lines: &[HazardLine]) -> Result<(), DbError> {
        for line in lines {
            let mut line = line.clone();
            if self.is(Sabotage::SettledMembersStaySo) {
                line.missing &= self.tables.hazards.get(&line.id).map_or(line.missing, |before| before.missing);
            }
            if self.is(Sabotage::VoidHazardsStaySo) {
                line.is_void |= self.tables.hazards.get(&line.id).is_some_and(|before| before.is_void);
            }
            self.tables.hazards.put(line.id, Rc::new(line));
        }
        Ok(())
    }

    fn hazards(&mut self, _: TownshipId, _: &HazardFilter, limit: usize) -> Result<Vec<HazardLine>, DbError> {
        Ok(self.tables.hazards.rows().values().take(limit).map(|line| (**line).clone()).collect())
    }

    fn hazard_numbers(&mut self, _: TownshipId, _: &str) -> Result<HazardNumbers, DbError> {
        unasked()
    }

    fn hazard_groups(&mut self, _: TownshipId, _: &HazardFilter) -> Result<Vec<HazardGroup>, DbError> {
        unasked()
    }

    fn hazards_due(
        &mut self,
        _: TownshipId,
        _: Option<&[VillageId]>,
        _: Option<&str>,
        _: &str,
    ) -> Result<Vec<(Option<VillageId>, u64)>, DbError> {
        unasked()
    }

    fn hazard_turnover(
        &mut self,
        _: TownshipId,
        _: Option<&[VillageId]>,
        _: Ms,
        _: Ms,
    ) -> Result<HazardTurnover, DbError> {
        unasked()
    }

    fn hazard(&mut self, _: TownshipId, id: RecordId) -> Result<Option<HazardLine>, DbError> {
        Ok(self.tables.hazards.get(&id).map(|line| (**line).clone()))
    }
}

impl OrderTx for Memory {
    fn last_order_number(&mut self, _: TownshipId, _: i64) -> Result<Option<i64>, DbError> {
        unasked()
    }

    fn next_order_number(&mut self, _: TownshipId, _: i64, _: i64) -> Result<i64, DbError> {
        unasked()
    }
}

impl BlobTx for Memory {
    fn blob(&mut self, _: TownshipId, hash: ContentHash) -> Result<Option<Blob>, DbError> {
        Ok(self.tables.blobs.get(&hash).map(|blob| (**blob).clone()))
    }

    fn blobs_lacking(&mut self, _: TownshipId, asked: &[ContentHash]) -> Result<Vec<ContentHash>, DbError> {
        Ok(asked.iter().filter(|hash| self.tables.blobs.get(hash).is_none()).copied().collect())
    }

    fn blobs_noted(&mut self, _: TownshipId, _: &[ContentHash]) -> Result<Vec<(ContentHash, u64)>, DbError> {
        unasked()
    }

    fn forget_blob(&mut self, _: ContentHash) -> Result<(), DbError> {
        unasked()
    }

    fn insert_blob(&mut self, blob: &Blob) -> Result<(), DbError> {
        let first = self.tables.blobs.get(&blob.hash).map_or(blob.account, |known| known.account);
        self.tables.blobs.put(blob.hash, Rc::new(Blob { account: first, ..blob.clone() }));
        Ok(())
    }

    fn renew_blob(&mut self, _: TownshipId, _: ContentHash, _: Ms) -> Result<bool, DbError> {
        unasked()
    }

    fn idle_blobs(
        &mut self,
        _: Ms,
        _: Option<(TownshipId, ContentHash)>,
        _: u32,
    ) -> Result<Vec<(TownshipId, ContentHash)>, DbError> {
        unasked()
    }

    fn latest_version(&mut self, _: TownshipId) -> Result<i64, DbError> {
        unasked()
    }

    fn is_told_of(&mut self, _: TownshipId, _: ContentHash, _: i64) -> Result<bool, DbError> {
        unasked()
    }

    fn condemn_blob(&mut self, _: TownshipId, _: ContentHash, _: Ms, _: Ms) -> Result<bool, DbError> {
        unasked()
    }

    fn condemn_bytes(&mut self, _: ContentHash, _: Ms) -> Result<bool, DbError> {
        unasked()
    }

    fn is_condemned(&mut self, _: ContentHash) -> Result<bool, DbError> {
        unasked()
    }

    fn condemned(&mut self, _: Option<(Ms, ContentHash)>, _: u32) -> Result<Vec<(Ms, ContentHash)>, DbError> {
        unasked()
    }

    fn take_removal(&mut self, _: ContentHash, _: Ms, _: Ms) -> Result<bool, DbError> {
        unasked()
    }

    fn absolve(&mut self, _: ContentHash) -> Result<(), DbError> {
        unasked()
    }

    fn upload(&mut self, _: DeviceId, _: ContentHash) -> Result<Option<Upload>, DbError> {
        unasked()
    }

    fn open_uploads(&mut self, _: DeviceId) -> Result<u64, DbError> {
        unasked()
    }

    fn insert_upload(&mut self, _: &Upload) -> Result<(), DbError> {
        unasked()
    }

    fn move_upload(&mut self, _: DeviceId, _: ContentHash, _: u64, _: u64, _: Ms) -> Result<bool, DbError> {
        unasked()
    }

    fn delete_upload(&mut self, _: DeviceId, _: ContentHash) -> Result<bool, DbError> {
        unasked()
    }

    fn expire_upload(&mut self, _: DeviceId, _: ContentHash, _: Ms) -> Result<bool, DbError> {
        unasked()
    }

    fn expired_uploads(&mut self, _: Ms, _: u32) -> Result<Vec<Upload>, DbError> {
        unasked()
    }
}
