-- How many versions wait on a phone, as it said at its last round trip; NULL: it never said so.
ALTER TABLE devices ADD COLUMN unsent bigint;
