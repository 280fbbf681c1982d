-- Who signed in, what was changed of accounts and phones, which files were taken, which orders were issued. A row is written in
-- the transaction of what it records, and never changed or removed.
CREATE TABLE audit (
    row         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    township_id uuid   NOT NULL REFERENCES townships (id),
    at_ms       bigint NOT NULL,
    act         text   COLLATE "C" NOT NULL,
    -- Who did it, and on which device; of a refused sign-in, whose name was given.
    account_id  uuid   REFERENCES accounts (id),
    device_id   uuid,
    -- To what it was done: an account, a device, a record.
    subject_id  uuid,
    detail      text   COLLATE "C" NOT NULL
);

CREATE INDEX audit_by_township ON audit (township_id, row);
CREATE INDEX audit_by_act ON audit (township_id, act, row);
CREATE INDEX audit_by_account ON audit (township_id, account_id, row);

CREATE FUNCTION audit_is_only_added_to() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'the audit log is only added to'; END $$;
CREATE TRIGGER audit_is_kept BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_is_only_added_to();
