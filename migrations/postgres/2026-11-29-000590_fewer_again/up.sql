-- What falls due tells its village and whether it is void, so that what is overdue and what falls due is counted from it alone.
DROP INDEX hazards_open_due;
DROP INDEX hazards_by_due;
CREATE INDEX hazards_by_due ON hazards (township_id, (CASE WHEN status = 'closed' THEN '9999-12-31' ELSE coalesce(deadline, '9999-12-30') END), id, village_id, is_void);

-- Hazards, of which there are most, are found by their ids; all other kinds by this.
DROP INDEX records_by_kind;
CREATE INDEX records_by_kind ON records (township_id, kind, id) WHERE kind <> 'hazard';
