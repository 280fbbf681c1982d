//! Who is asking: passwords, access tokens, sessions and their rotation, enrolment codes, throttling, and who may do
//! what to accounts and devices. The endpoints are in `handlers/`, the rows in `db/`.

pub mod account_rules;
pub mod password;
pub mod permission;
pub mod rotation;
pub mod secret;
pub mod sign_in;
pub mod throttle;
pub mod token;
