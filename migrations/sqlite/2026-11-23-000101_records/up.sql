-- The merged state of every record, and the order in which a township's states changed: its feed.
CREATE TABLE feeds (
    township_id BLOB    NOT NULL PRIMARY KEY REFERENCES townships (id),
    -- The position of the last change. Raised in the last statements before commit, so that it has no gaps for readers.
    seq         INTEGER NOT NULL
) STRICT;

CREATE TABLE records (
    -- Rows lie in the order of their creation; ids of phones arrive nearly so, and states are rewritten in place.
    row           INTEGER PRIMARY KEY,
    township_id   BLOB    NOT NULL REFERENCES townships (id),
    id            BLOB    NOT NULL CHECK (length(id) = 16),
    kind          TEXT    NOT NULL,
    village_id    BLOB,
    -- The part of the feed: a village's id, or empty for the directory that everybody reads.
    scope         BLOB    NOT NULL CHECK (length(scope) IN (0, 16)),
    feed_seq      INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    -- JSON, exactly as the feed carries it (docs/protocol.md, Records).
    state         TEXT    NOT NULL
) STRICT;

CREATE UNIQUE INDEX records_by_id ON records (township_id, id);
CREATE UNIQUE INDEX records_by_feed ON records (township_id, feed_seq);
CREATE INDEX records_by_scope ON records (township_id, scope, feed_seq);
