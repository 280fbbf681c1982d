-- Every line into the index, as step 404 does it.
INSERT INTO hazard_grams (rowid, grams)
WITH RECURSIVE pairs (row, description, at, grams) AS (
    SELECT row, description, 1, substr(description, 1, 2) FROM hazards
    WHERE row > (SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'search_indexed_through')
    UNION ALL
    SELECT row, description, at + 1, grams || ' ' || substr(description, at + 1, 2) FROM pairs WHERE at < length(description)
)
SELECT row, grams FROM pairs WHERE at >= length(description);

DELETE FROM meta WHERE key = 'search_indexed_through';
