SELECT r.oid, r.rolname, r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb, r.rolcanlogin, r.rolreplication,
       r.rolbypassrls, r.rolconnlimit,
       CASE WHEN r.rolvaliduntil <> 'infinity' THEN COALESCE(pg_catalog.to_char(r.rolvaliduntil AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), r.rolvaliduntil::pg_catalog.text) END,
       COALESCE(r.rolvaliduntil <= pg_catalog.statement_timestamp(), false),
       {{verifier}}, d.description, {{shelters}}
FROM {{roles}} AS r
LEFT JOIN pg_catalog.pg_shdescription AS d
  ON d.objoid = r.oid AND d.classoid = 'pg_catalog.pg_authid'::pg_catalog.regclass
{{whichroles}}
ORDER BY r.rolname;
SELECT o.rolname, m.rolname, pg_catalog.pg_get_userbyid(a.grantor), a.admin_option, {{inherit}}, {{set}}
FROM {{memberships}} AS a
JOIN pg_catalog.pg_roles AS o ON o.oid = a.roleid
JOIN pg_catalog.pg_roles AS m ON m.oid = a.member;
SELECT COALESCE(r.rolname, ''), COALESCE(d.datname, ''),
       pg_catalog.split_part(c.entry, '=', 1), pg_catalog.substr(c.entry, pg_catalog.strpos(c.entry, '=') + 1)
FROM {{settings}} AS s
CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS c(entry)
LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = s.setrole
LEFT JOIN pg_catalog.pg_database AS d ON d.oid = s.setdatabase;
SELECT DISTINCT r.rolname, i.type, i.identity, pg_catalog.pg_get_userbyid(a.grantor), false
FROM pg_catalog.pg_shdepend AS s
JOIN pg_catalog.pg_roles AS r ON r.oid = s.refobjid
CROSS JOIN LATERAL pg_catalog.pg_identify_object(s.classid, s.objid, s.objsubid) AS i
CROSS JOIN LATERAL (
  SELECT o.spcacl FROM pg_catalog.pg_tablespace AS o WHERE s.classid = 'pg_catalog.pg_tablespace'::pg_catalog.regclass AND o.oid = s.objid
  {{parameters}}
) AS o(acl)
CROSS JOIN LATERAL pg_catalog.aclexplode(o.acl) AS a
WHERE s.dbid = 0 AND s.deptype = 'a' AND s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass
  AND s.classid <> 'pg_catalog.pg_database'::pg_catalog.regclass AND a.grantee = s.refobjid{{whose}}
UNION ALL  -- PUBLIC depends on nothing
SELECT DISTINCT '', i.type, i.identity, pg_catalog.pg_get_userbyid(o.grantor), false
FROM (
  SELECT 'pg_catalog.pg_tablespace'::pg_catalog.regclass AS class, s.oid, a.grantor
  FROM pg_catalog.pg_tablespace AS s CROSS JOIN LATERAL pg_catalog.aclexplode(s.spcacl) AS a WHERE a.grantee = 0
  {{publicparameters}}
) AS o
CROSS JOIN LATERAL pg_catalog.pg_identify_object(o.class, o.oid, 0) AS i
UNION ALL
SELECT r.rolname, i.type, i.identity, '', true
FROM pg_catalog.pg_shdepend AS s
JOIN pg_catalog.pg_roles AS r ON r.oid = s.refobjid
CROSS JOIN LATERAL pg_catalog.pg_identify_object(s.classid, s.objid, 0) AS i
WHERE s.dbid = 0 AND s.deptype = 'o' AND s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass
  AND s.classid IN ('pg_catalog.pg_tablespace'::pg_catalog.regclass, 'pg_catalog.pg_subscription'::pg_catalog.regclass){{whose}};
