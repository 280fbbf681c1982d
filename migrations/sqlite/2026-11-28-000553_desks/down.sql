DROP TABLE told_apart;
DROP TABLE views;
