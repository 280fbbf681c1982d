-- The merged state of every record, and the order in which a township's states changed: its feed.
CREATE TABLE feeds (
    township_id uuid NOT NULL PRIMARY KEY REFERENCES townships (id),
    -- The position of the last change. Raised in the last statements before commit, so that it has no gaps for readers.
    seq         bigint NOT NULL
);

CREATE TABLE records (
    -- Rows lie in the order of their creation; ids of phones arrive nearly so, and states are rewritten in place.
    row           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    township_id   uuid NOT NULL REFERENCES townships (id),
    id            uuid NOT NULL,
    kind          text COLLATE "C" NOT NULL,
    village_id    uuid,
    -- The part of the feed: a village's id, or empty for the directory that everybody reads.
    scope         bytea NOT NULL CHECK (octet_length(scope) IN (0, 16)),
    feed_seq      bigint NOT NULL,
    updated_at_ms bigint NOT NULL,
    -- JSON, exactly as the feed carries it (docs/protocol.md, Records).
    state         text NOT NULL
);

CREATE UNIQUE INDEX records_by_id ON records (township_id, id);
CREATE UNIQUE INDEX records_by_feed ON records (township_id, feed_seq);
CREATE INDEX records_by_scope ON records (township_id, scope, feed_seq);

-- States are rewritten again and again: their old rows are cleared away before they are a fifth of the table.
ALTER TABLE records SET (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.05);
