//! The queries of `db/keeping.rs`.

use diesel::dsl::{count_star, max, min};
use diesel::prelude::*;
use diesel::sql_types::Text;
use sync_core::dots::Dot;
use sync_core::ids::{AccountId, RecordId, ReplicaId, TownshipId};
use sync_core::time::Ms;

use super::Tx;
use super::blobs::BlobRow;
use super::versions::VersionRow;
use crate::db::DbError;
use crate::db::blobs::Blob;
use crate::db::keeping::{Counts, KeepingTx, Numbers, QuarantineEntry, Settled, StoredArrival};
use crate::db::schema::{blobs, quarantine, records, replicas, townships, versions};
use crate::db::types::{Key, Whole};
use crate::db::versions::Replica;
use crate::photos::hash::ContentHash;

#[derive(QueryableByName)]
struct Word {
    #[diesel(sql_type = Text)]
    word: String,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = versions)]
struct PlacedRow {
    row: Whole,
    township_id: Key,
    #[diesel(embed)]
    version: VersionRow,
}

impl PlacedRow {
    fn read(self) -> StoredArrival {
        let dot = self.version.dot();
        StoredArrival { row: self.row.0, township: self.township_id.into(), dot, arrival: self.version.read().ok() }
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = replicas)]
struct ReplicaRow {
    id: Key,
    township_id: Key,
    account_id: Key,
    device_id: Key,
    highest: Whole,
    seen_at_ms: Whole,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = quarantine)]
struct EntryRow {
    replica_id: Key,
    seq: Whole,
    account_id: Key,
    received_at_ms: Whole,
    code: String,
    settled_at_ms: Option<Whole>,
    settled_by: Option<Key>,
    settlement: Option<String>,
}

impl From<EntryRow> for QuarantineEntry {
    fn from(row: EntryRow) -> Self {
        let by = row.settled_by.map(AccountId::from);
        let settled = row.settled_at_ms.zip(row.settlement);
        Self {
            dot: Dot { replica: row.replica_id.into(), seq: row.seq.0 },
            account: row.account_id.into(),
            received_at_ms: row.received_at_ms.0,
            code: row.code,
            settled: settled.map(|(at, how)| Settled { at_ms: at.0, by, how }),
        }
    }
}

fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

impl KeepingTx for Tx<'_> {
    fn migration(&mut self) -> Result<String, DbError> {
        let newest = "SELECT max(version) AS word FROM __diesel_schema_migrations";
        Ok(diesel::sql_query(newest).get_result::<Word>(self.conn)?.word)
    }

    fn counts(&mut self) -> Result<Counts, DbError> {
        Ok(Counts {
            townships: townships::table.count().get_result::<Whole>(self.conn)?.0,
            records: records::table.count().get_result::<Whole>(self.conn)?.0,
            versions: versions::table.count().get_result::<Whole>(self.conn)?.0,
            photos: blobs::table.count().get_result::<Whole>(self.conn)?.0,
        })
    }

    fn blobs_after(&mut self, after: Option<(TownshipId, ContentHash)>, limit: usize) -> Result<Vec<Blob>, DbError> {
        let mut query = blobs::table
            .order((blobs::township_id, blobs::hash))
            .limit(rows(limit))
            .select(BlobRow::as_select())
            .into_boxed();
        if let Some((township, hash)) = after {
            let township = Key::from(township);
            let later = blobs::township_id.eq(township).and(blobs::hash.gt(hash.0.to_vec()));
            query = query.filter(blobs::township_id.gt(township).or(later));
        }
        let found: Vec<BlobRow> = query.load(self.conn)?;
        found.into_iter().map(BlobRow::read).collect()
    }

    fn arrivals_after(
        &mut self,
        township: Option<TownshipId>,
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredArrival>, DbError> {
        let mut query = versions::table
            .filter(versions::row.gt(Whole(after)))
            .order(versions::row)
            .limit(rows(limit))
            .select(PlacedRow::as_select())
            .into_boxed();
        if let Some(township) = township {
            query = query.filter(versions::township_id.eq(Key::from(township)));
        }
        let found: Vec<PlacedRow> = query.load(self.conn)?;
        Ok(found.into_iter().map(PlacedRow::read).collect())
    }

    fn histories(
        &mut self,
        township: TownshipId,
        records: &[RecordId],
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredArrival>, DbError> {
        let keys: Vec<Key> = records.iter().copied().map(Key::from).collect();
        let found: Vec<PlacedRow> = versions::table
            .filter(versions::township_id.eq(Key::from(township)))
            .filter(versions::record_id.eq_any(keys))
            .filter(versions::row.gt(Whole(after)))
            .order(versions::row)
            .limit(rows(limit))
            .select(PlacedRow::as_select())
            .load(self.conn)?;
        Ok(found.into_iter().map(PlacedRow::read).collect())
    }

    fn replicas_after(
        &mut self,
        township: TownshipId,
        after: Option<ReplicaId>,
        limit: usize,
    ) -> Result<Vec<(Replica, Ms)>, DbError> {
        let mut query = replicas::table
            .filter(replicas::township_id.eq(Key::from(township)))
            .order(replicas::id)
            .limit(rows(limit))
            .select(ReplicaRow::as_select())
            .into_boxed();
        if let Some(after) = after {
            query = query.filter(replicas::id.gt(Key::from(after)));
        }
        let found: Vec<ReplicaRow> = query.load(self.conn)?;
        let replica = |row: ReplicaRow| {
            let replica = Replica {
                id: row.id.into(),
                township: row.township_id.into(),
                account: row.account_id.into(),
                device: row.device_id.into(),
                highest: row.highest.0,
            };
            (replica, row.seen_at_ms.0)
        };
        Ok(found.into_iter().map(replica).collect())
    }

    fn numbers(&mut self, replica: ReplicaId) -> Result<Numbers, DbError> {
        let (count, first, last): (Whole, Option<Whole>, Option<Whole>) = versions::table
            .filter(versions::replica_id.eq(Key::from(replica)))
            .select((count_star(), min(versions::seq), max(versions::seq)))
            .first(self.conn)?;
        let number = |number: Option<Whole>| number.map_or(0, |number| number.0);
        Ok(Numbers { count: count.0, first: number(first), last: number(last) })
    }

    fn quarantine_after(
        &mut self,
        township: TownshipId,
        after: Option<Dot>,
        limit: usize,
    ) -> Result<Vec<QuarantineEntry>, DbError> {
        let mut query = quarantine::table
            .filter(quarantine::township_id.eq(Key::from(township)))
            .order((quarantine::replica_id, quarantine::seq))
            .limit(rows(limit))
            .select(EntryRow::as_select())
            .into_boxed();
        if let Some(dot) = after {
            let replica = Key::from(dot.replica);
            let later = quarantine::replica_id.eq(replica).and(quarantine::seq.gt(Whole(dot.seq)));
            query = query.filter(quarantine::replica_id.gt(replica).or(later));
        }
        let found: Vec<EntryRow> = query.load(self.conn)?;
        Ok(found.into_iter().map(QuarantineEntry::from).collect())
    }

    fn quarantine_entry(&mut self, dot: Dot) -> Result<Option<QuarantineEntry>, DbError> {
        let row = quarantine::table.find((Key::from(dot.replica), Whole(dot.seq))).select(EntryRow::as_select());
        let found: Option<EntryRow> = row.first(self.conn).optional()?;
        Ok(found.map(QuarantineEntry::from))
    }
}
