-- Photos whose bytes are here, and uploads that have begun. The bytes are files: blobs under their hash, uploads by
-- device and hash. A blob belongs to each township that has sent it; the store keeps its bytes once.
CREATE TABLE blobs (
    township_id  BLOB    NOT NULL REFERENCES townships (id),
    hash         BLOB    NOT NULL CHECK (length(hash) = 32),
    account_id   BLOB    NOT NULL REFERENCES accounts (id),
    bytes        INTEGER NOT NULL CHECK (bytes > 0),
    content_type TEXT    NOT NULL,
    width        INTEGER CHECK (width > 0),
    height       INTEGER CHECK (height > 0),
    facts        TEXT    NOT NULL,
    stored_at_ms INTEGER NOT NULL,
    PRIMARY KEY (township_id, hash)
) STRICT, WITHOUT ROWID;

-- `received` bytes are durable on disk; an upload that has all of them becomes a blob and its row goes.
CREATE TABLE uploads (
    device_id     BLOB    NOT NULL REFERENCES devices (id),
    hash          BLOB    NOT NULL CHECK (length(hash) = 32),
    township_id   BLOB    NOT NULL REFERENCES townships (id),
    length        INTEGER NOT NULL CHECK (length > 0),
    received      INTEGER NOT NULL CHECK (received >= 0 AND received < length),
    created_at_ms INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    PRIMARY KEY (device_id, hash)
) STRICT, WITHOUT ROWID;

CREATE INDEX uploads_by_hash ON uploads (township_id, hash);
CREATE INDEX uploads_by_expiry ON uploads (expires_at_ms);
