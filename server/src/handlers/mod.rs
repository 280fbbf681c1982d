//! The endpoints, a file an area: extract, call one function, answer.

pub mod health;
pub mod ledger;
pub mod page;
pub mod review;
pub mod sync;
