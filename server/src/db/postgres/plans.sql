-- Rows for the plans of `plans.rs`: 20,000 in every table that grows, over 50 townships.
SET session_replication_role = replica;
SET plan_cache_mode = force_generic_plan;

CREATE FUNCTION plan_of(asked text) RETURNS SETOF text LANGUAGE plpgsql AS 'BEGIN RETURN QUERY EXECUTE asked; END';
CREATE FUNCTION one(what text, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS 'SELECT md5(what || n)::uuid';
CREATE FUNCTION print(n bigint) RETURNS bytea LANGUAGE sql IMMUTABLE AS 'SELECT sha256(n::text::bytea)';
CREATE TABLE rows AS SELECT n, one('township', n % 50) AS township, one('village', n % 900) AS village FROM generate_series(1, 20000) n;

INSERT INTO townships (id, name, created_at_ms) SELECT one('township', n), 'township ' || n, 0 FROM generate_series(0, 1999) n;
INSERT INTO meta (key, value) SELECT n, '' FROM generate_series(1, 2000) n;
INSERT INTO county_townships (township_id, county_id)
    SELECT one('township', n), one('county', n % 100) FROM generate_series(0, 1999) n;
INSERT INTO accounts (id, township_id, username, display_name, role, created_at_ms, updated_at_ms)
    SELECT one('account', n), township, 'account ' || n, '', 'inspector', 0, 0 FROM rows;
INSERT INTO account_villages (account_id, village_id) SELECT one('account', n), village FROM rows;
INSERT INTO devices (id, township_id, account_id, name, created_at_ms, seen_at_ms)
    SELECT one('device', n), township, one('account', n), '', 0, 0 FROM rows;
INSERT INTO sessions (id, township_id, account_id, device_id, generation, created_at_ms)
    SELECT one('session', n), township, one('account', n), one('device', n), 1, 0 FROM rows;
INSERT INTO refresh_tokens (hash, session_id, generation, issued_at_ms, expires_at_ms)
    SELECT print(n), one('session', n), 1, 0, n FROM rows;
INSERT INTO enrolments (code_hash, township_id, account_id, created_by, created_at_ms, expires_at_ms)
    SELECT print(n), township, one('account', n), one('account', n), 0, n FROM rows;
INSERT INTO order_numbers (township_id, year, last)
    SELECT one('township', n), year, 7 FROM generate_series(0, 1999) n, generate_series(2020, 2029) year;
INSERT INTO feeds (township_id, seq) SELECT one('township', n), 20000 FROM generate_series(0, 1999) n;
INSERT INTO records (township_id, id, kind, village_id, scope, feed_seq, updated_at_ms, state)
    SELECT township, one('record', n), 'hazard', village, uuid_send(village), n, 0, '{"state":"' || repeat('x', 500) || '"}' FROM rows;
INSERT INTO digests (township_id, scope, records, sum) SELECT DISTINCT ON (village) township, uuid_send(village), 1, 0 FROM rows;
INSERT INTO replicas (id, township_id, account_id, device_id, highest, seen_at_ms)
    SELECT one('replica', n), township, one('account', n), one('device', n), 1, 0 FROM rows;
INSERT INTO versions (replica_id, seq, township_id, record_id, fingerprint, received_at_ms, clock_offset_ms, body)
    SELECT one('replica', n), 1, township, one('record', n), print(n), 0, 0, repeat('x', 500) FROM rows;
INSERT INTO quarantine (replica_id, seq, township_id, account_id, received_at_ms, code, detail)
    SELECT one('replica', n), 1, township, one('account', n), n, 'field_range', '' FROM rows;
INSERT INTO mentions (township_id, hazard_id, record_id) SELECT township, one('record', n), one('order', n) FROM rows;
INSERT INTO hazards (township_id, id, village_id, site_id, sector, is_major, status, is_suspended, is_escalated, is_void, deadline,
    found_at_ms, description)
    SELECT township, one('record', n), village, one('site', n % 5000), 'fire', n % 20 = 0, 'reported', false, false, false, '2026-03-02',
    n, repeat('x', 100) FROM rows;
INSERT INTO hazard_grams (row, grams) SELECT row, ARRAY['x' || row % 3000, 'xx'] FROM hazards;
INSERT INTO visits (township_id, inspection_id, site_id, campaign_id, village_id, at_ms)
    SELECT township, one('inspection', n), one('site', n % 5000), one('campaign', n % 900), village, n FROM rows;
INSERT INTO conflicts (township_id, record_id, path, kind, village_id)
    SELECT township, one('record', n), 'level', 'hazard', village FROM rows;
INSERT INTO photo_records (township_id, hash, record_id, subject_id, village_id)
    SELECT township, print(n), one('photo', n), one('record', n), village FROM rows;
INSERT INTO blobs (township_id, hash, account_id, bytes, content_type, facts, stored_at_ms)
    SELECT township, print(n), one('account', n), 1, 'image/jpeg', '{}', 0 FROM rows;
INSERT INTO uploads (device_id, hash, township_id, length, received, created_at_ms, expires_at_ms)
    SELECT one('device', n), print(n), township, 2, 1, 0, n FROM rows;
INSERT INTO condemned_photos (hash, condemned_at_ms) SELECT print(-n), n FROM rows;
ANALYZE;
