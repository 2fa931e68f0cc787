SELECT n.nspname, c.relname, w.rulename, w.ev_type::pg_catalog.text, w.ev_enabled = 'D'
FROM pg_catalog.pg_rewrite AS w
JOIN pg_catalog.pg_class AS c ON c.oid = w.ev_class
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE w.rulename <> '_RETURN' AND {{schemas}};
