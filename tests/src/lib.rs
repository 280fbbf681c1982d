//! What the stories over HTTP share, and the phone fleet.

pub mod fleet;
