ALTER TABLE devices DROP COLUMN unsent;
