-- Nothing to take back: what is searched says the same with letters made small in either way.
SELECT 1;
