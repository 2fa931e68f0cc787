SELECT DISTINCT b.datname FROM pg_catalog.pg_shdepend AS d
JOIN pg_catalog.pg_database AS b ON b.oid = d.dbid
WHERE d.deptype = 'o' AND d.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass AND b.datallowconn
  AND d.refobjid IN (SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname IN ({{roles}}))
ORDER BY 1;
