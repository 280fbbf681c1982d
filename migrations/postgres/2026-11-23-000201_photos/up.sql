-- Photos whose bytes are here, and uploads that have begun. The bytes are files: blobs under their hash, uploads by
-- device and hash. A blob belongs to each township that has sent it; the store keeps its bytes once.
CREATE TABLE blobs (
    township_id  uuid NOT NULL REFERENCES townships (id),
    hash         bytea NOT NULL CHECK (octet_length(hash) = 32),
    account_id   uuid NOT NULL REFERENCES accounts (id),
    bytes        bigint NOT NULL CHECK (bytes > 0),
    content_type text COLLATE "C" NOT NULL,
    width        bigint CHECK (width > 0),
    height       bigint CHECK (height > 0),
    facts        text NOT NULL,
    stored_at_ms bigint NOT NULL,
    PRIMARY KEY (township_id, hash)
);

-- `received` bytes are durable on disk; an upload that has all of them becomes a blob and its row goes.
CREATE TABLE uploads (
    device_id     uuid NOT NULL REFERENCES devices (id),
    hash          bytea NOT NULL CHECK (octet_length(hash) = 32),
    township_id   uuid NOT NULL REFERENCES townships (id),
    length        bigint NOT NULL CHECK (length > 0),
    received      bigint NOT NULL CHECK (received >= 0 AND received < length),
    created_at_ms bigint NOT NULL,
    expires_at_ms bigint NOT NULL,
    PRIMARY KEY (device_id, hash)
);

CREATE INDEX uploads_by_hash ON uploads (township_id, hash);
CREATE INDEX uploads_by_expiry ON uploads (expires_at_ms);
