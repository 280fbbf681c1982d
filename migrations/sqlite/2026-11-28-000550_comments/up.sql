-- Comments on records, and where each return stands: derived from `records` in the transaction that changes them.
CREATE TABLE comments (
    township_id BLOB NOT NULL,
    record_id   BLOB NOT NULL,
    subject_id  BLOB NOT NULL,
    village_id  BLOB,
    state       TEXT NOT NULL CHECK (state IN ('note', 'open', 'answered', 'settled')),
    PRIMARY KEY (township_id, record_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX comments_by_subject ON comments (township_id, subject_id);
CREATE INDEX comments_by_state ON comments (township_id, state, record_id);
