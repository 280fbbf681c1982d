-- Phones and browsers, the sign-ins on them, and the refresh tokens of each sign-in (only their SHA-256).
CREATE TABLE devices (
    id            uuid NOT NULL PRIMARY KEY,
    township_id   uuid NOT NULL REFERENCES townships (id),
    account_id    uuid NOT NULL REFERENCES accounts (id),
    name          text COLLATE "C" NOT NULL,
    created_at_ms bigint NOT NULL,
    seen_at_ms    bigint NOT NULL,
    revoked_at_ms bigint
);

CREATE INDEX devices_by_township ON devices (township_id, account_id);
CREATE INDEX devices_by_account ON devices (account_id);

CREATE TABLE sessions (
    id            uuid NOT NULL PRIMARY KEY,
    township_id   uuid NOT NULL REFERENCES townships (id),
    account_id    uuid NOT NULL REFERENCES accounts (id),
    device_id     uuid NOT NULL REFERENCES devices (id),
    -- The newest generation of refresh tokens that was given out.
    generation    bigint NOT NULL,
    created_at_ms bigint NOT NULL,
    revoked_at_ms bigint,
    revoked_why   text COLLATE "C" CHECK (revoked_why IN ('logout', 'replaced', 'reused', 'account_changed', 'device_revoked')),
    CHECK ((revoked_at_ms IS NULL) = (revoked_why IS NULL))
);

CREATE INDEX sessions_by_device ON sessions (device_id);
CREATE INDEX sessions_by_account ON sessions (account_id);

CREATE TABLE refresh_tokens (
    hash          bytea NOT NULL PRIMARY KEY CHECK (octet_length(hash) = 32),
    session_id    uuid NOT NULL REFERENCES sessions (id),
    generation    bigint NOT NULL,
    issued_at_ms  bigint NOT NULL,
    expires_at_ms bigint NOT NULL,
    rotated_at_ms bigint
);

CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id, expires_at_ms);
