//! Tidy checks: rules of this project that no compiler holds, as tests. Each says why when it fails.
//!
//! A rule is a function from the project's files to its findings, so that every rule has two tests: the project keeps
//! it, and a planted breach is found. Rules that clippy or rustfmt hold are not repeated here.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod documents;
mod files;
mod layers;
mod rust_files;
mod tree;
