//! How the server's cost grows with its ledger: filling one of any size, asking it what phones and the office ask, and
//! the phone that takes it all. What is measured and printed is `bin/growth.rs`.

pub mod fill;
pub mod phone;
pub mod plain;

/// What went wrong with a measurement.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
