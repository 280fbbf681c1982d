//! A batch that travels as a file, carried by hand where there is no network, and the receipts that go back the same way
//! (protocol: Batch as a file). What they hold and how they are sealed; who packs photos beside them is the shell's.

use hmac::{Hmac, KeyInit, Mac};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::digest::Mark;
use crate::ids::{AccountId, DeviceId, ReplicaId};
use crate::json;
use crate::protocol::{Push, PushAnswer};
use crate::time::Ms;

/// The key that a device and the server share: what a device seals was written by somebody who had it in hand, and a
/// receipt that the server sealed was made by it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SealKey(pub [u8; 32]);

impl std::fmt::Debug for SealKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealKey")
    }
}

impl SealKey {
    /// The key of a device, from the server's secret.
    #[must_use]
    pub fn of_device(secret: &[u8], device: DeviceId) -> Self {
        let Some(mac) = mac(secret) else { return Self([0; 32]) };
        Self(mac.chain_update(b"hazard-ledger seal").chain_update(device.0.as_bytes()).finalize().into_bytes().into())
    }

    /// Lower-case hex, as the answer to a sign-in has it.
    #[must_use]
    pub fn hex(&self) -> String {
        base16ct::lower::encode_string(&self.0)
    }

    /// The key from its hex digits.
    #[must_use]
    pub fn from_hex(hex: &str) -> Option<Self> {
        read_hex(hex).map(Self)
    }
}

fn mac(key: &[u8]) -> Option<Hmac<Sha256>> {
    Hmac::new_from_slice(key).ok()
}

/// What a phone gives away: everything that waits in its outbox, and which photos come with it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Carried {
    /// Whose outbox it is.
    pub account: AccountId,
    /// On which device.
    pub device: DeviceId,
    /// The phone's wall clock when the file was made.
    pub sent_at_ms: Ms,
    /// Batches, in the order in which they are to be taken.
    pub pushes: Vec<Push>,
    /// SHA-256 (hex) of photos whose bytes come with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub photos: Vec<String>,
    /// Whether everything that waited is in it; otherwise the text would have been too long.
    pub is_whole: bool,
}

impl Carried {
    /// The marks of a batch's versions, as its receipt names them.
    #[must_use]
    pub fn marks(push: &Push) -> Vec<Mark> {
        push.versions.iter().map(|version| Mark::of_json(version.get())).collect()
    }
}

/// What the server gives back for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipts {
    /// Whose outbox it was.
    pub account: AccountId,
    /// On which device.
    pub device: DeviceId,
    /// The server's wall clock.
    pub now_ms: Ms,
    /// The life of the server's data in which they were given: in another they are worth nothing.
    pub epoch: String,
    /// The answer to each batch.
    pub pushes: Vec<Receipt>,
    /// Those of the photos whose bytes the server has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub photos_received: Vec<String>,
    /// Those whose bytes it lacks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub photos_wanted: Vec<String>,
}

/// The answer to one batch of a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// Whose batch.
    pub replica: ReplicaId,
    /// The marks of the versions that were taken in, in their order ([`Mark::of_json`] of the bytes): a phone that came
    /// back from a backup may hold others under the same numbers.
    pub marks: Vec<Mark>,
    /// What became of it.
    pub answer: PushAnswer,
}

/// What kind of text was sealed: a receipt is never taken for a batch.
pub trait Sealed: Serialize + DeserializeOwned {
    /// The first word of the text.
    const NAME: &'static str;
}

impl Sealed for Carried {
    const NAME: &'static str = "hazard-ledger-batch-1";
}

impl Sealed for Receipts {
    const NAME: &'static str = "hazard-ledger-receipts-1";
}

/// Why a text is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsealed {
    /// It is of another kind, of a later version, or was cut off.
    #[error("this is no such file, or only a part of one")]
    NotThis,
    /// It was changed on its way, or is another device's.
    #[error("the file was changed, or belongs to another device")]
    Forged,
}

/// The text of a sealed value: its name, the seal, and the JSON on a line of its own.
#[must_use]
pub fn seal<T: Sealed>(key: &SealKey, value: &T) -> String {
    let body = serde_json::to_string(value).unwrap_or_default();
    let tag = mac(&key.0).map(|mac| {
        let tag = mac.chain_update(T::NAME).chain_update(b"\n").chain_update(&body).finalize().into_bytes();
        base16ct::lower::encode_string(&tag)
    });
    format!("{} {}\n{body}\n", T::NAME, tag.unwrap_or_default())
}

/// What a text says without proof: only to find the key by which to [`open`] it.
///
/// # Errors
/// [`Unsealed::NotThis`].
pub fn peek<T: Sealed>(text: &str) -> Result<T, Unsealed> {
    let (_, body) = parts::<T>(text)?;
    json::from_str(body).map_err(|_| Unsealed::NotThis)
}

/// The value of a text that was sealed with this key.
///
/// # Errors
/// [`Unsealed`].
pub fn open<T: Sealed>(key: &SealKey, text: &str) -> Result<T, Unsealed> {
    let (tag, body) = parts::<T>(text)?;
    let tag = read_hex(tag).ok_or(Unsealed::NotThis)?;
    let mac = mac(&key.0).ok_or(Unsealed::Forged)?;
    let mac = mac.chain_update(T::NAME).chain_update(b"\n").chain_update(body);
    mac.verify_slice(&tag).map_err(|_| Unsealed::Forged)?;
    json::from_str(body).map_err(|_| Unsealed::NotThis)
}

fn read_hex(hex: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let read = base16ct::lower::decode(hex, &mut bytes).is_ok_and(|read| read.len() == 32);
    read.then_some(bytes)
}

fn parts<T: Sealed>(text: &str) -> Result<(&str, &str), Unsealed> {
    let (head, body) = text.split_once('\n').ok_or(Unsealed::NotThis)?;
    let (name, tag) = head.trim_end().split_once(' ').ok_or(Unsealed::NotThis)?;
    let body = body.trim_end();
    if name != T::NAME || body.is_empty() { Err(Unsealed::NotThis) } else { Ok((tag, body)) }
}
