//! Stories of running a server among others: TLS and its renewal, proxies in front, limits under floods. What the server
//! does for those who behave is told elsewhere.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may fail loudly"
)]

mod limits;
mod load;
mod tls;
