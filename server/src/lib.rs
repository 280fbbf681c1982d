//! The Hazard Ledger server.
pub mod photos;
