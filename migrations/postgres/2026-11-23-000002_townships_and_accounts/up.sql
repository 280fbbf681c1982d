-- Tenants, and the people who sign in. Ids are 16-byte UUIDs, times are ms since 1970.
CREATE TABLE townships (
    id            uuid NOT NULL PRIMARY KEY,
    name          text COLLATE "C" NOT NULL UNIQUE,
    created_at_ms bigint NOT NULL
);

CREATE TABLE accounts (
    id             uuid NOT NULL PRIMARY KEY,
    township_id    uuid NOT NULL REFERENCES townships (id),
    username       text COLLATE "C" NOT NULL UNIQUE CHECK (length(username) BETWEEN 1 AND 64),
    display_name   text COLLATE "C" NOT NULL,
    role           text COLLATE "C" NOT NULL CHECK (role IN ('inspector', 'supervisor', 'leader', 'admin')),
    -- An Argon2id PHC string; NULL: this account signs in by enrolment codes only.
    password_hash  text COLLATE "C",
    disabled_at_ms bigint,
    created_at_ms  bigint NOT NULL,
    updated_at_ms  bigint NOT NULL
);

CREATE INDEX accounts_by_township ON accounts (township_id, username);

-- The villages an inspector is appointed to.
CREATE TABLE account_villages (
    account_id uuid NOT NULL REFERENCES accounts (id),
    village_id uuid NOT NULL,
    PRIMARY KEY (account_id, village_id)
);
