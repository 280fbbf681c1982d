PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(
    sql,
    'status = ''reported'' OR status = ''ordered'' OR status = ''rectified'' OR status = ''closed''',
    'status IN (''reported'', ''ordered'', ''rectified'', ''closed'')')
WHERE type = 'table' AND name = 'hazards';
PRAGMA writable_schema = RESET;

DROP INDEX records_by_kind;
CREATE INDEX records_by_kind ON records (township_id, kind, id);

DROP INDEX hazards_by_due;
CREATE INDEX hazards_by_due ON hazards (township_id, (CASE WHEN status = 'closed' THEN '9999-12-31' ELSE coalesce(deadline, '9999-12-30') END), id);
CREATE INDEX hazards_open_due ON hazards (township_id, deadline, village_id)
    WHERE status <> 'closed' AND NOT is_void AND deadline IS NOT NULL;
