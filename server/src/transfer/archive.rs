//! The archive: lists of lines whose hashes are taken on the way, and photos under their hash. What is in the lines is `lines`.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use sync_core::limits::PHOTO_BYTES_MAX;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::broken;
use super::lines::{FORMAT, List, Manifest};
use crate::backup::refused;
use crate::durable::new_file;
use crate::photos::hash::ContentHash;
use crate::refusal::Refusal;

/// The name of the manifest in the archive.
const MANIFEST: &str = "manifest.json";

/// Bytes of one line: a record on which very many people disagreed.
const LINE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Bytes of lines that are held together, but for the last of them.
const PAGE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Bytes of the manifest: it names photos only that are missing.
const MANIFEST_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// An archive that is being written.
pub(super) struct Writing {
    path: PathBuf,
    zip: ZipWriter<BufWriter<File>>,
    lists: Vec<List>,
    digest: Sha256,
}

impl Writing {
    /// Begins a new file; one that is there must be removed before.
    pub(super) fn begin(path: &Path) -> Result<Self, Refusal> {
        let file = new_file(path).map_err(refused(path))?;
        let zip = ZipWriter::new(BufWriter::new(file));
        Ok(Self { path: path.to_owned(), zip, lists: Vec::new(), digest: Sha256::new() })
    }

    /// Begins a list.
    pub(super) fn list(&mut self, name: &str) -> Result<(), Refusal> {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).large_file(true);
        self.zip.start_file(name, options).map_err(broken(&self.path))?;
        self.lists.push(List { name: name.to_owned(), lines: 0, sha256: ContentHash([0; 32]) });
        self.digest = Sha256::new();
        Ok(())
    }

    /// Writes a line of JSON.
    pub(super) fn line(&mut self, line: &impl Serialize) -> Result<(), Refusal> {
        let text = serde_json::to_string(line).map_err(|error| Refusal::Argument(error.to_string()))?;
        self.text(&text)
    }

    /// Writes a line that is JSON already.
    pub(super) fn text(&mut self, text: &str) -> Result<(), Refusal> {
        for bytes in [text.as_bytes(), b"\n"] {
            self.digest.update(bytes);
            self.zip.write_all(bytes).map_err(refused(&self.path))?;
        }
        if let Some(list) = self.lists.last_mut() {
            list.lines = list.lines.saturating_add(1);
        }
        Ok(())
    }

    /// Ends the list.
    pub(super) fn end_list(&mut self) {
        let digest = std::mem::take(&mut self.digest).finalize();
        if let Some(list) = self.lists.last_mut() {
            list.sha256 = ContentHash(digest.into());
        }
    }

    /// Writes a photo, as it is: photos are compressed already.
    pub(super) fn photo(&mut self, hash: ContentHash, bytes: &[u8]) -> Result<(), Refusal> {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        self.zip.start_file(photo_name(hash), options).map_err(broken(&self.path))?;
        self.zip.write_all(bytes).map_err(refused(&self.path))
    }

    /// Writes the manifest, and makes the file durable but for its name.
    pub(super) fn finish(mut self, mut manifest: Manifest) -> Result<Manifest, Refusal> {
        manifest.lists = self.lists;
        let text = serde_json::to_vec_pretty(&manifest).map_err(|error| Refusal::Argument(error.to_string()))?;
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        self.zip.start_file(MANIFEST, options).map_err(broken(&self.path))?;
        self.zip.write_all(&text).map_err(refused(&self.path))?;
        let file = self.zip.finish().map_err(broken(&self.path))?;
        let file = file.into_inner().map_err(|error| refused(&self.path)(error.into_error()))?;
        file.sync_all().map_err(refused(&self.path))?;
        Ok(manifest)
    }
}

/// An archive that is read.
pub(super) struct Reading {
    path: PathBuf,
    zip: ZipArchive<BufReader<File>>,
    /// What it holds.
    pub(super) manifest: Manifest,
}

impl Reading {
    /// Opens a file and reads its manifest.
    pub(super) fn open(path: &Path) -> Result<Self, Refusal> {
        let file = File::open(path).map_err(refused(path))?;
        let mut zip = ZipArchive::new(BufReader::new(file)).map_err(broken(path))?;
        let entry = zip.by_name(MANIFEST).map_err(broken(path))?;
        let mut text = Vec::new();
        entry.take(MANIFEST_BYTES_MAX).read_to_end(&mut text).map_err(refused(path))?;
        let manifest: Manifest = serde_json::from_slice(&text)
            .map_err(|error| Refusal::Argument(format!("{} is no township's file: {error}", path.display())))?;
        if manifest.format > FORMAT {
            let words = format!("{} was written by a newer release ({}). Use that", path.display(), manifest.program);
            return Err(Refusal::Argument(words));
        }
        Ok(Self { path: path.to_owned(), zip, manifest })
    }

    /// How many lines a list has by the manifest.
    pub(super) fn lines(&self, name: &str) -> u64 {
        self.manifest.lists.iter().find(|list| list.name == name).map_or(0, |list| list.lines)
    }

    /// Reads every list and compares it with the manifest.
    pub(super) fn check(&mut self) -> Result<(), Refusal> {
        for list in self.manifest.lists.clone() {
            let mut entry = self.zip.by_name(&list.name).map_err(broken(&self.path))?;
            if ContentHash::of_reader(&mut entry).map_err(refused(&self.path))? != list.sha256 {
                let words = format!("{}: {} is damaged. Nothing was imported", self.path.display(), list.name);
                return Err(Refusal::Argument(words));
            }
        }
        Ok(())
    }

    /// Hands the lines of a list on, so many at a time.
    pub(super) fn each(
        &mut self,
        name: &str,
        page_lines: usize,
        mut hand_on: impl FnMut(Vec<String>) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let mut entry = BufReader::new(self.zip.by_name(name).map_err(broken(&self.path))?);
        loop {
            let (mut page, mut bytes) = (Vec::new(), 0_usize);
            while page.len() < page_lines && bytes < PAGE_BYTES_MAX {
                let mut line = String::new();
                let read = entry.by_ref().take(LINE_BYTES_MAX).read_line(&mut line).map_err(refused(&self.path))?;
                if read == 0 {
                    break;
                }
                bytes = bytes.saturating_add(line.len());
                page.push(line);
            }
            if page.is_empty() {
                return Ok(());
            }
            hand_on(page)?;
        }
    }

    /// A photo's bytes, and whether they are those of its name.
    pub(super) fn photo(&mut self, hash: ContentHash) -> Result<Vec<u8>, Refusal> {
        let entry = self.zip.by_name(&photo_name(hash)).map_err(broken(&self.path))?;
        let mut bytes = Vec::new();
        entry.take(PHOTO_BYTES_MAX.saturating_add(1)).read_to_end(&mut bytes).map_err(refused(&self.path))?;
        if ContentHash::of(&bytes) == hash {
            return Ok(bytes);
        }
        Err(Refusal::Argument(format!("{}: the photo {hash} is damaged. Nothing was imported", self.path.display())))
    }
}

/// Reads a line.
pub(super) fn read<T: DeserializeOwned>(line: &str) -> Result<T, Refusal> {
    serde_json::from_str(line).map_err(|error| Refusal::Argument(format!("a line of the file cannot be read: {error}")))
}

fn photo_name(hash: ContentHash) -> String {
    format!("photos/{hash}")
}
