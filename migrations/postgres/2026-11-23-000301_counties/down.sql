ALTER TABLE accounts DROP COLUMN is_county;
DROP TABLE county_townships;
