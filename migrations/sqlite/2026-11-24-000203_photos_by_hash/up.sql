-- What is asked of all townships before a photo's bytes are removed.
CREATE INDEX blobs_by_hash ON blobs (hash);
CREATE INDEX uploads_by_content ON uploads (hash);
-- Until when the bytes are one server's to remove; 0: nobody's.
ALTER TABLE condemned_photos ADD COLUMN removed_until_ms INTEGER NOT NULL DEFAULT 0;
