//! What the stories over HTTP, the fleet and the tidy checks share: a real server in the process, and a client for it.

pub mod server;
