//! Stories over HTTP about photos: uploads by tus that are cut, doubled, damaged and resumed, and photos as they are shown.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may fail loudly"
)]

mod phone;
mod refusals;
mod shown;
mod troubles;
mod uploads;
