DROP INDEX hazards_missing_responsible;
DROP INDEX hazards_missing_measures;
DROP INDEX hazards_missing_funds;
DROP INDEX hazards_missing_deadline;
DROP INDEX hazards_missing_contingency_plan;
DROP INDEX hazards_missing_aim;
DROP INDEX hazards_open_due;
ALTER TABLE hazards DROP COLUMN missing;
