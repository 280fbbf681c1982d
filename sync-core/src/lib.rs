//! What phone and server decide, in one place: records and their merge, validation, permissions, the derived status of
//! a hazard, the messages of the sync protocol, the client's state machine and the server's decision.
//!
//! Pure: no I/O, clock, randomness, threads or logging. `now`, ids and keys are arguments, so that the same code runs
//! natively and in wasm32 and gives the same bytes.

pub mod carried;
pub mod client;
pub mod comment;
pub mod coverage;
pub mod cursor;
pub mod decision;
pub mod digest;
pub mod dots;
pub mod ids;
pub mod json;
pub mod kinds;
pub mod limits;
pub mod monthly;
pub mod own;
pub mod people;
pub mod permissions;
pub mod protocol;
pub mod record;
mod record_json;
pub mod rules;
pub mod schema;
pub mod settled;
pub mod sorted;
pub mod status;
pub mod time;
pub mod validate;
pub mod version;
mod version_json;
pub mod workdays;
