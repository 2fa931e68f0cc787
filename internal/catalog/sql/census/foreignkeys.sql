-- By numbers: whose the tables are is known.
SELECT k.conrelid, k.confrelid, k.confdeltype IN ('c', 'n', 'd'), k.confupdtype IN ('c', 'n', 'd')
FROM pg_catalog.pg_constraint AS k WHERE k.contype = 'f';
