//! What holds of PostgreSQL beside what holds of every database. Runs when the storage suite is run on PostgreSQL.
