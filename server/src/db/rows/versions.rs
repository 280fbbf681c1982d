//! The rows of `db/versions.rs`, and their queries.

use std::ops::RangeInclusive;

use diesel::prelude::*;
use sync_core::dots::Dot;
use sync_core::ids::{AccountId, RecordId, ReplicaId, TownshipId};
use sync_core::protocol::{Outcome, Verdict};
use sync_core::time::Ms;
use sync_core::validate::Refusal;
use sync_core::version::Fingerprint;

use super::{Conn, Tx, many};
use crate::db::DbError;
use crate::db::schema::{quarantine, replicas, versions};
use crate::db::types::{Key, Whole, storable};
use crate::db::versions::{Arrival, DISMISSED, Quarantined, Replica, Settlement, VersionTx};

#[derive(Queryable, Selectable)]
#[diesel(table_name = versions)]
pub(super) struct VersionRow {
    replica_id: Key,
    seq: Whole,
    record_id: Option<Key>,
    fingerprint: Vec<u8>,
    received_at_ms: Whole,
    clock_offset_ms: i64,
    outcome: Option<String>,
    body: String,
}

impl VersionRow {
    pub(super) fn dot(&self) -> Dot {
        Dot { replica: self.replica_id.into(), seq: self.seq.0 }
    }

    pub(super) fn read(self) -> Result<Arrival, DbError> {
        Ok(Arrival {
            dot: self.dot(),
            record: self.record_id.map(RecordId::from),
            fingerprint: fingerprint_from(&self.fingerprint)?,
            received_at_ms: self.received_at_ms.0,
            clock_offset_ms: self.clock_offset_ms,
            outcome: outcome_from(self.seq.0, self.outcome)?,
            body: self.body,
        })
    }
}

/// A version that arrived.
#[derive(Insertable)]
#[diesel(table_name = versions, treat_none_as_default_value = false)]
pub(super) struct NewVersion<'a> {
    pub(super) replica_id: Key,
    pub(super) seq: Whole,
    pub(super) township_id: Key,
    pub(super) record_id: Option<Key>,
    pub(super) fingerprint: &'a [u8],
    pub(super) received_at_ms: Whole,
    pub(super) clock_offset_ms: i64,
    pub(super) outcome: Option<String>,
    pub(super) body: &'a str,
}

impl<'a> NewVersion<'a> {
    /// Its row.
    pub(super) fn of(township: TownshipId, arrival: &'a Arrival) -> Result<Self, DbError> {
        Ok(Self {
            replica_id: arrival.dot.replica.into(),
            seq: Whole(arrival.dot.seq),
            township_id: township.into(),
            record_id: arrival.record.map(Key::from),
            fingerprint: &arrival.fingerprint.0,
            received_at_ms: Whole(arrival.received_at_ms),
            clock_offset_ms: arrival.clock_offset_ms,
            outcome: outcome_to(&arrival.outcome)?,
            body: &arrival.body,
        })
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = quarantine)]
struct QuarantineRow {
    replica_id: Key,
    seq: Whole,
    account_id: Key,
    received_at_ms: Whole,
    code: String,
    field: Option<String>,
    detail: String,
}

impl QuarantineRow {
    fn with_body(self, conn: &mut Conn) -> Result<Quarantined, DbError> {
        let body = versions::table
            .filter(versions::replica_id.eq(self.replica_id))
            .filter(versions::seq.eq(self.seq))
            .select(versions::body)
            .first(conn)?;
        Ok(Quarantined {
            dot: Dot { replica: self.replica_id.into(), seq: self.seq.0 },
            account: self.account_id.into(),
            received_at_ms: self.received_at_ms.0,
            code: self.code,
            field: self.field,
            detail: self.detail,
            body,
        })
    }
}

fn fingerprint_from(bytes: &[u8]) -> Result<Fingerprint, DbError> {
    bytes.try_into().map(Fingerprint).map_err(|_| DbError::Internal("a fingerprint is not 32 bytes".to_owned()))
}

fn outcome_from(seq: u64, stored: Option<String>) -> Result<Outcome, DbError> {
    let plain = Outcome { seq, verdict: Verdict::Merged, first: None, conflicts: Vec::new(), refusal: None };
    stored.map_or(Ok(plain), |text| {
        serde_json::from_str(&text).map_err(|error| DbError::Internal(format!("a stored outcome: {error}")))
    })
}

fn outcome_to(outcome: &Outcome) -> Result<Option<String>, DbError> {
    if outcome.verdict == Verdict::Merged {
        return Ok(None);
    }
    serde_json::to_string(outcome).map(Some).map_err(|error| DbError::Internal(error.to_string()))
}

/// A word of an enum as serde writes it.
pub(crate) fn code_of(refusal: &Refusal) -> String {
    serde_json::to_value(refusal.code).ok().and_then(|code| code.as_str().map(str::to_owned)).unwrap_or_default()
}

impl VersionTx for Tx<'_> {
    fn replica(&mut self, id: ReplicaId) -> Result<Option<Replica>, DbError> {
        let row: Option<(Key, Key, Key, Whole)> = replicas::table
            .find(Key::from(id))
            .select((replicas::township_id, replicas::account_id, replicas::device_id, replicas::highest))
            .first(self.conn)
            .optional()?;
        Ok(row.map(|(township, account, device, highest)| Replica {
            id,
            township: township.into(),
            account: account.into(),
            device: device.into(),
            highest: highest.0,
        }))
    }

    fn put_replica(&mut self, replica: &Replica, now_ms: Ms) -> Result<(), DbError> {
        // Hardly ever new, and an upsert is prepared anew each time.
        let taken = (replicas::highest.eq(Whole(replica.highest)), replicas::seen_at_ms.eq(Whole(now_ms)));
        if diesel::update(replicas::table.find(Key::from(replica.id))).set(taken).execute(self.conn)? == 0 {
            diesel::insert_into(replicas::table)
                .values((
                    replicas::id.eq(Key::from(replica.id)),
                    replicas::township_id.eq(Key::from(replica.township)),
                    replicas::account_id.eq(Key::from(replica.account)),
                    replicas::device_id.eq(Key::from(replica.device)),
                    taken,
                ))
                .on_conflict(replicas::id)
                .do_update()
                .set(taken)
                .execute(self.conn)?;
        }
        Ok(())
    }

    fn arrived(
        &mut self,
        replica: ReplicaId,
        seqs: RangeInclusive<u64>,
    ) -> Result<Vec<(Fingerprint, Outcome)>, DbError> {
        let rows: Vec<(Whole, Vec<u8>, Option<String>)> = versions::table
            .filter(versions::replica_id.eq(Key::from(replica)))
            .filter(versions::seq.ge(Whole(*seqs.start())))
            .filter(versions::seq.le(Whole(*seqs.end())))
            .order(versions::seq)
            .select((versions::seq, versions::fingerprint, versions::outcome))
            .load(self.conn)?;
        rows.into_iter()
            .map(|(seq, print, outcome)| Ok((fingerprint_from(&print)?, outcome_from(seq.0, outcome)?)))
            .collect()
    }

    fn insert_arrivals(
        &mut self,
        township: TownshipId,
        account: AccountId,
        arrivals: &[Arrival],
    ) -> Result<(), DbError> {
        if arrivals.is_empty() {
            return Ok(());
        }
        many::insert_arrivals(self.conn, township, arrivals)?;
        let refused: Vec<_> = arrivals
            .iter()
            .filter_map(|arrival| {
                let refusal = arrival.outcome.refusal.as_ref()?;
                Some((
                    quarantine::replica_id.eq(Key::from(arrival.dot.replica)),
                    quarantine::seq.eq(Whole(arrival.dot.seq)),
                    quarantine::township_id.eq(Key::from(township)),
                    quarantine::account_id.eq(Key::from(account)),
                    quarantine::received_at_ms.eq(Whole(arrival.received_at_ms)),
                    quarantine::code.eq(code_of(refusal)),
                    quarantine::field.eq(refusal.field.as_deref().map(storable)),
                    quarantine::detail.eq(storable(&refusal.detail)),
                ))
            })
            .collect();
        if !refused.is_empty() {
            diesel::insert_into(quarantine::table).values(&refused).execute(self.conn)?;
        }
        Ok(())
    }

    fn history(
        &mut self,
        township: TownshipId,
        record: RecordId,
        offset: usize,
        limit: usize,
    ) -> Result<Vec<Arrival>, DbError> {
        let rows: Vec<VersionRow> = versions::table
            .filter(versions::township_id.eq(Key::from(township)))
            .filter(versions::record_id.eq(Key::from(record)))
            .order(versions::row)
            .offset(i64::try_from(offset).unwrap_or(i64::MAX))
            .limit(i64::try_from(limit).unwrap_or(i64::MAX))
            .select(VersionRow::as_select())
            .load(self.conn)?;
        rows.into_iter().map(VersionRow::read).collect()
    }

    fn quarantined(
        &mut self,
        township: TownshipId,
        account: Option<AccountId>,
        limit: usize,
    ) -> Result<Vec<Quarantined>, DbError> {
        let mut query = quarantine::table
            .filter(quarantine::township_id.eq(Key::from(township)))
            .filter(quarantine::settled_at_ms.is_null())
            .order(quarantine::received_at_ms)
            .limit(i64::try_from(limit).unwrap_or(i64::MAX))
            .select(QuarantineRow::as_select())
            .into_boxed();
        if let Some(account) = account {
            query = query.filter(quarantine::account_id.eq(Key::from(account)));
        }
        let rows: Vec<QuarantineRow> = query.load(self.conn)?;
        rows.into_iter().map(|row| row.with_body(self.conn)).collect()
    }

    fn settled_quarantine(
        &mut self,
        township: TownshipId,
        account: Option<AccountId>,
        limit: usize,
    ) -> Result<Vec<(Quarantined, Settlement)>, DbError> {
        let settlement = (
            quarantine::settled_by.assume_not_null(),
            quarantine::settlement.assume_not_null(),
            quarantine::settled_at_ms.assume_not_null(),
        );
        let mut query = quarantine::table
            .filter(quarantine::township_id.eq(Key::from(township)))
            .filter(quarantine::settled_at_ms.is_not_null())
            .filter(quarantine::settled_by.is_not_null())
            .filter(quarantine::settlement.is_not_null())
            .order(quarantine::settled_at_ms.desc())
            .limit(i64::try_from(limit).unwrap_or(i64::MAX))
            .select((QuarantineRow::as_select(), settlement))
            .into_boxed();
        if let Some(account) = account {
            query = query.filter(quarantine::account_id.eq(Key::from(account)));
        }
        let rows: Vec<(QuarantineRow, (Key, String, Whole))> = query.load(self.conn)?;
        let read = |(row, (by, how, at)): (QuarantineRow, (Key, String, Whole))| {
            Ok((row.with_body(self.conn)?, Settlement { by: by.into(), how, at_ms: at.0 }))
        };
        rows.into_iter().map(read).collect()
    }

    fn dismissed_one(&mut self, township: TownshipId, dot: Dot) -> Result<Option<Quarantined>, DbError> {
        let row: Option<QuarantineRow> = quarantine::table
            .find((Key::from(dot.replica), Whole(dot.seq)))
            .filter(quarantine::township_id.eq(Key::from(township)))
            .filter(quarantine::settlement.like(format!("{DISMISSED}%")))
            .select(QuarantineRow::as_select())
            .first(self.conn)
            .optional()?;
        row.map(|row| row.with_body(self.conn)).transpose()
    }

    fn quarantined_one(&mut self, township: TownshipId, dot: Dot) -> Result<Option<Quarantined>, DbError> {
        let row: Option<QuarantineRow> = quarantine::table
            .find((Key::from(dot.replica), Whole(dot.seq)))
            .filter(quarantine::township_id.eq(Key::from(township)))
            .filter(quarantine::settled_at_ms.is_null())
            .select(QuarantineRow::as_select())
            .first(self.conn)
            .optional()?;
        row.map(|row| row.with_body(self.conn)).transpose()
    }

    fn settle_quarantined(&mut self, dot: Dot, by: AccountId, how: &str, now_ms: Ms) -> Result<(), DbError> {
        diesel::update(quarantine::table.find((Key::from(dot.replica), Whole(dot.seq))))
            .set((
                quarantine::settled_at_ms.eq(Some(Whole(now_ms))),
                quarantine::settled_by.eq(Some(Key::from(by))),
                quarantine::settlement.eq(Some(storable(how))),
            ))
            .execute(self.conn)?;
        Ok(())
    }
}
