DROP INDEX quarantine_by_township;
DROP INDEX replicas_by_township;
DROP INDEX devices_by_id;
DROP INDEX versions_by_township;
