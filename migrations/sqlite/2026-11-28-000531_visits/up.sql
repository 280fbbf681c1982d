-- Which inspection reached which site, derived from `records` in the transaction that changes them; what was there before is filled in
-- at the next start.
CREATE TABLE visits (
    township_id   BLOB    NOT NULL,
    inspection_id BLOB    NOT NULL,
    site_id       BLOB    NOT NULL,
    campaign_id   BLOB,
    village_id    BLOB,
    at_ms         INTEGER NOT NULL,
    PRIMARY KEY (township_id, inspection_id)
) STRICT, WITHOUT ROWID;

-- What a campaign reached: of its own inspections, and of all on its days.
CREATE INDEX visits_by_campaign ON visits (township_id, campaign_id, site_id, at_ms, village_id);
CREATE INDEX visits_by_time ON visits (township_id, at_ms, campaign_id, site_id, village_id);
