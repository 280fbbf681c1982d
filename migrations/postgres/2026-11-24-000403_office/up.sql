-- The last number given to a rectification order in each year of a township: raised in the transaction that writes the order,
-- so that numbers have neither gaps nor doubles.
CREATE TABLE order_numbers (
    township_id UUID   NOT NULL REFERENCES townships (id),
    year        BIGINT NOT NULL,
    last        BIGINT NOT NULL,
    PRIMARY KEY (township_id, year)
);

-- What the overview counts, read from the index alone.
CREATE INDEX hazards_by_group ON hazards (township_id, is_void, village_id, sector, is_major, status, deadline, found_at_ms, closed_at_ms);
CREATE INDEX hazards_by_closing ON hazards (township_id, is_void, closed_at_ms) WHERE closed_at_ms IS NOT NULL;

-- A page by status or by sector, however rare they are.
CREATE INDEX hazards_by_status ON hazards (township_id, status, found_at_ms, id);
CREATE INDEX hazards_by_sector ON hazards (township_id, sector, found_at_ms, id);
