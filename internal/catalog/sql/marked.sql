SELECT r.rolname FROM pg_catalog.pg_roles AS r
WHERE r.oid = ANY (ARRAY(SELECT d.objoid FROM pg_catalog.pg_shdescription AS d
  WHERE d.classoid = 'pg_catalog.pg_authid'::pg_catalog.regclass AND ({{named}})));
