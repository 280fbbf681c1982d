DROP TABLE quarantine;
DROP TABLE versions;
DROP TABLE replicas;
