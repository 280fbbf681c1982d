//! A phone's durable outbox: a file to which each stored transaction is appended as one line of JSON and flushed to the
//! disk before anybody acts on it. A last line that was torn by a dying battery is as if it had never been written.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sync_core::client::Effect;

use super::trouble::Trouble;

/// One transaction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stored {
    /// The step of the script after which the phone goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_step: Option<usize>,
    /// What the client asked to store.
    pub effects: Vec<Effect>,
}

/// The open file.
#[derive(Debug)]
pub struct Journal {
    file: File,
}

impl Journal {
    /// Opens or makes the file, and gives back what it holds. A torn end is cut off.
    ///
    /// # Errors
    /// The file cannot be read, or a line before its end is damaged.
    pub fn open(path: &Path) -> Result<(Self, Vec<Stored>), Trouble> {
        let trouble = || Trouble::io(format!("the journal {}", path.display()));
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(trouble())?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(trouble())?;
        let mut stored = Vec::new();
        let mut whole = 0_usize;
        for line in bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n")) {
            let entry = serde_json::from_slice(line).map_err(|error| Trouble::Io {
                what: format!("the journal {} at byte {whole}", path.display()),
                source: error.into(),
            })?;
            stored.push(entry);
            whole = whole.saturating_add(line.len());
        }
        let end = u64::try_from(whole).unwrap_or(u64::MAX);
        file.set_len(end).map_err(trouble())?;
        file.seek(SeekFrom::Start(end)).map_err(trouble())?;
        Ok((Self { file }, stored))
    }

    /// Appends a transaction; it is on the disk when this returns.
    ///
    /// # Errors
    /// It could not be written.
    pub fn append(&mut self, stored: &Stored) -> Result<(), Trouble> {
        let mut line = serde_json::to_vec(stored)
            .map_err(|error| Trouble::Io { what: "a journal line".to_owned(), source: error.into() })?;
        line.push(b'\n');
        self.file.write_all(&line).and_then(|()| self.file.sync_data()).map_err(Trouble::io("appending to a journal"))
    }

    /// Leaves half a line at the end of a closed journal: the battery died while it was written.
    ///
    /// # Errors
    /// It could not be written.
    pub fn tear(path: &Path) -> Result<(), Trouble> {
        let mut file = OpenOptions::new().append(true).open(path).map_err(Trouble::io("tearing a journal"))?;
        file.write_all(b"{\"next_step\":9,\"effects\":[{\"keep\":{\"dot\":[").map_err(Trouble::io("tearing a journal"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn stored(photo: &str) -> Stored {
        Stored { next_step: Some(1), effects: vec![Effect::KeepPhoto(photo.to_owned())] }
    }

    #[test]
    fn a_torn_last_line_is_cut_off_and_what_was_stored_before_it_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (mut journal, before) = Journal::open(&path).unwrap();
        assert!(before.is_empty());
        journal.append(&stored("a")).unwrap();
        drop(journal);
        Journal::tear(&path).unwrap();
        let (mut journal, held) = Journal::open(&path).unwrap();
        assert_eq!(held, [stored("a")]);
        journal.append(&stored("b")).unwrap();
        assert_eq!(Journal::open(&path).unwrap().1, [stored("a"), stored("b")]);
    }

    #[test]
    fn damage_before_the_end_is_told_and_nothing_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        std::fs::write(&path, "{\"effects\":[]}\n{\"eff\n{\"effects\":[]}\n").unwrap();
        assert!(Journal::open(&path).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 3);
    }
}
