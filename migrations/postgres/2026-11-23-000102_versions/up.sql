-- Everything that ever arrived, byte for byte and append-only: who sent it, when, what became of it.
CREATE TABLE replicas (
    id          uuid NOT NULL PRIMARY KEY,
    township_id uuid NOT NULL REFERENCES townships (id),
    -- Whose replica it is: a replica belongs to one account on one device.
    account_id  uuid NOT NULL,
    device_id   uuid NOT NULL,
    -- The highest sequence number that was taken; everything below was taken too.
    highest     bigint NOT NULL,
    seen_at_ms  bigint NOT NULL
);

CREATE TABLE versions (
    row             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    replica_id      uuid NOT NULL,
    seq             bigint NOT NULL CHECK (seq > 0),
    township_id     uuid NOT NULL,
    -- NULL: quarantined, and it names no record that could be read.
    record_id       uuid,
    -- SHA-256 of the body.
    fingerprint     bytea NOT NULL CHECK (octet_length(fingerprint) = 32),
    received_at_ms  bigint NOT NULL,
    -- How far the sender's clock was ahead of the server's when it sent.
    clock_offset_ms bigint NOT NULL,
    -- NULL: merged without more to say; else the outcome as JSON (docs/protocol.md, Outcomes).
    outcome         text,
    body            text NOT NULL
);

CREATE UNIQUE INDEX versions_by_dot ON versions (replica_id, seq);
CREATE INDEX versions_by_record ON versions (township_id, record_id, row) WHERE record_id IS NOT NULL;

CREATE TABLE quarantine (
    replica_id     uuid NOT NULL,
    seq            bigint NOT NULL,
    township_id    uuid NOT NULL,
    account_id     uuid NOT NULL,
    received_at_ms bigint NOT NULL,
    code           text COLLATE "C" NOT NULL,
    field          text COLLATE "C",
    detail         text NOT NULL,
    -- Set when a supervisor has dealt with it: the dot under which it was written anew, or the reason why it was not.
    settled_at_ms  bigint,
    settled_by     uuid,
    settlement     text COLLATE "C",
    PRIMARY KEY (replica_id, seq),
    FOREIGN KEY (replica_id, seq) REFERENCES versions (replica_id, seq),
    CHECK ((settled_at_ms IS NULL) = (settlement IS NULL))
);

CREATE INDEX quarantine_open ON quarantine (township_id, received_at_ms) WHERE settled_at_ms IS NULL;
