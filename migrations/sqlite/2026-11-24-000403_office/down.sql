DROP INDEX hazards_by_sector;
DROP INDEX hazards_by_status;
DROP INDEX hazards_by_closing;
DROP INDEX hazards_by_group;
DROP TABLE order_numbers;
