//! The ledger as the office reads it: what is derived from records (`project`), the questions that are asked of it
//! (`read`), and deriving it anew (`rebuild`).

mod columns;
pub mod comments;
pub mod digests;
pub mod duplicates;
pub mod export;
pub mod likeness;
pub mod places;
pub mod project;
pub mod reach;
pub mod read;
pub mod rebuild;
pub mod setting;
mod table;
pub mod visits;
mod workbook;
