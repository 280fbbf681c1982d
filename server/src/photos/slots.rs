//! An unfinished upload in an object store, which knows no appending: its bytes lie in slots of 1 MiB, each one object, and
//! only the last, which still grows, is written anew. Any process goes on where another has stopped.
//!
//! An object is named by its first byte and the one after its last, `uploads/<device>.<hash>/<from>-<to>`. What counts is
//! what the database has recorded: slots up to there, then the longest beginning of the slot in which that lies. What
//! a checksum has not judged yet, or another process has left, lies beyond, and is written over or removed with the rest.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use object_store::path::Path;

use super::names::UploadKey;
use super::objects::ObjectsStore;
use super::store::StoreError;
use crate::limits::UPLOAD_SLOT_BYTES;

/// One upload, open at its end. In memory is at most one slot.
#[derive(Debug)]
pub(super) struct Slots {
    store: Arc<ObjectsStore>,
    folder: Path,
    /// Bytes that it holds.
    at: u64,
    /// The first byte of the slot that still grows.
    tail_from: u64,
    /// The bytes from there on.
    tail: BytesMut,
    /// Bytes in objects.
    stored: u64,
    /// Objects that a longer one replaces once it is recorded.
    replaced: Vec<Path>,
    /// Where [`Slots::next`] stands.
    read: u64,
}

impl ObjectsStore {
    /// Opens an upload of which `recorded` bytes are known to be durable. Where fewer are there, it stands at those.
    pub(super) async fn partial(this: &Arc<Self>, key: UploadKey, recorded: u64) -> Result<Slots, StoreError> {
        let folder = this.upload(key);
        let there = this.ranges(&folder).await?;
        let (tail_from, at) = covered(&there, recorded);
        let mut tail = BytesMut::new();
        if at > tail_from {
            tail.extend_from_slice(&this.get(&folder.clone().join(name(tail_from, at))).await?);
        }
        let old = |&(from, to): &(u64, u64)| to < at && (from != slot_of(from) || to != from + UPLOAD_SLOT_BYTES);
        let replaced = there.iter().filter(|range| old(range)).map(|(from, to)| folder.clone().join(name(*from, *to)));
        let replaced = replaced.collect();
        Ok(Slots { store: Arc::clone(this), folder, at, tail_from, tail, stored: at, replaced, read: 0 })
    }

    /// How many of an upload's `recorded` bytes are there.
    pub(super) async fn received(&self, key: UploadKey, recorded: u64) -> Result<u64, StoreError> {
        if recorded == 0 {
            return Ok(0);
        }
        Ok(covered(&self.ranges(&self.upload(key)).await?, recorded).1)
    }

    /// The whole objects of an upload by their names.
    async fn ranges(&self, folder: &Path) -> Result<Vec<(u64, u64)>, StoreError> {
        let there = self.list(folder).await?;
        let read = |(name, bytes): (String, u64)| {
            let (from, to) = name.split_once('-')?;
            let (from, to): (u64, u64) = (from.parse().ok()?, to.parse().ok()?);
            (to.checked_sub(from) == Some(bytes)).then_some((from, to))
        };
        Ok(there.into_iter().filter_map(read).collect())
    }
}

impl Slots {
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// Appends bytes. Slots that become full are stored; after a failure it holds what it held before the last of them.
    pub(super) async fn append(&mut self, mut bytes: &[u8]) -> Result<(), StoreError> {
        while !bytes.is_empty() {
            let room = UPLOAD_SLOT_BYTES.saturating_sub(self.at.saturating_sub(self.tail_from));
            let count = usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len());
            let (some, rest) = bytes.split_at(count);
            self.tail.extend_from_slice(some);
            self.at = self.at.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
            bytes = rest;
            if self.at.saturating_sub(self.tail_from) >= UPLOAD_SLOT_BYTES {
                self.sync().await?;
                self.tail.clear();
                self.tail_from = self.at;
            }
        }
        Ok(())
    }

    /// Stores the slot that still grows.
    pub(super) async fn sync(&mut self) -> Result<(), StoreError> {
        if self.stored == self.at {
            return Ok(());
        }
        let path = self.folder.clone().join(name(self.tail_from, self.at));
        self.store.put_at(&path, Bytes::copy_from_slice(&self.tail)).await?;
        if self.stored > self.tail_from {
            self.replaced.push(self.folder.clone().join(name(self.tail_from, self.stored)));
        }
        self.stored = self.at;
        Ok(())
    }

    /// Removes what a longer object replaces. What cannot be removed now goes with the upload.
    pub(super) async fn settle(&mut self) {
        for path in std::mem::take(&mut self.replaced) {
            if let Err(error) = self.store.delete(&path).await {
                tracing::info!(%error, "a replaced part of an upload could not be removed; it goes with the next part, or with the upload");
            }
        }
    }

    /// Forgets what lies beyond `at`; nothing more is appended then. Its objects are written over by the next who come.
    pub(super) async fn back_to(&mut self, at: u64) {
        self.tail.truncate(usize::try_from(at.saturating_sub(self.tail_from)).unwrap_or(usize::MAX));
        self.at = at;
        self.stored = self.stored.min(at);
    }

    /// The upload's bytes from its first to its last, a slot at a time; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
        if self.read < self.tail_from {
            let to = self.read.saturating_add(UPLOAD_SLOT_BYTES);
            let bytes = self.store.get(&self.folder.clone().join(name(self.read, to))).await?;
            self.read = to;
            return Ok(Some(bytes));
        }
        let rest = self.tail.split().freeze();
        self.read = self.at;
        Ok((!rest.is_empty()).then_some(rest))
    }
}

/// The name of the object with the bytes from `from` to before `to`.
fn name(from: u64, to: u64) -> String {
    format!("{from}-{to}")
}

fn slot_of(at: u64) -> u64 {
    at / UPLOAD_SLOT_BYTES * UPLOAD_SLOT_BYTES
}

/// How far the objects reach without a gap, up to `recorded`: where the last slot begins, and where it ends.
fn covered(there: &[(u64, u64)], recorded: u64) -> (u64, u64) {
    let mut from = 0_u64;
    loop {
        let full = from.saturating_add(UPLOAD_SLOT_BYTES);
        if full <= recorded && there.contains(&(from, full)) {
            from = full;
            continue;
        }
        let begun = there.iter().filter(|(start, end)| *start == from && *end <= recorded.min(full));
        return (from, begun.map(|(_, end)| *end).max().unwrap_or(from));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const M: u64 = UPLOAD_SLOT_BYTES;

    #[test]
    fn an_upload_reaches_as_far_as_its_objects_and_its_record_go_without_a_gap() {
        type Case<'a> = (&'a [(u64, u64)], u64, (u64, u64));
        let cases: [Case<'_>; 9] = [
            (&[], 500, (0, 0)),
            (&[(0, 300), (0, 500)], 500, (0, 500)),
            (&[(0, 300), (0, 500)], 400, (0, 300)),
            (&[(0, M)], M, (M, M)),
            (&[(0, M), (M, M + 7)], M + 7, (M, M + 7)),
            (&[(0, M), (M, M + 7), (0, 300)], M + 9, (M, M + 7)),
            (&[(M, M + 7)], M + 7, (0, 0)),
            (&[(0, 300), (0, M), (M, 2 * M)], 300, (0, 300)),
            (&[(0, M), (2 * M, 3 * M)], 3 * M, (M, M)),
        ];
        for (there, recorded, reach) in cases {
            assert_eq!(covered(there, recorded), reach, "{there:?} of {recorded}");
        }
    }
}
