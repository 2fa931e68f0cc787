-- What stands in no schema, or is the system's own: who is named in its ACL,
-- and who owns it. The system's relations, schemas, and functions that are not
-- everybody's come with their whole ACLs from widened.sql.
SELECT DISTINCT r.rolname, i.type,
       CASE WHEN s.classid = 'pg_catalog.pg_type'::pg_catalog.regclass  -- "integer" is no name that REVOKE knows
         THEN (SELECT pg_catalog.format('%I.%I', n.nspname, t.typname)
               FROM pg_catalog.pg_type AS t JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace WHERE t.oid = s.objid)
         ELSE i.identity END,
       pg_catalog.pg_get_userbyid(a.grantor), false
FROM pg_catalog.pg_shdepend AS s
JOIN pg_catalog.pg_roles AS r ON r.oid = s.refobjid
CROSS JOIN LATERAL pg_catalog.pg_identify_object(s.classid, s.objid, s.objsubid) AS i
CROSS JOIN LATERAL (
  SELECT o.proacl FROM pg_catalog.pg_proc AS o WHERE s.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND o.oid = s.objid
  UNION ALL SELECT o.typacl FROM pg_catalog.pg_type AS o WHERE s.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND o.oid = s.objid
  UNION ALL SELECT o.lanacl FROM pg_catalog.pg_language AS o WHERE s.classid = 'pg_catalog.pg_language'::pg_catalog.regclass AND o.oid = s.objid
  UNION ALL SELECT o.fdwacl FROM pg_catalog.pg_foreign_data_wrapper AS o WHERE s.classid = 'pg_catalog.pg_foreign_data_wrapper'::pg_catalog.regclass AND o.oid = s.objid
  UNION ALL SELECT o.srvacl FROM pg_catalog.pg_foreign_server AS o WHERE s.classid = 'pg_catalog.pg_foreign_server'::pg_catalog.regclass AND o.oid = s.objid
) AS o(acl)
CROSS JOIN LATERAL pg_catalog.aclexplode(o.acl) AS a
WHERE s.dbid = {{database}}
  AND s.deptype = 'a' AND s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass
  AND (s.objid < 16384 OR s.classid NOT IN ('pg_catalog.pg_proc'::pg_catalog.regclass, 'pg_catalog.pg_type'::pg_catalog.regclass))
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_init_privs AS p WHERE p.classoid = s.classid AND p.objoid = s.objid)
  AND a.grantee = s.refobjid{{whose}}
UNION ALL  -- PUBLIC depends on nothing
SELECT DISTINCT '', i.type, i.identity, pg_catalog.pg_get_userbyid(a.grantor), false
FROM (
  SELECT 'pg_catalog.pg_foreign_data_wrapper'::pg_catalog.regclass AS class, w.oid, w.fdwacl AS acl FROM pg_catalog.pg_foreign_data_wrapper AS w
  UNION ALL SELECT 'pg_catalog.pg_foreign_server'::pg_catalog.regclass, w.oid, w.srvacl FROM pg_catalog.pg_foreign_server AS w
) AS o
CROSS JOIN LATERAL pg_catalog.aclexplode(o.acl) AS a
CROSS JOIN LATERAL pg_catalog.pg_identify_object(o.class, o.oid, 0) AS i
WHERE a.grantee = 0
UNION ALL
SELECT r.rolname, i.type, i.identity, '', true
FROM pg_catalog.pg_shdepend AS s
JOIN pg_catalog.pg_roles AS r ON r.oid = s.refobjid
CROSS JOIN LATERAL pg_catalog.pg_identify_object(s.classid, s.objid, 0) AS i
WHERE s.dbid = {{database}}
  AND s.deptype = 'o' AND s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass
  AND s.classid IN ('pg_catalog.pg_foreign_data_wrapper'::pg_catalog.regclass, 'pg_catalog.pg_foreign_server'::pg_catalog.regclass,
    'pg_catalog.pg_language'::pg_catalog.regclass, 'pg_catalog.pg_extension'::pg_catalog.regclass,
    'pg_catalog.pg_event_trigger'::pg_catalog.regclass, 'pg_catalog.pg_publication'::pg_catalog.regclass){{whose}}
UNION ALL
SELECT '', 'user mapping', pg_catalog.quote_ident(m.srvname), '', true
FROM pg_catalog.pg_user_mappings AS m WHERE m.umuser = 0;
