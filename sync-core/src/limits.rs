//! Every limit of the protocol on one page, with its unit and its reason. The server's own limits (queues, images,
//! rates) stand in its configuration; these are what both ends must agree on.

/// Versions in one push. At about 1 KB each a batch stays near half a megabyte: seconds on 2G, and one short transaction.
pub const BATCH_VERSIONS_MAX: usize = 500;

/// Bytes of one version as sent. The longest declared texts of one hazard fit four times over.
pub const VERSION_BYTES_MAX: usize = 64 * 1024;

/// Bytes of a sync request's body after decompression: a full batch of ordinary versions, with room.
pub const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Changed fields in one version: a checklist of 200 items with notes fits.
pub const CHANGES_MAX: usize = 512;

/// Bytes of a field path (`field` or `field/key`).
pub const PATH_BYTES_MAX: usize = 160;

/// Characters of a refusal's words that a sender may bring along from an earlier life of the server. Ours are shorter.
pub const REFUSAL_DETAIL_CHARS_MAX: usize = 500;

/// Characters of a kind's name.
pub const KIND_CHARS_MAX: usize = 40;

/// Entries of a version's context. One record is written by a handful of phones; 500 is the design's growth bound.
pub const CONTEXT_REPLICAS_MAX: usize = 512;

/// Nesting of a value, the members and fields that only a newer client knows included.
pub const VALUE_DEPTH_MAX: usize = 8;

/// Record deltas in one answer to a pull.
pub const PULL_RECORDS_MAX: usize = 500;

/// Bytes of record states after which an answer to a pull is closed, so that a cut link loses little.
pub const PULL_BYTES_MAX: usize = 1024 * 1024;

/// Bytes of the text of a batch that travels as a file: some 30,000 versions, months of one phone's work.
pub const CARRIED_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Marks in one answer to a comparison, after which no further bucket is begun: about 200 KB.
pub const MARKS_MAX: usize = 4_000;

/// Photo hashes that one sync request may ask about.
pub const PHOTOS_ASKED_MAX: usize = 500;

/// Bytes of one photo. Phones reduce to about 1 MB; an original of 12 MP is 2–6 MB; scans may be larger.
pub const PHOTO_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// The largest sequence number of a replica: what a JavaScript number holds exactly (2^53 − 1).
pub const SEQ_MAX: u64 = 9_007_199_254_740_991;

/// The latest instant accepted in a stamp or a timestamp field, in ms since 1970: the end of the year 9999.
pub const TIME_MS_MAX: u64 = 253_402_300_799_999;
