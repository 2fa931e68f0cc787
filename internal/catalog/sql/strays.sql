SELECT DISTINCT r.rolname, i.type,
       CASE WHEN s.classid = 'pg_catalog.pg_type'::pg_catalog.regclass  -- "integer" is no name that REVOKE knows
         THEN (SELECT pg_catalog.format('%I.%I', n.nspname, t.typname)
               FROM pg_catalog.pg_type AS t JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace WHERE t.oid = s.objid)
         ELSE i.identity END,
       pg_catalog.pg_get_userbyid(a.grantor)
FROM pg_catalog.pg_shdepend AS s
JOIN pg_catalog.pg_roles AS r ON r.oid = s.refobjid
CROSS JOIN LATERAL pg_catalog.pg_identify_object(s.classid, s.objid, s.objsubid) AS i
CROSS JOIN LATERAL (
  SELECT o.relacl FROM pg_catalog.pg_class AS o WHERE s.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND s.objsubid = 0 AND o.oid = s.objid
  UNION ALL SELECT o.nspacl FROM pg_catalog.pg_namespace AS o WHERE s.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND s.objsubid = 0 AND o.oid = s.objid
  UNION ALL SELECT o.proacl FROM pg_catalog.pg_proc AS o WHERE s.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND s.objsubid = 0 AND o.oid = s.objid
  UNION ALL SELECT o.typacl FROM pg_catalog.pg_type AS o WHERE s.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND s.objsubid = 0 AND o.oid = s.objid
  UNION ALL SELECT o.lanacl FROM pg_catalog.pg_language AS o WHERE s.classid = 'pg_catalog.pg_language'::pg_catalog.regclass AND s.objsubid = 0 AND o.oid = s.objid
  UNION ALL SELECT o.fdwacl FROM pg_catalog.pg_foreign_data_wrapper AS o WHERE s.classid = 'pg_catalog.pg_foreign_data_wrapper'::pg_catalog.regclass AND s.objsubid = 0 AND o.oid = s.objid
  UNION ALL SELECT o.srvacl FROM pg_catalog.pg_foreign_server AS o WHERE s.classid = 'pg_catalog.pg_foreign_server'::pg_catalog.regclass AND s.objsubid = 0 AND o.oid = s.objid
  UNION ALL SELECT o.attacl FROM pg_catalog.pg_attribute AS o WHERE s.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND o.attrelid = s.objid AND o.attnum = s.objsubid AND s.objsubid <> 0
) AS o(acl)
CROSS JOIN LATERAL pg_catalog.aclexplode(o.acl) AS a
WHERE s.dbid = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())
  AND s.deptype = 'a' AND s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass
  -- Schema public has a fixed number, 2200, and is read above as any schema.
  AND NOT (s.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND s.objid = 2200)
  AND (s.objid < 16384 OR s.classid NOT IN (
    'pg_catalog.pg_class'::pg_catalog.regclass, 'pg_catalog.pg_namespace'::pg_catalog.regclass, 'pg_catalog.pg_proc'::pg_catalog.regclass,
    'pg_catalog.pg_type'::pg_catalog.regclass, 'pg_catalog.pg_default_acl'::pg_catalog.regclass,
    'pg_catalog.pg_largeobject'::pg_catalog.regclass))
  AND a.grantee = s.refobjid;
