-- Who signed in, what was changed of accounts and phones, which files were taken, which orders were issued. A row is written in
-- the transaction of what it records, and never changed or removed.
CREATE TABLE audit (
    row         INTEGER PRIMARY KEY,
    township_id BLOB    NOT NULL REFERENCES townships (id),
    at_ms       INTEGER NOT NULL,
    act         TEXT    NOT NULL,
    -- Who did it, and on which device; of a refused sign-in, whose name was given.
    account_id  BLOB    REFERENCES accounts (id),
    device_id   BLOB,
    -- To what it was done: an account, a device, a record.
    subject_id  BLOB,
    detail      TEXT    NOT NULL
) STRICT;

CREATE INDEX audit_by_township ON audit (township_id, row);
CREATE INDEX audit_by_act ON audit (township_id, act, row);
CREATE INDEX audit_by_account ON audit (township_id, account_id, row);

CREATE TRIGGER audit_stays_as_written BEFORE UPDATE ON audit BEGIN SELECT raise(ABORT, 'the audit log is only added to'); END;
CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit BEGIN SELECT raise(ABORT, 'the audit log is only added to'); END;
