DROP TABLE records;
DROP TABLE feeds;
