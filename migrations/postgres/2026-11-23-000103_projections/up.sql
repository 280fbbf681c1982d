-- What is read often, derived from `records` in the transaction that changes them; `rebuild` makes it anew and compares.

-- Which orders, rectifications, re-inspections and escalations speak of which hazard.
CREATE TABLE mentions (
    township_id uuid NOT NULL,
    hazard_id   uuid NOT NULL,
    record_id   uuid NOT NULL,
    PRIMARY KEY (township_id, hazard_id, record_id)
);

CREATE TABLE hazards (
    row            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    township_id    uuid NOT NULL,
    id             uuid NOT NULL,
    village_id     uuid,
    site_id        uuid,
    sector         text COLLATE "C" NOT NULL,
    is_major       boolean NOT NULL,
    status         text COLLATE "C" NOT NULL CHECK (status IN ('reported', 'ordered', 'rectified', 'closed')),
    is_suspended   boolean NOT NULL,
    is_escalated   boolean NOT NULL,
    is_void        boolean NOT NULL,
    deadline       text COLLATE "C",
    found_at_ms    bigint NOT NULL,
    closed_at_ms   bigint,
    description    text NOT NULL
);

ALTER TABLE hazards SET (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.05);

CREATE UNIQUE INDEX hazards_by_id ON hazards (township_id, id);
CREATE INDEX hazards_by_time ON hazards (township_id, found_at_ms, id);
CREATE INDEX hazards_by_village ON hazards (township_id, village_id, found_at_ms, id);
CREATE INDEX hazards_by_deadline ON hazards (township_id, deadline) WHERE status <> 'closed' AND deadline IS NOT NULL;

-- The fields on which a supervisor is asked.
CREATE TABLE conflicts (
    township_id uuid NOT NULL,
    record_id   uuid NOT NULL,
    path        text COLLATE "C" NOT NULL,
    kind        text COLLATE "C" NOT NULL,
    village_id  uuid,
    PRIMARY KEY (township_id, record_id, path)
);

-- Which photo records speak of which bytes: who may see them, and which are still on their way.
CREATE TABLE photo_records (
    township_id uuid NOT NULL,
    hash        bytea NOT NULL CHECK (octet_length(hash) = 32),
    record_id   uuid NOT NULL,
    subject_id  uuid NOT NULL,
    village_id  uuid,
    PRIMARY KEY (township_id, hash, record_id)
);

CREATE INDEX photo_records_by_subject ON photo_records (township_id, subject_id);
