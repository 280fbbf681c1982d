-- One-time codes that enrol a phone for an account (only their SHA-256).
CREATE TABLE enrolments (
    code_hash     bytea NOT NULL PRIMARY KEY CHECK (octet_length(code_hash) = 32),
    township_id   uuid NOT NULL REFERENCES townships (id),
    account_id    uuid NOT NULL REFERENCES accounts (id),
    created_by    uuid NOT NULL REFERENCES accounts (id),
    created_at_ms bigint NOT NULL,
    expires_at_ms bigint NOT NULL,
    used_at_ms    bigint,
    -- The device that the code enrolled.
    device_id     uuid REFERENCES devices (id)
);

CREATE INDEX enrolments_by_account ON enrolments (account_id);
