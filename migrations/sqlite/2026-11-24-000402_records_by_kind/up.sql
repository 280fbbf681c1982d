-- The office's registers: records of one kind, the newest first (ids of version 7 are in the order of their making).
CREATE INDEX records_by_kind ON records (township_id, kind, id);
