SELECT e.extname, e.extversion, (SELECT n.nspname FROM pg_catalog.pg_namespace AS n WHERE n.oid = e.extnamespace), pg_catalog.pg_get_userbyid(e.extowner)
FROM pg_catalog.pg_extension AS e ORDER BY 1;
