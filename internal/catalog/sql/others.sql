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
WHERE {{schemas}}{{others}};
