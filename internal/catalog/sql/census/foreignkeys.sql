-- Foreign keys between tables of two owners: the server follows them with the
-- rights of these, whoever it is for.
SELECT DISTINCT n.nspname, c.relname, f.nspname, p.relname,
       k.confdeltype IN ('c', 'n', 'd'), k.confupdtype IN ('c', 'n', 'd')
FROM pg_catalog.pg_constraint AS k
JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid
JOIN pg_catalog.pg_class AS p ON p.oid = k.confrelid AND p.relowner <> c.relowner
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_namespace AS f ON f.oid = p.relnamespace
WHERE k.contype = 'f';
