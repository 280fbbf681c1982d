-- Facts about this database as a whole. `epoch` is written when the database is made and changes when it is restored.
-- 0x484C4447 is "HLDG": it tells our files from any other SQLite file before we touch them.
PRAGMA application_id = 1212957767;

CREATE TABLE meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
