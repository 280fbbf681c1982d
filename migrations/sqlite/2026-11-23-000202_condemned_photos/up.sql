-- Photos of no township any more, whose bytes are being removed from the store. While a hash is here, no upload of it begins:
-- the bytes of a new one would go with the old.
CREATE TABLE condemned_photos (
    hash            BLOB    NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
    condemned_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
