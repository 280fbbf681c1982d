DROP INDEX records_by_kind;
