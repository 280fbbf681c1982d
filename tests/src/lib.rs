//! What the test programs share: the phone fleet, the harness of a real server, the local limit of ingest.

pub mod plain_rows;
