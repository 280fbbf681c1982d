-- What is read often, derived from `records` in the transaction that changes them; `rebuild` makes it anew and compares.

-- Which orders, rectifications, re-inspections and escalations speak of which hazard.
CREATE TABLE mentions (
    township_id BLOB NOT NULL,
    hazard_id   BLOB NOT NULL,
    record_id   BLOB NOT NULL,
    PRIMARY KEY (township_id, hazard_id, record_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE hazards (
    row            INTEGER PRIMARY KEY,
    township_id    BLOB    NOT NULL,
    id             BLOB    NOT NULL,
    village_id     BLOB,
    site_id        BLOB,
    sector         TEXT    NOT NULL,
    is_major       INTEGER NOT NULL CHECK (is_major IN (0, 1)),
    status         TEXT    NOT NULL CHECK (status IN ('reported', 'ordered', 'rectified', 'closed')),
    is_suspended   INTEGER NOT NULL CHECK (is_suspended IN (0, 1)),
    is_escalated   INTEGER NOT NULL CHECK (is_escalated IN (0, 1)),
    is_void        INTEGER NOT NULL CHECK (is_void IN (0, 1)),
    deadline       TEXT,
    found_at_ms    INTEGER NOT NULL,
    closed_at_ms   INTEGER,
    description    TEXT    NOT NULL
) STRICT;

CREATE UNIQUE INDEX hazards_by_id ON hazards (township_id, id);
CREATE INDEX hazards_by_time ON hazards (township_id, found_at_ms, id);
CREATE INDEX hazards_by_village ON hazards (township_id, village_id, found_at_ms, id);
CREATE INDEX hazards_by_deadline ON hazards (township_id, deadline) WHERE status <> 'closed' AND deadline IS NOT NULL;

-- The fields on which a supervisor is asked.
CREATE TABLE conflicts (
    township_id BLOB    NOT NULL,
    record_id   BLOB    NOT NULL,
    path        TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    village_id  BLOB,
    PRIMARY KEY (township_id, record_id, path)
) STRICT, WITHOUT ROWID;

-- Which photo records speak of which bytes: who may see them, and which are still on their way.
CREATE TABLE photo_records (
    township_id BLOB NOT NULL,
    hash        BLOB NOT NULL CHECK (length(hash) = 32),
    record_id   BLOB NOT NULL,
    subject_id  BLOB NOT NULL,
    village_id  BLOB,
    PRIMARY KEY (township_id, hash, record_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX photo_records_by_subject ON photo_records (township_id, subject_id);
