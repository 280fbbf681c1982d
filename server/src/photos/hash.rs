//! The SHA-256 of a photo's bytes: its name everywhere. Nothing here reads files except [`ContentHash::of_reader`].

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::error::Problem;

/// Bytes read at a time while hashing.
const READ_BYTES: usize = 64 * 1024;

/// The SHA-256 of a photo's bytes, written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct ContentHash(pub [u8; 32]);

/// A text that is not 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a content hash is written as 64 lower-case hexadecimal digits")]
pub struct NotAHash;

impl ContentHash {
    /// The hash of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The hash of everything that `reader` still gives.
    ///
    /// # Errors
    /// Whatever reading fails with.
    pub fn of_reader(reader: &mut impl Read) -> io::Result<Self> {
        let mut digest = Sha256::new();
        let mut buffer = vec![0_u8; READ_BYTES];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return Ok(Self(digest.finalize().into())),
                Ok(count) => digest.update(buffer.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The hash that these 32 bytes are, as a database column holds them.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

/// The hashes that a request names.
///
/// # Errors
/// `invalid_field`.
pub fn read_all(named: &[String]) -> Result<Vec<ContentHash>, Problem> {
    let hashes = named.iter().map(|hex| hex.parse()).collect::<Result<_, _>>();
    hashes.map_err(|wrong: NotAHash| Problem::field("photos", wrong.to_string()))
}

impl Serialize for ContentHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for ContentHash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, NotAHash> {
        let bytes = HEXLOWER.decode(text.as_bytes()).map_err(|_| NotAHash)?;
        Self::from_slice(&bytes).ok_or(NotAHash)
    }
}

impl TryFrom<String> for ContentHash {
    type Error = NotAHash;

    fn try_from(text: String) -> Result<Self, NotAHash> {
        text.parse()
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentHash({self})")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_hash_is_read_back_from_its_text() {
        let hash = ContentHash::of(b"abc");
        assert_eq!(hash.to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(hash.to_string().parse(), Ok(hash));
        assert_eq!(ContentHash::of_reader(&mut &b"abc"[..]).unwrap(), hash);
    }

    #[test]
    fn any_other_spelling_of_a_hash_is_refused() {
        let hash = ContentHash::of(b"abc").to_string();
        for wrong in ["", "ba78", "../../../etc/passwd", &hash.to_uppercase(), &format!("{hash}00")] {
            assert_eq!(wrong.parse::<ContentHash>(), Err(NotAHash), "{wrong}");
        }
    }
}
