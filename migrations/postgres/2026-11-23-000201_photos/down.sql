DROP TABLE uploads;
DROP TABLE blobs;
