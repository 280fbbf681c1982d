-- What falls due tells its village and whether it is void, so that what is overdue and what falls due is counted from it alone.
DROP INDEX hazards_open_due;
DROP INDEX hazards_by_due;
CREATE INDEX hazards_by_due ON hazards (township_id, (CASE WHEN status = 'closed' THEN '9999-12-31' ELSE coalesce(deadline, '9999-12-30') END), id, village_id, is_void);

-- Hazards, of which there are most, are found by their ids; all other kinds by this.
DROP INDEX records_by_kind;
CREATE INDEX records_by_kind ON records (township_id, kind, id) WHERE kind <> 'hazard';

-- For a list of more than two values SQLite makes and fills a table each time it checks one. Only the words of the schema change,
-- nothing that is stored: https://www.sqlite.org/lang_altertable.html#otheralter
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(
    sql,
    'status IN (''reported'', ''ordered'', ''rectified'', ''closed'')',
    'status = ''reported'' OR status = ''ordered'' OR status = ''rectified'' OR status = ''closed''')
WHERE type = 'table' AND name = 'hazards';
PRAGMA writable_schema = RESET;
