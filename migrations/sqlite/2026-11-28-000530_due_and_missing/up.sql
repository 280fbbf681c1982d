-- Which of what must be settled is missing: a bit for each of `settled::MEMBERS`, the first the lowest.
ALTER TABLE hazards ADD COLUMN missing INTEGER NOT NULL DEFAULT 63;

-- By what stands in the states, as `settled::missing` reads it: given, and cleared by nobody.
UPDATE hazards SET missing =
    CASE WHEN json_array_length(state, '$.fields.responsible') > 0
        AND NOT EXISTS (SELECT 1 FROM json_each(state, '$.fields.responsible') WHERE key % 2 = 1 AND type = 'null') THEN 0 ELSE 1 END +
    CASE WHEN json_array_length(state, '$.fields.measures') > 0
        AND NOT EXISTS (SELECT 1 FROM json_each(state, '$.fields.measures') WHERE key % 2 = 1 AND type = 'null') THEN 0 ELSE 2 END +
    CASE WHEN json_array_length(state, '$.fields.funds') > 0
        AND NOT EXISTS (SELECT 1 FROM json_each(state, '$.fields.funds') WHERE key % 2 = 1 AND type = 'null') THEN 0 ELSE 4 END +
    CASE WHEN json_array_length(state, '$.fields.deadline') > 0
        AND NOT EXISTS (SELECT 1 FROM json_each(state, '$.fields.deadline') WHERE key % 2 = 1 AND type = 'null') OR hazards.deadline IS NOT NULL THEN 0 ELSE 8 END +
    CASE WHEN json_array_length(state, '$.fields.contingency_plan') > 0
        AND NOT EXISTS (SELECT 1 FROM json_each(state, '$.fields.contingency_plan') WHERE key % 2 = 1 AND type = 'null') THEN 0 ELSE 16 END +
    CASE WHEN json_array_length(state, '$.fields.aim') > 0
        AND NOT EXISTS (SELECT 1 FROM json_each(state, '$.fields.aim') WHERE key % 2 = 1 AND type = 'null') THEN 0 ELSE 32 END
FROM records WHERE records.township_id = hazards.township_id AND records.id = hazards.id;

-- A page of what is open and lacks one of them.
CREATE INDEX hazards_missing_responsible ON hazards (township_id, found_at_ms, id) WHERE (missing & 1) <> 0 AND status <> 'closed';
CREATE INDEX hazards_missing_measures ON hazards (township_id, found_at_ms, id) WHERE (missing & 2) <> 0 AND status <> 'closed';
CREATE INDEX hazards_missing_funds ON hazards (township_id, found_at_ms, id) WHERE (missing & 4) <> 0 AND status <> 'closed';
CREATE INDEX hazards_missing_deadline ON hazards (township_id, found_at_ms, id) WHERE (missing & 8) <> 0 AND status <> 'closed';
CREATE INDEX hazards_missing_contingency_plan ON hazards (township_id, found_at_ms, id) WHERE (missing & 16) <> 0 AND status <> 'closed';
CREATE INDEX hazards_missing_aim ON hazards (township_id, found_at_ms, id) WHERE (missing & 32) <> 0 AND status <> 'closed';

-- What is overdue and what falls due, counted by village from the index alone.
CREATE INDEX hazards_open_due ON hazards (township_id, deadline, village_id) WHERE status <> 'closed' AND NOT is_void;
