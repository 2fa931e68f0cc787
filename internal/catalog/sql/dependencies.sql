SELECT DISTINCT r.rolname, COALESCE(d.datname, ''), s.deptype = 'o'
FROM pg_catalog.pg_shdepend AS s
JOIN pg_catalog.pg_roles AS r ON r.oid = s.refobjid
LEFT JOIN pg_catalog.pg_database AS d ON d.oid = s.dbid
WHERE s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass AND s.deptype IN ('o', 'a'){{whose}};
SELECT d.datname, pg_catalog.pg_database_size(d.oid)
FROM pg_catalog.pg_database AS d
WHERE pg_catalog.has_database_privilege(d.oid, 'CONNECT'){{which}};
