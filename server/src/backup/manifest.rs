//! What a backup says of itself. Where it lies is `shelf`.

use std::fs;
use std::path::{Component, Path};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::make::LEDGER;
use super::postgres::DUMP;
use super::refused;
use crate::db::keeping::Counts;
use crate::durable;
use crate::photos::hash::ContentHash;
use crate::refusal::Refusal;

/// The form in which backups are written; a later one has a higher number.
pub(super) const FORMAT: u32 = 1;

/// The name of the manifest in its backup.
pub(super) const FILE: &str = "manifest.json";

/// The name of the list of photos in its backup.
pub(super) const PHOTOS: &str = "photos.txt";

/// A file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Part {
    /// Its path in the backup.
    pub(super) name: String,
    /// Its length.
    pub(super) bytes: u64,
    /// SHA-256 of its bytes.
    pub(super) sha256: ContentHash,
}

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// [`FORMAT`].
    pub(super) format: u32,
    /// The release that made it.
    pub(super) program: String,
    /// When it began (RFC 3339, UTC).
    pub(super) made_at: String,
    /// `sqlite` or `postgres`.
    pub(super) database: String,
    /// The life of the server's data in which it was made.
    pub(super) epoch: Option<Uuid>,
    /// The newest migration of the ledger.
    pub(super) migration: String,
    /// Townships; on PostgreSQL counted before the dump began.
    pub(super) townships: u64,
    /// Records, likewise.
    pub(super) records: u64,
    /// Versions, likewise.
    pub(super) versions: u64,
    /// Photos in the list.
    pub(super) photos: u64,
    /// Photos whose bytes the server itself had lost, or had removed while the backup was made, because nobody named them.
    pub(super) photos_missing: Vec<ContentHash>,
    /// Its files: first the ledger.
    pub(super) parts: Vec<Part>,
}

impl Manifest {
    /// Takes down what was counted.
    pub(super) fn count(&mut self, counts: Counts) {
        self.townships = counts.townships;
        self.records = counts.records;
        self.versions = counts.versions;
    }

    /// Writes it into its backup: the last file of all.
    pub(super) fn write(&self, backup: &Path) -> Result<(), Refusal> {
        let path = backup.join(FILE);
        let text = serde_json::to_vec_pretty(self).map_err(|error| Refusal::Argument(error.to_string()))?;
        durable::write_new(&path, &text).map_err(refused(&path))
    }

    /// Reads it.
    pub(super) fn read(backup: &Path) -> Result<Self, Refusal> {
        let path = backup.join(FILE);
        let text = fs::read(&path).map_err(refused(&path))?;
        let manifest: Self = serde_json::from_slice(&text).map_err(|error| {
            Refusal::Argument(format!("{} is damaged ({error}). Restore another backup: see --at", path.display()))
        })?;
        if manifest.format > FORMAT {
            let words = format!("{} was made by a newer release ({}). Use that", path.display(), manifest.program);
            return Err(Refusal::Argument(words));
        }
        let ledger = if manifest.database == "sqlite" { LEDGER } else { DUMP };
        let has = |name: &str| manifest.parts.iter().any(|part| part.name == name);
        let is_within =
            |part: &Part| Path::new(&part.name).components().all(|part| matches!(part, Component::Normal(_)));
        if !has(ledger) || !has(PHOTOS) || !manifest.parts.iter().all(is_within) {
            let words = format!(
                "{} is damaged: it does not name the files of a backup. Restore another: see --at",
                path.display()
            );
            return Err(Refusal::Argument(words));
        }
        Ok(manifest)
    }

    /// Whether the files of a backup are those of which it speaks.
    pub(super) fn check(&self, backup: &Path) -> Result<(), Refusal> {
        self.parts.iter().try_for_each(|part| {
            let path = backup.join(&part.name);
            let found = durable::hash_file(&path).map_err(refused(&path))?;
            part.check(&path, found)
        })
    }
}

impl Part {
    /// The file at `path` under the name that it has in the backup.
    pub(super) fn of(backup: &Path, name: &str) -> Result<Self, Refusal> {
        let path = backup.join(name);
        let found = durable::hash_file(&path).map_err(refused(&path))?;
        Ok(Self { name: name.to_owned(), bytes: found.bytes, sha256: found.hash })
    }

    /// Whether what was found is what was written.
    pub(super) fn check(&self, path: &Path, found: durable::Copied) -> Result<(), Refusal> {
        if (found.hash, found.bytes) == (self.sha256, self.bytes) {
            return Ok(());
        }
        Err(Refusal::Argument(format!(
            "{} is damaged: it is not what the backup was made of. Nothing was restored. Try another backup with --at, and \
             look after this disk",
            path.display()
        )))
    }
}
