//! The endpoints, a file an area: extract, call one function, answer.

pub mod accounts;
pub mod audit;
pub mod auth;
pub mod calendar;
pub mod campaigns;
pub mod carried;
pub mod comments;
pub mod devices;
pub mod duplicates;
pub mod events;
pub mod export;
pub mod health;
pub mod ledger;
pub mod map;
pub mod office;
pub mod overview;
pub mod page;
pub mod pages;
pub mod photos;
pub mod review;
pub mod saved;
pub mod sync;
pub mod townships;
pub mod uploads;
pub mod views;
