//! Photos whose bytes are stored, and uploads that have begun: rows beside their queries. The bytes are files (`photos`).

use sync_core::ids::{AccountId, DeviceId, TownshipId};
use sync_core::time::Ms;

use super::DbError;
use crate::photos::hash::ContentHash;

/// A photo of a township whose bytes are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// Whose photo it is.
    pub township: TownshipId,
    /// SHA-256 of its bytes.
    pub hash: ContentHash,
    /// Who sent it first.
    pub account: AccountId,
    /// Its length in bytes.
    pub bytes: u64,
    /// What its first bytes say that it is; never what the client said.
    pub content_type: String,
    /// Width and height in pixels as shown, where the format is known.
    pub size_px: Option<(u32, u32)>,
    /// `photos::exif::PhotoFacts` as JSON.
    pub facts: String,
    /// When its last byte was stored, or when a phone last offered it again.
    pub stored_at_ms: Ms,
}

/// An upload that has begun and is not finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// The device that sends.
    pub device: DeviceId,
    /// SHA-256 that the whole will have.
    pub hash: ContentHash,
    /// The device's township.
    pub township: TownshipId,
    /// Bytes of the whole.
    pub length: u64,
    /// Bytes that are durable on disk; fewer than `length`.
    pub received: u64,
    /// When it began.
    pub created_at_ms: Ms,
    /// When it is forgotten, unless more bytes come.
    pub expires_at_ms: Ms,
}

/// Questions about photos' bytes.
pub trait BlobTx {
    /// A township's photo with this hash, if its bytes are stored.
    ///
    /// # Errors
    /// The database failed.
    fn blob(&mut self, township: TownshipId, hash: ContentHash) -> Result<Option<Blob>, DbError>;

    /// Those of `asked` whose bytes the township has not got, in the order asked.
    ///
    /// # Errors
    /// The database failed.
    fn blobs_lacking(&mut self, township: TownshipId, asked: &[ContentHash]) -> Result<Vec<ContentHash>, DbError>;

    /// Those of `asked` whose bytes the township's rows say are stored, and how many bytes, in no order.
    ///
    /// # Errors
    /// The database failed.
    fn blobs_noted(&mut self, township: TownshipId, asked: &[ContentHash]) -> Result<Vec<(ContentHash, u64)>, DbError>;

    /// Forgets a photo in every township; its bytes are lost.
    ///
    /// # Errors
    /// The database failed.
    fn forget_blob(&mut self, hash: ContentHash) -> Result<(), DbError>;

    /// Notes that a photo's bytes are stored. Where that is known already, the bytes were lost and have come again: what they
    /// say now counts, and who sent them first stays.
    ///
    /// # Errors
    /// The database failed, or the bytes are being removed (`Conflict`).
    fn insert_blob(&mut self, blob: &Blob) -> Result<(), DbError>;

    /// Notes that a phone has offered a stored photo again; says whether it is still there.
    ///
    /// # Errors
    /// The database failed.
    fn renew_blob(&mut self, township: TownshipId, hash: ContentHash, now_ms: Ms) -> Result<bool, DbError>;

    /// Photos of all townships that no photo record names and that were stored, or offered, at or before `until_ms`: those
    /// after `after`, by township and hash, at most `limit`.
    ///
    /// # Errors
    /// The database failed.
    fn idle_blobs(
        &mut self,
        until_ms: Ms,
        after: Option<(TownshipId, ContentHash)>,
        limit: u32,
    ) -> Result<Vec<(TownshipId, ContentHash)>, DbError>;

    /// The number of the township's latest version, for [`BlobTx::is_told_of`]; 0 when it has none.
    ///
    /// # Errors
    /// The database failed.
    fn latest_version(&mut self, township: TownshipId) -> Result<i64, DbError>;

    /// Whether the hash stands in any version that a phone of the township has sent since the one of that number: in
    /// records, in their history, in quarantine, in kinds that are not known here. Reads all of them.
    ///
    /// # Errors
    /// The database failed.
    fn is_told_of(&mut self, township: TownshipId, hash: ContentHash, since: i64) -> Result<bool, DbError>;

    /// Forgets a township's photo unless an upload of these bytes is open anywhere or it was offered since `until_ms`; where
    /// no other township has it, its bytes are condemned. Says whether they are. Only within [`Scope::Whole`].
    ///
    /// [`Scope::Whole`]: super::Scope::Whole
    ///
    /// # Errors
    /// The database failed.
    fn condemn_blob(
        &mut self,
        township: TownshipId,
        hash: ContentHash,
        until_ms: Ms,
        now_ms: Ms,
    ) -> Result<bool, DbError>;

    /// Condemns bytes that may lie in the store although no township has noted them, unless an upload of them is open or a
    /// township has them. Says whether they are condemned. Only within [`Scope::Whole`].
    ///
    /// [`Scope::Whole`]: super::Scope::Whole
    ///
    /// # Errors
    /// The database failed.
    fn condemn_bytes(&mut self, hash: ContentHash, now_ms: Ms) -> Result<bool, DbError>;

    /// Whether the bytes with this hash are being removed.
    ///
    /// # Errors
    /// The database failed.
    fn is_condemned(&mut self, hash: ContentHash) -> Result<bool, DbError>;

    /// Hashes whose bytes are being removed, by when they were condemned and by hash: those after `after`, at most `limit`.
    ///
    /// # Errors
    /// The database failed.
    fn condemned(&mut self, after: Option<(Ms, ContentHash)>, limit: u32) -> Result<Vec<(Ms, ContentHash)>, DbError>;

    /// Takes the removal of condemned bytes upon one server until `until_ms`; says whether it may go on. It may not when
    /// another has it at `now_ms`, when they are not condemned any more, and when a township has the photo again, which
    /// absolves it. Only within [`Scope::Whole`].
    ///
    /// [`Scope::Whole`]: super::Scope::Whole
    ///
    /// # Errors
    /// The database failed.
    fn take_removal(&mut self, hash: ContentHash, now_ms: Ms, until_ms: Ms) -> Result<bool, DbError>;

    /// Notes that the bytes with this hash are removed.
    ///
    /// # Errors
    /// The database failed.
    fn absolve(&mut self, hash: ContentHash) -> Result<(), DbError>;

    /// A device's upload of the bytes with this hash.
    ///
    /// # Errors
    /// The database failed.
    fn upload(&mut self, device: DeviceId, hash: ContentHash) -> Result<Option<Upload>, DbError>;

    /// How many uploads a device has open.
    ///
    /// # Errors
    /// The database failed.
    fn open_uploads(&mut self, device: DeviceId) -> Result<u64, DbError>;

    /// Begins an upload.
    ///
    /// # Errors
    /// The database failed, or the device uploads these bytes already (`Conflict`).
    fn insert_upload(&mut self, upload: &Upload) -> Result<(), DbError>;

    /// Moves an upload on (or back, where bytes were lost) if it still stands at `from` bytes; says whether it did.
    ///
    /// # Errors
    /// The database failed.
    fn move_upload(
        &mut self,
        device: DeviceId,
        hash: ContentHash,
        from: u64,
        to: u64,
        expires_at_ms: Ms,
    ) -> Result<bool, DbError>;

    /// Forgets an upload; says whether there was one.
    ///
    /// # Errors
    /// The database failed.
    fn delete_upload(&mut self, device: DeviceId, hash: ContentHash) -> Result<bool, DbError>;

    /// Forgets an upload that expired at or before `now_ms`; says whether it did. One that has moved on since stays.
    ///
    /// # Errors
    /// The database failed.
    fn expire_upload(&mut self, device: DeviceId, hash: ContentHash, now_ms: Ms) -> Result<bool, DbError>;

    /// Uploads that expired at or before `now_ms`, at most `limit`.
    ///
    /// # Errors
    /// The database failed.
    fn expired_uploads(&mut self, now_ms: Ms, limit: u32) -> Result<Vec<Upload>, DbError>;
}
