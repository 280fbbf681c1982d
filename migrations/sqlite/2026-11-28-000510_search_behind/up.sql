-- The index of the search takes lines many at a time. How far it goes: the lines after this row are read one by one.
INSERT INTO meta (key, value) SELECT 'search_indexed_through', coalesce(max(row), 0) FROM hazards;
