SELECT i.type, i.identity FROM (
  SELECT DISTINCT d.classid, d.objid FROM pg_catalog.pg_shdepend AS d
  WHERE d.deptype = 'o' AND d.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass
    AND d.classid <> 'pg_catalog.pg_default_acl'::pg_catalog.regclass
    AND d.dbid = (SELECT b.oid FROM pg_catalog.pg_database AS b WHERE b.datname = pg_catalog.current_database())
    AND d.refobjid IN (SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname IN ({{roles}}))) AS o
CROSS JOIN LATERAL pg_catalog.pg_identify_object(o.classid, o.objid, 0) AS i
WHERE i.type IS NOT NULL AND COALESCE(i.schema NOT LIKE 'pg\_temp%', true)
  AND COALESCE(i.schema NOT IN (SELECT pg_catalog.quote_ident(s) FROM pg_catalog.unnest(ARRAY[{{schemas}}]) AS s), true)
  AND NOT (i.type = 'schema' AND i.name IN (SELECT pg_catalog.quote_ident(s) FROM pg_catalog.unnest(ARRAY[{{schemas}}]) AS s))
ORDER BY 1, 2;
