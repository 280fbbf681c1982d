DROP INDEX hazards_by_sector;
DROP INDEX hazards_by_status;
CREATE INDEX hazards_by_status ON hazards (township_id, status, found_at_ms, id);
CREATE INDEX hazards_by_sector ON hazards (township_id, sector, found_at_ms, id);
