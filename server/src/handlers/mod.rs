//! The endpoints, a file an area: extract, call one function, answer.

pub mod health;
