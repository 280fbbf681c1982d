-- Which townships are under which county. A county is a row of `townships` too: its people belong to it, and it has no records.
CREATE TABLE county_townships (
    township_id BLOB NOT NULL PRIMARY KEY REFERENCES townships (id),
    county_id   BLOB NOT NULL REFERENCES townships (id),
    CHECK (township_id <> county_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX county_townships_by_county ON county_townships (county_id, township_id);

-- The role `county`. Beside it stands `inspector`, without villages: what a server of an earlier release takes the account
-- for, if one still runs on this database, sees and writes nothing.
ALTER TABLE accounts ADD COLUMN is_county INTEGER NOT NULL DEFAULT 0 CHECK (is_county IN (0, 1));
