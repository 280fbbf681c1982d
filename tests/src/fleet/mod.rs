//! The phone fleet: simulated phones replay real fire inspections over real HTTP against the real server, through a link
//! that is cut, delayed and repeated on purpose, with phones that crash and a server that is killed; at the end the ledger
//! is verified against the data set, field by field.
//!
//! | part | files |
//! |---|---|
//! | what happens, and what must be true afterwards | `csv`, `mapping`, `script`, `plants`, `photos`, `oracle` |
//! | a phone and its way to the server | `phone`, `journal`, `member`, `crash`, `wire`, `session`, `tus`, `link` |
//! | the other actors | `office`, `server_process` |
//! | the run and its verdict | `setup`, `run`, `verify`, `verify_rows`, `findings`, `measures`, `report` |

pub mod crash;
pub mod csv;
pub mod findings;
pub mod journal;
pub mod link;
pub mod mapping;
pub mod measures;
pub mod member;
pub mod office;
pub mod options;
pub mod oracle;
pub mod pace;
pub mod phone;
pub mod photos;
pub mod plants;
pub mod report;
pub mod run;
pub mod script;
pub mod seeds;
pub mod server_process;
pub mod servers;
pub mod session;
pub mod setup;
pub mod trouble;
pub mod tus;
pub mod verify;
pub mod verify_rows;
pub mod wire;
