-- What a search looks in: every two characters that stand side by side in a description, because Chinese is written without
-- spaces. (The index of pg_trgm needs three.)
CREATE TABLE hazard_grams (
    row   bigint PRIMARY KEY REFERENCES hazards (row) ON DELETE CASCADE,
    grams text[] COLLATE "C" NOT NULL
);

CREATE INDEX hazard_grams_by_gram ON hazard_grams USING gin (grams);

-- Pairs with a space or a comma in them are never asked for, and do no harm.
INSERT INTO hazard_grams (row, grams)
SELECT row, ARRAY(
    SELECT DISTINCT lower(letter || coalesce(lead(letter) OVER (ORDER BY at), ''))
    FROM regexp_split_to_table(description, '') WITH ORDINALITY AS letters (letter, at)
) FROM hazards;

-- A page by what falls due first, and what is overdue.
DROP INDEX hazards_by_deadline;
CREATE INDEX hazards_by_due ON hazards (township_id, (CASE WHEN status = 'closed' THEN '9999-12-31' ELSE coalesce(deadline, '9999-12-30') END), id);
