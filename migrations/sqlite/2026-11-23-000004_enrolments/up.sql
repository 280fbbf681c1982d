-- One-time codes that enrol a phone for an account (only their SHA-256).
CREATE TABLE enrolments (
    code_hash     BLOB    NOT NULL PRIMARY KEY CHECK (length(code_hash) = 32),
    township_id   BLOB    NOT NULL REFERENCES townships (id),
    account_id    BLOB    NOT NULL REFERENCES accounts (id),
    created_by    BLOB    NOT NULL REFERENCES accounts (id),
    created_at_ms INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    used_at_ms    INTEGER,
    -- The device that the code enrolled.
    device_id     BLOB REFERENCES devices (id)
) STRICT;

CREATE INDEX enrolments_by_account ON enrolments (account_id);
