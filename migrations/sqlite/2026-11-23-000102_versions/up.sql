-- Everything that ever arrived, byte for byte and append-only: who sent it, when, what became of it.
CREATE TABLE replicas (
    id          BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    township_id BLOB    NOT NULL REFERENCES townships (id),
    -- Whose replica it is: a replica belongs to one account on one device.
    account_id  BLOB    NOT NULL,
    device_id   BLOB    NOT NULL,
    -- The highest sequence number that was taken; everything below was taken too.
    highest     INTEGER NOT NULL,
    seen_at_ms  INTEGER NOT NULL
) STRICT;

CREATE TABLE versions (
    row             INTEGER PRIMARY KEY,
    replica_id      BLOB    NOT NULL CHECK (length(replica_id) = 16),
    seq             INTEGER NOT NULL CHECK (seq > 0),
    township_id     BLOB    NOT NULL,
    -- NULL: quarantined, and it names no record that could be read.
    record_id       BLOB,
    -- SHA-256 of the body.
    fingerprint     BLOB    NOT NULL CHECK (length(fingerprint) = 32),
    received_at_ms  INTEGER NOT NULL,
    -- How far the sender's clock was ahead of the server's when it sent.
    clock_offset_ms INTEGER NOT NULL,
    -- NULL: merged without more to say; else the outcome as JSON (docs/protocol.md, Outcomes).
    outcome         TEXT,
    body            TEXT    NOT NULL
) STRICT;

CREATE UNIQUE INDEX versions_by_dot ON versions (replica_id, seq);
CREATE INDEX versions_by_record ON versions (township_id, record_id, row) WHERE record_id IS NOT NULL;

CREATE TABLE quarantine (
    replica_id     BLOB    NOT NULL,
    seq            INTEGER NOT NULL,
    township_id    BLOB    NOT NULL,
    account_id     BLOB    NOT NULL,
    received_at_ms INTEGER NOT NULL,
    code           TEXT    NOT NULL,
    field          TEXT,
    detail         TEXT    NOT NULL,
    -- Set when a supervisor has dealt with it: the dot under which it was written anew, or the reason why it was not.
    settled_at_ms  INTEGER,
    settled_by     BLOB,
    settlement     TEXT,
    PRIMARY KEY (replica_id, seq),
    FOREIGN KEY (replica_id, seq) REFERENCES versions (replica_id, seq),
    CHECK ((settled_at_ms IS NULL) = (settlement IS NULL))
) STRICT;

CREATE INDEX quarantine_open ON quarantine (township_id, received_at_ms) WHERE settled_at_ms IS NULL;
