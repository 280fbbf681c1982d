ALTER INDEX hazard_grams_by_gram RESET (gin_pending_list_limit);

ALTER TABLE records DROP CONSTRAINT records_by_id;
ALTER TABLE records ADD CONSTRAINT records_pkey PRIMARY KEY (row);
CREATE UNIQUE INDEX records_by_id ON records (township_id, id);

ALTER TABLE hazard_grams ADD CONSTRAINT hazard_grams_row_fkey FOREIGN KEY (row) REFERENCES hazards (row) ON DELETE CASCADE;
