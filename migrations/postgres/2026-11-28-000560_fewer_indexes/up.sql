-- One index for all that is open and lacks something, in place of one for each thing that it may lack: a new hazard lacks most
-- of them, and was entered into each.
DROP INDEX hazards_missing_responsible;
DROP INDEX hazards_missing_measures;
DROP INDEX hazards_missing_funds;
DROP INDEX hazards_missing_deadline;
DROP INDEX hazards_missing_contingency_plan;
DROP INDEX hazards_missing_aim;
CREATE INDEX hazards_missing ON hazards (township_id, found_at_ms, id, missing) WHERE missing <> 0 AND status <> 'closed';

-- What has no deadline never falls due.
DROP INDEX hazards_open_due;
CREATE INDEX hazards_open_due ON hazards (township_id, deadline, village_id)
    WHERE status <> 'closed' AND NOT is_void AND deadline IS NOT NULL;
