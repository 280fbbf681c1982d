-- A page of one status and one sector that rarely meet walks through all lines of one of them: the index tells the other, so that
-- no line is read that is not shown.
DROP INDEX hazards_by_status;
DROP INDEX hazards_by_sector;
CREATE INDEX hazards_by_status ON hazards (township_id, status, found_at_ms, id, sector);
CREATE INDEX hazards_by_sector ON hazards (township_id, sector, found_at_ms, id, status);
