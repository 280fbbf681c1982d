-- Pages of one township, in the order in which they are read: without these the rows of all townships are walked through.
CREATE INDEX versions_by_township ON versions (township_id, row);
CREATE INDEX devices_by_id ON devices (township_id, id);
CREATE INDEX replicas_by_township ON replicas (township_id, id);
CREATE INDEX quarantine_by_township ON quarantine (township_id, replica_id, seq);
