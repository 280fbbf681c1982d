ALTER TABLE condemned_photos DROP COLUMN removed_until_ms;
DROP INDEX uploads_by_content;
DROP INDEX blobs_by_hash;
