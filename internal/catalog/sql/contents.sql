SELECT n.nspname, pg_catalog.pg_get_userbyid(n.nspowner), n.nspacl::pg_catalog.text,
       NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                   WHERE d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND d.refobjid = n.oid AND d.deptype = 'n'),
       EXISTS (SELECT FROM pg_catalog.pg_extension AS e WHERE e.extnamespace = n.oid)
FROM pg_catalog.pg_namespace AS n
WHERE {{schemas}}
ORDER BY n.nspname;
SELECT n.nspname, c.relname, c.relkind, pg_catalog.pg_get_userbyid(c.relowner), c.relacl::pg_catalog.text, e.objid IS NOT NULL,
       c.relkind = 'S' AND EXISTS (
         SELECT FROM pg_catalog.pg_depend AS d
         WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')
           AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass)
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_depend AS e
  ON e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND e.objid = c.oid AND e.objsubid = 0 AND e.deptype = 'e'
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND {{schemas}};
SELECT n.nspname, c.relname, a.attname, a.attacl::pg_catalog.text
FROM pg_catalog.pg_attribute AS a
JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE a.attacl IS NOT NULL AND NOT a.attisdropped AND {{schemas}};
SELECT n.nspname, p.oid::pg_catalog.regprocedure::pg_catalog.text, pg_catalog.pg_get_userbyid(p.proowner), p.proacl::pg_catalog.text,
       e.objid IS NOT NULL
FROM pg_catalog.pg_proc AS p
JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
LEFT JOIN pg_catalog.pg_depend AS e
  ON e.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND e.objid = p.oid AND e.deptype = 'e'
WHERE {{schemas}}
  -- The constructors of a range type are parts of it: the bootstrap superuser's, and PUBLIC's to execute.
  AND NOT (p.proowner = 10 AND p.proacl IS NULL AND EXISTS (
    SELECT FROM pg_catalog.pg_depend AS i
    WHERE i.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND i.objid = p.oid AND i.deptype = 'i'
      AND i.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass));
SELECT n.nspname, t.typname, pg_catalog.pg_get_userbyid(t.typowner), t.typacl::pg_catalog.text, e.objid IS NOT NULL
FROM pg_catalog.pg_type AS t
JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
LEFT JOIN pg_catalog.pg_class AS c ON c.oid = t.typrelid
LEFT JOIN pg_catalog.pg_depend AS e
  ON e.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND e.objid = t.oid AND e.deptype = 'e'
WHERE (t.typtype IN ('d', 'e', 'r') OR (t.typtype = 'c' AND c.relkind = 'c') OR (t.typtype = 'b' AND t.typcategory <> 'A')
       -- Since 17 a multirange type has its range type's owner and ACL.
       OR (t.typtype = 'm' AND pg_catalog.current_setting('server_version_num')::pg_catalog.int4 < 170000))
  AND {{schemas}};
SELECT n.nspname, i.type, i.identity, pg_catalog.pg_get_userbyid(o.owner), e.objid IS NOT NULL
FROM (
  SELECT 'pg_catalog.pg_operator'::pg_catalog.regclass AS class, oid, oprnamespace AS ns, oprowner AS owner FROM pg_catalog.pg_operator WHERE oid >= 16384
  UNION ALL SELECT 'pg_catalog.pg_opclass'::pg_catalog.regclass, oid, opcnamespace, opcowner FROM pg_catalog.pg_opclass WHERE oid >= 16384
  UNION ALL SELECT 'pg_catalog.pg_opfamily'::pg_catalog.regclass, oid, opfnamespace, opfowner FROM pg_catalog.pg_opfamily WHERE oid >= 16384
  UNION ALL SELECT 'pg_catalog.pg_collation'::pg_catalog.regclass, oid, collnamespace, collowner FROM pg_catalog.pg_collation WHERE oid >= 16384
  UNION ALL SELECT 'pg_catalog.pg_conversion'::pg_catalog.regclass, oid, connamespace, conowner FROM pg_catalog.pg_conversion WHERE oid >= 16384
  UNION ALL SELECT 'pg_catalog.pg_ts_config'::pg_catalog.regclass, oid, cfgnamespace, cfgowner FROM pg_catalog.pg_ts_config WHERE oid >= 16384
  UNION ALL SELECT 'pg_catalog.pg_ts_dict'::pg_catalog.regclass, oid, dictnamespace, dictowner FROM pg_catalog.pg_ts_dict WHERE oid >= 16384
  UNION ALL SELECT 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass, oid, stxnamespace, stxowner FROM pg_catalog.pg_statistic_ext
) AS o
JOIN pg_catalog.pg_namespace AS n ON n.oid = o.ns
CROSS JOIN LATERAL pg_catalog.pg_identify_object(o.class, o.oid, 0) AS i
LEFT JOIN pg_catalog.pg_depend AS e ON e.classid = o.class AND e.objid = o.oid AND e.deptype = 'e'
WHERE {{schemas}};
SELECT pg_catalog.pg_get_userbyid(d.defaclrole), COALESCE(n.nspname, ''), d.defaclobjtype, d.defaclacl::pg_catalog.text
FROM pg_catalog.pg_default_acl AS d
LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = d.defaclnamespace;
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
SELECT DISTINCT pg_catalog.pg_get_userbyid(l.lomowner), CASE WHEN a.grantee = 0 THEN '' ELSE pg_catalog.pg_get_userbyid(a.grantee) END,
       pg_catalog.pg_get_userbyid(a.grantor)
FROM (SELECT DISTINCT ON (m.lomowner, m.lomacl::pg_catalog.text) m.lomowner, m.lomacl FROM pg_catalog.pg_largeobject_metadata AS m) AS l
CROSS JOIN LATERAL pg_catalog.aclexplode(COALESCE(l.lomacl, '{}') || pg_catalog.acldefault('L', l.lomowner)) AS a
ORDER BY 1, 2, 3;
