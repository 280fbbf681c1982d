-- Facts about this database as a whole. `epoch` is written when the database is made and changes when it is restored;
-- `application` tells our database from any other program's before it is touched.
-- Text that is compared or ordered has the collation "C", so that it is ordered as on SQLite: by its bytes.
CREATE TABLE meta (
    key   text COLLATE "C" NOT NULL PRIMARY KEY,
    value text COLLATE "C" NOT NULL
);

INSERT INTO meta (key, value) VALUES ('application', 'hazard-ledger');
