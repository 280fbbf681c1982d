-- What desks keep for themselves. A view of the ledger: its name, and what its address asks for.
CREATE TABLE views (
    account_id  uuid   NOT NULL REFERENCES accounts (id),
    position    bigint NOT NULL,
    township_id uuid   NOT NULL REFERENCES townships (id),
    name        text   COLLATE "C" NOT NULL,
    query       text   COLLATE "C" NOT NULL,
    PRIMARY KEY (account_id, position)
);

-- Two hazards of which a supervisor said that they are not the same; the smaller id first.
CREATE TABLE told_apart (
    township_id uuid   NOT NULL REFERENCES townships (id),
    one_id      uuid   NOT NULL,
    other_id    uuid   NOT NULL,
    account_id  uuid   NOT NULL REFERENCES accounts (id),
    at_ms       bigint NOT NULL,
    PRIMARY KEY (township_id, one_id, other_id)
);
