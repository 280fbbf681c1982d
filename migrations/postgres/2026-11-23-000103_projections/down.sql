DROP TABLE photo_records;
DROP TABLE conflicts;
DROP TABLE hazards;
DROP TABLE mentions;
