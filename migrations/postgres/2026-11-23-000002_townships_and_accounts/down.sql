DROP TABLE account_villages;
DROP TABLE accounts;
DROP TABLE townships;
