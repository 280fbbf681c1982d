-- Comments on records, and where each return stands: derived from `records` in the transaction that changes them.
CREATE TABLE comments (
    township_id uuid NOT NULL,
    record_id   uuid NOT NULL,
    subject_id  uuid NOT NULL,
    village_id  uuid,
    state       text COLLATE "C" NOT NULL CHECK (state IN ('note', 'open', 'answered', 'settled')),
    PRIMARY KEY (township_id, record_id)
);

CREATE INDEX comments_by_subject ON comments (township_id, subject_id);
CREATE INDEX comments_by_state ON comments (township_id, state, record_id);
