//! The Hazard Ledger server: accounts, sync, photos and the ledger over HTTP, on one database and one folder.
//! It decides nothing that a phone must decide too: that is `sync-core`.

#![allow(clippy::duplicate_mod, reason = "the queries of `db/rows/` are compiled once for each database")]

pub mod app;
pub mod auth;
pub mod backup;
pub mod body;
pub mod clock;
pub mod config;
pub mod county;
pub mod create_account;
pub mod data_dir;
pub mod db;
pub mod demo;
pub mod durable;
pub mod error;
pub mod events;
pub mod extract;
pub mod handlers;
pub mod ledger;
pub mod limits;
pub mod logging;
pub mod map;
pub mod metering;
pub mod observe;
pub mod open_files;
pub mod pages;
pub mod photos;
pub mod proxies;
pub mod rate;
pub mod refusal;
pub mod resource;
pub mod routes;
pub mod sync;
pub mod tls;
pub mod transfer;
pub mod verify;

pub use app::{App, Running, start};
