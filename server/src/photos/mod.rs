//! Photos: bytes that arrive by resumable uploads, kept once under their SHA-256, read for time and place, and shown in
//! two reduced sizes. Which photo belongs to which record is the ledger's business, not this module's.

pub mod exif;
pub mod hash;
#[cfg(test)]
mod samples;
pub mod store;
pub mod variants;
