DROP TABLE condemned_photos;
