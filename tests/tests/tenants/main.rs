//! Stories of two townships in one database: every address of the server is tried by people of one with the ids of the other,
//! and nothing crosses. An address that no story tries makes `every_address_is_tried_by_strangers` fail.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "stories fail loudly"
)]

mod attempt;
mod attempts;
mod county;
mod crossing;
mod ids;
mod photos;
mod rows;
mod town;
