//! Photos: the bytes of each slot, and the server's store of them. A model of uploads by offset; files, headers and tus
//! itself are tested over HTTP.

use std::collections::BTreeMap;
use std::rc::Rc;

use server::photos::hash::ContentHash;

use super::seed::Rng;

/// The bytes of the photo that a slot is about.
pub(crate) fn bytes_of(slot: usize) -> Vec<u8> {
    let mut rng = Rng::new(slot as u64).fork("photo");
    (0..rng.between(20, 60)).map(|_| rng.draw() as u8).collect()
}

/// Their hash.
pub(crate) fn hash_of(slot: usize) -> ContentHash {
    ContentHash::of(&bytes_of(slot))
}

/// Bytes on the server: whole photos by their hash, and uploads that have begun.
#[derive(Clone, Debug, Default)]
pub(crate) struct Files {
    pub(crate) whole: BTreeMap<ContentHash, Rc<Vec<u8>>>,
    begun: BTreeMap<(usize, ContentHash), Vec<u8>>,
}

/// How an upload ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The bytes are there, whole and as announced: they are to be noted in the database.
    Whole,
    /// It stands somewhere; what came stays.
    Broken,
    /// The whole had another hash and was discarded.
    Discarded,
}

impl Files {
    /// Resumes the upload of a phone where it stands; `through` hundredths of the rest arrive.
    pub(crate) fn send(
        &mut self,
        phone: usize,
        hash: ContentHash,
        bytes: &[u8],
        through: u8,
        is_damaged: bool,
        is_checked: bool,
    ) -> Ended {
        if self.whole.contains_key(&hash) {
            return Ended::Whole;
        }
        let begun = self.begun.entry((phone, hash)).or_default();
        let rest = &bytes[begun.len().min(bytes.len())..];
        let arrives = rest.len() * usize::from(through.min(100)) / 100;
        begun.extend_from_slice(&rest[..arrives]);
        if is_damaged && let Some(last) = begun.last_mut() {
            *last ^= 0xFF;
        }
        if begun.len() < bytes.len() {
            return Ended::Broken;
        }
        let whole = std::mem::take(begun);
        self.begun.remove(&(phone, hash));
        if is_checked && ContentHash::of(&whole) != hash {
            return Ended::Discarded;
        }
        self.whole.insert(hash, Rc::new(whole));
        Ended::Whole
    }
}
