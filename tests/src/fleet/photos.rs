//! The photos of the replay: real photos, each made unlike the others by bytes after its end, a few taken twice on
//! purpose. How they travel is `tus`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use data_encoding::HEXLOWER;
use serde_json::json;
use sha2::{Digest, Sha256};
use sync_core::ids::RecordId;

use super::csv::Row;
use super::mapping::{Draft, Mapping, draft};
use super::seeds::Seed;
use super::trouble::Trouble;

/// Larger photos are few: they stand for phones that do not reduce.
const SMALL_BYTES_MAX: usize = 300_000;
/// One photo in so many is a large one.
const LARGE_ONE_IN: usize = 25;
/// One photo in so many repeats the bytes of an earlier one.
const AGAIN_ONE_IN: usize = 12;

/// A photo that somebody takes.
#[derive(Debug, PartialEq)]
pub struct Shot {
    /// Its place among the photos of the run: tells two records with the same bytes apart.
    pub number: usize,
    /// SHA-256 of its bytes, hex.
    pub hash: String,
    /// How many bytes it has.
    pub len: usize,
    source: Arc<Vec<u8>>,
    tail: Vec<u8>,
}

impl Shot {
    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        [self.source.as_slice(), &self.tail].concat()
    }

    /// Its record, as a photo of a hazard.
    #[must_use]
    pub fn draft(&self, seed: Seed, hazard: RecordId, row: &Row, mapping: Mapping) -> Draft {
        let at_ms = mapping.opened_ms(row);
        let id = RecordId(seed.id("photo", &self.number.to_string(), at_ms));
        let changes = [
            ("subject_kind", json!("hazard")),
            ("subject", json!(hazard)),
            ("hash", json!(self.hash)),
            ("bytes", json!(self.len)),
            ("taken_at", json!(at_ms)),
            ("role", json!("before")),
        ];
        draft(id, "photo", Some(mapping.village(&row.ward)), at_ms, changes)
    }
}

/// The source photos, and how many are wanted.
#[derive(Debug, Default)]
pub struct Album {
    small: Vec<Arc<Vec<u8>>>,
    large: Vec<Arc<Vec<u8>>>,
    wanted: usize,
    seed: u64,
}

impl Album {
    /// Reads every image under a folder.
    ///
    /// # Errors
    /// It cannot be read, or holds no image.
    pub fn read(folder: &Path, wanted: usize, seed: Seed) -> Result<Self, Trouble> {
        let mut album = Self { wanted, seed: seed.0, ..Self::default() };
        if wanted == 0 {
            return Ok(album);
        }
        let mut paths = Vec::new();
        images(folder, &mut paths)?;
        paths.sort();
        for path in &paths {
            let bytes = std::fs::read(path).map_err(Trouble::io(format!("reading {}", path.display())))?;
            let drawer = if bytes.len() <= SMALL_BYTES_MAX { &mut album.small } else { &mut album.large };
            drawer.push(Arc::new(bytes));
        }
        if album.small.is_empty() && album.large.is_empty() {
            return Err(Trouble::Server(format!("no photos under {}", folder.display())));
        }
        Ok(album)
    }

    /// For each of so many hazards its photo, if it has one: spread evenly.
    pub fn shots(&self, hazards: usize) -> impl Iterator<Item = Option<Arc<Shot>>> + '_ {
        let wanted = self.wanted.min(hazards);
        (0..hazards).map(move |hazard| {
            let before = hazard.saturating_mul(wanted) / hazards.max(1);
            let after = hazard.saturating_add(1).saturating_mul(wanted) / hazards.max(1);
            if after > before { self.shot(before) } else { None }
        })
    }

    fn shot(&self, number: usize) -> Option<Arc<Shot>> {
        let again = number % AGAIN_ONE_IN == AGAIN_ONE_IN.saturating_sub(1);
        let content = if again { number.saturating_sub(AGAIN_ONE_IN / 2) } else { number };
        let large = content % LARGE_ONE_IN == LARGE_ONE_IN.saturating_sub(1);
        let [first, second] = if large { [&self.large, &self.small] } else { [&self.small, &self.large] };
        let drawer = if first.is_empty() { second } else { first };
        let source = drawer.get(content.checked_rem(drawer.len())?)?.clone();
        let tail = format!("\nreplay {} photo {content}\n", self.seed).into_bytes();
        let hash = HEXLOWER.encode(&Sha256::new().chain_update(source.as_slice()).chain_update(&tail).finalize());
        Some(Arc::new(Shot { number, hash, len: source.len().saturating_add(tail.len()), source, tail }))
    }
}

fn images(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), Trouble> {
    let entries = std::fs::read_dir(folder).map_err(Trouble::io(format!("reading {}", folder.display())))?;
    for entry in entries {
        let path = entry.map_err(Trouble::io("reading a folder"))?.path();
        let extension = path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
        if path.is_dir() {
            images(&path, found)?;
        } else if matches!(extension.as_deref(), Some("jpg" | "jpeg" | "png" | "webp")) {
            found.push(path);
        }
    }
    Ok(())
}
