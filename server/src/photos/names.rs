//! What things are called in the store of photos: finished bytes by their content, unfinished uploads by their device, previews
//! by their township.

use sync_core::ids::{DeviceId, TownshipId};

use super::hash::ContentHash;
use super::variants::VariantSize;

/// An upload's name: the device that sends, and the SHA-256 that the whole will have.
pub type UploadKey = (DeviceId, ContentHash);

/// Where previews lie in a store, all side by side: they are few, and a sweep lists them.
pub(super) const PREVIEWS: &str = "previews";

/// One stored thing: a photo's original bytes, what was made from them, or what stands for them while they are on their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BlobName {
    /// The SHA-256 of the original bytes, also for what was made from them, and for what claims to be of them.
    pub hash: ContentHash,
    /// Which of the things kept under that hash.
    pub part: BlobPart,
}

/// What is kept under a photo's hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BlobPart {
    /// The bytes as they came.
    Original,
    /// A reduced JPEG; may be deleted at any time and is made again.
    Variant(VariantSize),
    /// Why no variant can be made (JSON), so that the same damaged file is not decoded at every request.
    Refusal,
    /// What a phone of this township says that the photo looks like (a small JPEG), while the original is on its way. Nobody
    /// can check that, so that no other township gets to see it.
    Preview(TownshipId),
}

impl BlobName {
    /// The name of the original bytes with this hash.
    #[must_use]
    pub fn original(hash: ContentHash) -> Self {
        Self { hash, part: BlobPart::Original }
    }

    /// The name of the variant of that size of the photo with this hash.
    #[must_use]
    pub fn variant(hash: ContentHash, size: VariantSize) -> Self {
        Self { hash, part: BlobPart::Variant(size) }
    }

    /// The name of a township's preview of the photo with this hash.
    #[must_use]
    pub fn preview(township: TownshipId, hash: ContentHash) -> Self {
        Self { hash, part: BlobPart::Preview(township) }
    }

    /// Everything that is kept of the bytes with that hash, whosever they are.
    #[must_use]
    pub fn all(hash: ContentHash) -> [Self; 4] {
        let [small, large] = VariantSize::ALL.map(|size| Self::variant(hash, size));
        [Self::refusal(hash), small, large, Self::original(hash)]
    }

    /// Where it lies in a store: `blobs/ab/cd/<hash>`, with `<hash>.256.jpg`, `<hash>.1280.jpg` or `<hash>.refused.json` beside
    /// it; `previews/<township>.<hash>.jpg`.
    #[must_use]
    pub fn path(&self) -> String {
        let text = self.hash.to_string();
        let end = match self.part {
            BlobPart::Original => String::new(),
            BlobPart::Variant(size) => format!(".{}.jpg", size.long_edge_px()),
            BlobPart::Refusal => ".refused.json".to_owned(),
            BlobPart::Preview(township) => return format!("{PREVIEWS}/{township}.{text}.jpg"),
        };
        let folders = (text.get(..2).unwrap_or_default(), text.get(2..4).unwrap_or_default());
        format!("blobs/{}/{}/{text}{end}", folders.0, folders.1)
    }

    /// The name of the note that says why the photo with this hash has no variants.
    #[must_use]
    pub fn refusal(hash: ContentHash) -> Self {
        Self { hash, part: BlobPart::Refusal }
    }
}

/// Whose preview a file or an object is, and of what.
pub(super) fn read_preview_name(name: &str) -> Option<(TownshipId, ContentHash)> {
    let (township, hash) = name.strip_suffix(".jpg")?.split_once('.')?;
    Some((township.parse().ok()?, hash.parse().ok()?))
}

/// Whose upload a name is.
pub(super) fn read_upload_name(name: &str) -> Option<UploadKey> {
    let (device, hash) = name.split_once('.')?;
    Some((device.parse().ok()?, hash.parse().ok()?))
}

/// The name of an upload's file, or of the folder of its objects.
pub(super) fn upload_name((device, hash): UploadKey) -> String {
    format!("{device}.{hash}")
}
