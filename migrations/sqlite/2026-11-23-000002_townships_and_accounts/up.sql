-- Tenants, and the people who sign in. Ids are 16-byte UUIDs, times are ms since 1970.
CREATE TABLE townships (
    id            BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name          TEXT    NOT NULL UNIQUE,
    created_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE accounts (
    id             BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    township_id    BLOB    NOT NULL REFERENCES townships (id),
    username       TEXT    NOT NULL UNIQUE CHECK (length(username) BETWEEN 1 AND 64),
    display_name   TEXT    NOT NULL,
    role           TEXT    NOT NULL CHECK (role IN ('inspector', 'supervisor', 'leader', 'admin')),
    -- An Argon2id PHC string; NULL: this account signs in by enrolment codes only.
    password_hash  TEXT,
    disabled_at_ms INTEGER,
    created_at_ms  INTEGER NOT NULL,
    updated_at_ms  INTEGER NOT NULL
) STRICT;

CREATE INDEX accounts_by_township ON accounts (township_id, username);

-- The villages an inspector is appointed to.
CREATE TABLE account_villages (
    account_id BLOB NOT NULL REFERENCES accounts (id),
    village_id BLOB NOT NULL CHECK (length(village_id) = 16),
    PRIMARY KEY (account_id, village_id)
) STRICT;
