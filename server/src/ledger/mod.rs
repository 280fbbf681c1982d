//! The ledger as the office reads it: what is derived from records (`project`), and the questions that are asked of it
//! (`read`). Everything here can be made anew from the records (`rebuild`).

pub mod project;
pub mod read;
