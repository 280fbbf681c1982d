DROP INDEX hazards_by_due;
CREATE INDEX hazards_by_deadline ON hazards (township_id, deadline) WHERE status <> 'closed' AND deadline IS NOT NULL;
DROP TABLE hazard_grams;
