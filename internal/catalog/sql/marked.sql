SELECT r.rolname
FROM pg_catalog.pg_shdescription AS d
JOIN pg_catalog.pg_roles AS r ON r.oid = d.objoid
WHERE d.classoid = 'pg_catalog.pg_authid'::pg_catalog.regclass AND ({{named}});
