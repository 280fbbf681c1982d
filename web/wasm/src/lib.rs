//! sync-core in the browser: a thin binding without decisions. Texts and plain data come in, sync-core is asked, its
//! answer goes out; what may cross, and in which form, is `docs/decisions/0007-wasm-boundary.md`.
//!
//! `browser` is the only module that knows JavaScript. The others take texts and give data, so that native tests replay
//! the same histories through the same functions.

pub mod browser;
pub mod client;
pub mod fault;
pub mod record;
#[cfg(feature = "typescript")]
pub mod typescript;
pub mod views;
