-- What was searched before step 404 had its letters made small as the database's locale has it; the program does so with ASCII alone.
UPDATE hazard_grams SET grams = ARRAY(
    SELECT DISTINCT lower((letter || coalesce(lead(letter) OVER (ORDER BY at), '')) COLLATE "C")
    FROM regexp_split_to_table(description, '') WITH ORDINALITY AS letters (letter, at)
)
FROM hazards
WHERE hazards.row = hazard_grams.row AND lower(description) <> lower(description COLLATE "C");
