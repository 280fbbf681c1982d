-- What a search looks in: every two characters that stand side by side in a description, because Chinese is written without
-- spaces. By `hazards.row`; the text itself is not kept twice. https://www.sqlite.org/fts5.html#contentless_delete_tables
CREATE VIRTUAL TABLE hazard_grams USING fts5 (grams, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii');

-- Pairs with a space or a comma in them are never asked for, and do no harm.
INSERT INTO hazard_grams (rowid, grams)
WITH RECURSIVE pairs (row, description, at, grams) AS (
    SELECT row, description, 1, substr(description, 1, 2) FROM hazards
    UNION ALL
    SELECT row, description, at + 1, grams || ' ' || substr(description, at + 1, 2) FROM pairs WHERE at < length(description)
)
SELECT row, grams FROM pairs WHERE at >= length(description);

-- A page by what falls due first, and what is overdue.
DROP INDEX hazards_by_deadline;
CREATE INDEX hazards_by_due ON hazards (township_id, (CASE WHEN status = 'closed' THEN '9999-12-31' ELSE coalesce(deadline, '9999-12-30') END), id);
