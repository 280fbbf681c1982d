DROP INDEX hazards_open_due;
CREATE INDEX hazards_open_due ON hazards (township_id, deadline, village_id) WHERE status <> 'closed' AND NOT is_void;
DROP INDEX hazards_missing;
CREATE INDEX hazards_missing_responsible ON hazards (township_id, found_at_ms, id) WHERE (missing & 1) <> 0 AND status <> 'closed';
CREATE INDEX hazards_missing_measures ON hazards (township_id, found_at_ms, id) WHERE (missing & 2) <> 0 AND status <> 'closed';
CREATE INDEX hazards_missing_funds ON hazards (township_id, found_at_ms, id) WHERE (missing & 4) <> 0 AND status <> 'closed';
CREATE INDEX hazards_missing_deadline ON hazards (township_id, found_at_ms, id) WHERE (missing & 8) <> 0 AND status <> 'closed';
CREATE INDEX hazards_missing_contingency_plan ON hazards (township_id, found_at_ms, id) WHERE (missing & 16) <> 0 AND status <> 'closed';
CREATE INDEX hazards_missing_aim ON hazards (township_id, found_at_ms, id) WHERE (missing & 32) <> 0 AND status <> 'closed';
