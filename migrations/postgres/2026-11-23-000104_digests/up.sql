-- What the states of each part of a township's feed come to, so that a phone can tell whether it holds the same
-- (docs/protocol.md, Digest). A database that has records but no row here is filled at the next start.
CREATE TABLE digests (
    township_id uuid NOT NULL REFERENCES townships (id),
    -- As in records.
    scope       bytea NOT NULL CHECK (octet_length(scope) IN (0, 16)),
    records     bigint NOT NULL CHECK (records >= 0),
    -- The sum of marks modulo 2^64, as a signed number.
    sum         bigint NOT NULL,
    PRIMARY KEY (township_id, scope)
);
