-- What leads from one schema into another past every ACL. Who reads a parent
-- reads its children; the server follows a foreign key as the tables' owners,
-- whoever they are; and nobody is asked for EXECUTE when a trigger fires.
SELECT CASE WHEN c.relispartition THEN 'partition' ELSE 'child' END, '', n.nspname, c.oid::pg_catalog.regclass::pg_catalog.text,
       f.nspname, p.oid::pg_catalog.regclass::pg_catalog.text
FROM {{inherits}} AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
JOIN pg_catalog.pg_class AS p ON p.oid = i.inhparent AND p.relnamespace <> c.relnamespace
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_namespace AS f ON f.oid = p.relnamespace
WHERE c.relkind IN ('r', 'p', 'f')
UNION ALL
SELECT 'foreign key', pg_catalog.quote_ident(k.conname), n.nspname, c.oid::pg_catalog.regclass::pg_catalog.text,
       f.nspname, p.oid::pg_catalog.regclass::pg_catalog.text
FROM pg_catalog.pg_constraint AS k
JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid
JOIN pg_catalog.pg_class AS p ON p.oid = k.confrelid AND p.relnamespace <> c.relnamespace
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_namespace AS f ON f.oid = p.relnamespace
WHERE k.contype = 'f' AND {{whole}}{{constraints}}
UNION ALL
SELECT 'trigger', pg_catalog.quote_ident(t.tgname), n.nspname, c.oid::pg_catalog.regclass::pg_catalog.text,
       f.nspname, p.oid::pg_catalog.regprocedure::pg_catalog.text
FROM pg_catalog.pg_trigger AS t
JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid AND p.pronamespace <> c.relnamespace
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_namespace AS f ON f.oid = p.pronamespace
WHERE NOT t.tgisinternal{{triggers}};
