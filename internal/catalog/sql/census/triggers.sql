SELECT n.nspname, c.relname, t.tgname, t.tgfoid::pg_catalog.regprocedure::pg_catalog.text, t.tgenabled = 'D'
FROM pg_catalog.pg_trigger AS t
JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE NOT t.tgisinternal AND {{schemas}};
