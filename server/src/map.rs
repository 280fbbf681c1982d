//! The background map: one package of tiles that the operator has named. The ledger works without it: a package that is
//! missing or damaged is said in the log, and phones and desks show a plain grid. How a package is read is in `db::tiles`.

use std::fs::{File, Metadata};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use data_encoding::HEXLOWER;
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::config::Settings;
use crate::db::tiles::{PackageError, TileAt, TilePackage, words};
use crate::error::{Code, Problem};
use crate::limits::MAP_READS_WAITING_MAX;

/// Bytes at the beginning of a package that its id is made of: SQLite's header, which counts the file's changes, and what
/// of the first page there is.
const HEAD_BYTES: u64 = 4_096;

/// Bytes of the hash that are an id.
const ID_BYTES: usize = 16;

/// What phones and desks need to know of the map.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MapFacts {
    /// Another one as soon as the file is another: 32 hexadecimal digits.
    pub id: String,
    /// The package's name, if it has one.
    pub name: Option<String>,
    /// Whose map it is and its approval number: to be shown wherever the map is.
    pub attribution: Option<String>,
    /// `png`, `jpg` or `webp`, where the package says so; each tile says its own type.
    pub format: Option<String>,
    /// West, south, east and north, degrees (WGS 84).
    pub bounds: Option<[f64; 4]>,
    /// The coarsest level that has tiles.
    pub min_zoom: u8,
    /// The finest level that has tiles.
    pub max_zoom: u8,
}

/// The picture of one tile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    /// Its media type, told by its bytes.
    pub content_type: &'static str,
    /// At most `MAP_TILE_BYTES_MAX`.
    pub bytes: Vec<u8>,
}

/// By what a file is known to be the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    bytes: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        std::fs::metadata(path).ok().map(|found| Self::from(&found))
    }
}

impl From<&Metadata> for Stamp {
    fn from(found: &Metadata) -> Self {
        Self { bytes: found.len(), modified: found.modified().ok() }
    }
}

/// What is known of the file at the moment.
#[derive(Default)]
struct Shelf {
    stamp: Option<Stamp>,
    open: Option<(TilePackage, MapFacts)>,
    /// What the log has been told last, so that it is told once.
    told: Option<String>,
}

struct Inner {
    path: PathBuf,
    /// In place of what the package says.
    attribution: Option<String>,
    shelf: Mutex<Shelf>,
    queue: Arc<Semaphore>,
}

/// The map that the settings name, or none; clones share it.
#[derive(Clone)]
pub struct Map(Option<Arc<Inner>>);

impl Map {
    /// Looks at the package that the settings name; the log says what came of it. Blocks.
    #[must_use]
    pub fn open(settings: &Settings) -> Self {
        let Some(path) = settings.map_file.clone() else { return Self(None) };
        let attribution = settings.map_attribution.as_deref().and_then(words);
        let queue = Arc::new(Semaphore::new(MAP_READS_WAITING_MAX));
        let inner = Inner { path, attribution, shelf: Mutex::default(), queue };
        inner.look(&mut inner.shelf.lock().unwrap_or_else(PoisonError::into_inner), true);
        Self(Some(Arc::new(inner)))
    }

    /// The facts of the map as its file is now.
    ///
    /// # Errors
    /// `not_found` where there is no map; `busy`.
    pub async fn facts(&self) -> Result<MapFacts, Problem> {
        let facts = self.read(|inner, shelf| {
            inner.look(shelf, true);
            shelf.open.as_ref().map(|(_, facts)| facts.clone())
        });
        facts.await?.ok_or_else(no_map)
    }

    /// A tile of the map that has this id.
    ///
    /// # Errors
    /// `not_found` where there is no such tile, or the map has another id by now; `busy`.
    pub async fn tile(&self, id: String, at: TileAt) -> Result<Tile, Problem> {
        let tile = self.read(move |inner, shelf| {
            inner.look(shelf, false);
            let read = match &mut shelf.open {
                Some((package, facts)) if facts.id == id => package.tile(at),
                _ => return None,
            };
            read.unwrap_or_else(|error| {
                shelf.tell(&inner.path, &error.to_string());
                None
            })
        });
        tile.await?.and_then(Tile::of).ok_or_else(|| Problem::new(Code::NotFound, "The map has no such tile"))
    }

    /// Does something with the file, off the async threads.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner, &mut Shelf) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let inner = self.0.clone().ok_or_else(no_map)?;
        let turn = Arc::clone(&inner.queue).try_acquire_owned();
        let turn = turn.map_err(|_| Problem::new(Code::Busy, "Too many tiles of the map are asked for at once"))?;
        let done = spawn_blocking(move || {
            let _turn = turn;
            let mut shelf = inner.shelf.lock().unwrap_or_else(PoisonError::into_inner);
            work(&inner, &mut shelf)
        });
        done.await.map_err(Problem::internal)
    }
}

impl Inner {
    /// Opens the package where it has changed, or, when `again`, where it could not be opened.
    fn look(&self, shelf: &mut Shelf, again: bool) {
        let stamp = Stamp::of(&self.path);
        if shelf.stamp == stamp && (shelf.open.is_some() || !again) {
            return;
        }
        shelf.stamp = stamp;
        // The old connection ends first: the file may have been written over.
        shelf.open = None;
        match self.opened() {
            Ok(open) => {
                tracing::info!(path = %self.path.display(), id = open.1.id, "the map is shown");
                shelf.open = Some(open);
                shelf.told = None;
            }
            Err(why) => shelf.tell(&self.path, &why.to_string()),
        }
    }

    fn opened(&self) -> Result<(TilePackage, MapFacts), PackageError> {
        let id = id_of(&self.path).map_err(|error| PackageError::Unreadable(error.to_string()))?;
        let (package, said) = TilePackage::open(&self.path)?;
        let attribution = self.attribution.clone().or(said.attribution);
        let format = said.format.map(|format| if format == "jpeg" { "jpg".to_owned() } else { format });
        let (name, bounds) = (said.name, said.bounds);
        let (min_zoom, max_zoom) = (said.min_zoom, said.max_zoom);
        Ok((package, MapFacts { id, name, attribution, format, bounds, min_zoom, max_zoom }))
    }
}

impl Shelf {
    fn tell(&mut self, path: &Path, why: &str) {
        if self.told.as_deref() != Some(why) {
            tracing::error!(path = %path.display(), why, "the map cannot be used; a plain grid is shown");
            self.told = Some(why.to_owned());
        }
    }
}

/// The id of a package. Its whole bytes may be gigabytes: length, time of change, and the head, in which SQLite counts the
/// changes. Copies that keep the time (`cp -p`, `rsync -t`) have the same id on every machine.
fn id_of(path: &Path) -> std::io::Result<String> {
    let file = File::open(path)?;
    let found = file.metadata()?;
    let changed_s = found.modified()?.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let mut head = Vec::new();
    file.take(HEAD_BYTES).read_to_end(&mut head)?;
    let hash = Sha256::new()
        .chain_update(found.len().to_be_bytes())
        .chain_update(changed_s.to_be_bytes())
        .chain_update(&head)
        .finalize();
    Ok(HEXLOWER.encode(hash.get(..ID_BYTES).unwrap_or_default()))
}

impl Tile {
    /// The tile with these bytes, if they are those of a picture that every browser shows.
    fn of(bytes: Vec<u8>) -> Option<Self> {
        let content_type = if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            "image/png"
        } else if bytes.starts_with(b"\xff\xd8\xff") {
            "image/jpeg"
        } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
            "image/webp"
        } else {
            return None;
        };
        Some(Self { content_type, bytes })
    }
}

fn no_map() -> Problem {
    Problem::new(Code::NotFound, "This server has no map")
}
