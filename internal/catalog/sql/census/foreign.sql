SELECT w.fdwname, pg_catalog.pg_get_userbyid(w.fdwowner), w.fdwacl::pg_catalog.text
FROM pg_catalog.pg_foreign_data_wrapper AS w ORDER BY 1;
SELECT s.srvname, w.fdwname, pg_catalog.pg_get_userbyid(s.srvowner), s.srvacl::pg_catalog.text,
       (SELECT o.option_value FROM pg_catalog.pg_options_to_table(s.srvoptions) AS o WHERE o.option_name IN ('host', 'hostaddr') LIMIT 1),
       (SELECT o.option_value FROM pg_catalog.pg_options_to_table(s.srvoptions) AS o WHERE o.option_name = 'port'),
       (SELECT o.option_value FROM pg_catalog.pg_options_to_table(s.srvoptions) AS o WHERE o.option_name = 'dbname')
FROM pg_catalog.pg_foreign_server AS s
JOIN pg_catalog.pg_foreign_data_wrapper AS w ON w.oid = s.srvfdw ORDER BY 1;
SELECT n.nspname, c.relname, s.srvname
FROM pg_catalog.pg_foreign_table AS t
JOIN pg_catalog.pg_foreign_server AS s ON s.oid = t.ftserver
JOIN pg_catalog.pg_class AS c ON c.oid = t.ftrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace ORDER BY 1, 2;
