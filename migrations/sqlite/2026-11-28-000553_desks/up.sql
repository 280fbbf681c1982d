-- What desks keep for themselves. A view of the ledger: its name, and what its address asks for.
CREATE TABLE views (
    account_id  BLOB    NOT NULL REFERENCES accounts (id),
    position    INTEGER NOT NULL,
    township_id BLOB    NOT NULL REFERENCES townships (id),
    name        TEXT    NOT NULL,
    query       TEXT    NOT NULL,
    PRIMARY KEY (account_id, position)
) STRICT, WITHOUT ROWID;

-- Two hazards of which a supervisor said that they are not the same; the smaller id first.
CREATE TABLE told_apart (
    township_id BLOB    NOT NULL REFERENCES townships (id),
    one_id      BLOB    NOT NULL,
    other_id    BLOB    NOT NULL,
    account_id  BLOB    NOT NULL REFERENCES accounts (id),
    at_ms       INTEGER NOT NULL,
    PRIMARY KEY (township_id, one_id, other_id)
) STRICT, WITHOUT ROWID;
