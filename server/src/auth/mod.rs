//! Who is asking: passwords, access tokens, sessions and their rotation, enrolment codes, throttling. The endpoints are
//! in `handlers/`, the rows in `db/`.

pub mod token;
