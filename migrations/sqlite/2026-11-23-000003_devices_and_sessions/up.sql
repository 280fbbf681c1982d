-- Phones and browsers, the sign-ins on them, and the refresh tokens of each sign-in (only their SHA-256).
CREATE TABLE devices (
    id            BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    township_id   BLOB    NOT NULL REFERENCES townships (id),
    account_id    BLOB    NOT NULL REFERENCES accounts (id),
    name          TEXT    NOT NULL,
    created_at_ms INTEGER NOT NULL,
    seen_at_ms    INTEGER NOT NULL,
    revoked_at_ms INTEGER
) STRICT;

CREATE INDEX devices_by_township ON devices (township_id, account_id);
CREATE INDEX devices_by_account ON devices (account_id);

CREATE TABLE sessions (
    id            BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    township_id   BLOB    NOT NULL REFERENCES townships (id),
    account_id    BLOB    NOT NULL REFERENCES accounts (id),
    device_id     BLOB    NOT NULL REFERENCES devices (id),
    -- The newest generation of refresh tokens that was given out.
    generation    INTEGER NOT NULL,
    created_at_ms INTEGER NOT NULL,
    revoked_at_ms INTEGER,
    revoked_why   TEXT CHECK (revoked_why IN ('logout', 'replaced', 'reused', 'account_changed', 'device_revoked')),
    CHECK ((revoked_at_ms IS NULL) = (revoked_why IS NULL))
) STRICT;

CREATE INDEX sessions_by_device ON sessions (device_id);
CREATE INDEX sessions_by_account ON sessions (account_id);

CREATE TABLE refresh_tokens (
    hash          BLOB    NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
    session_id    BLOB    NOT NULL REFERENCES sessions (id),
    generation    INTEGER NOT NULL,
    issued_at_ms  INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    rotated_at_ms INTEGER
) STRICT;

CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id, expires_at_ms);
