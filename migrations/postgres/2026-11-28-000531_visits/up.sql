-- Which inspection reached which site, derived from `records` in the transaction that changes them; what was there before is filled in
-- at the next start.
CREATE TABLE visits (
    township_id   uuid   NOT NULL,
    inspection_id uuid   NOT NULL,
    site_id       uuid   NOT NULL,
    campaign_id   uuid,
    village_id    uuid,
    at_ms         bigint NOT NULL,
    PRIMARY KEY (township_id, inspection_id)
);

-- What a campaign reached: of its own inspections, and of all on its days.
CREATE INDEX visits_by_campaign ON visits (township_id, campaign_id, site_id, at_ms, village_id);
CREATE INDEX visits_by_time ON visits (township_id, at_ms, campaign_id, site_id, village_id);
