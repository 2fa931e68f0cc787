-- The roles with landlord's marks by which a tenant, or the server's own, is
-- found. Each comment is compared by bytes: the column's collation is C.
SELECT r.rolname, (SELECT d.description FROM pg_catalog.pg_shdescription AS d
  WHERE d.objoid = r.oid AND d.classoid = 'pg_catalog.pg_authid'::pg_catalog.regclass)
FROM pg_catalog.pg_roles AS r
WHERE r.oid = ANY (ARRAY(SELECT d.objoid FROM pg_catalog.pg_shdescription AS d
  WHERE ({{marks}}) AND d.classoid = 'pg_catalog.pg_authid'::pg_catalog.regclass));
