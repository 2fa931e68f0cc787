-- The rest of core.sql and of focus.sql: of each kind a few, however many tenants there are.
UNION ALL
SELECT 'e', d.classid, d.objid, NULL, NULL, NULL, NULL, false
FROM pg_catalog.pg_depend AS d
WHERE d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype = 'e'
  AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
UNION ALL
SELECT 'i', NULL, NULL, NULL, NULL, NULL, NULL, false
FROM pg_catalog.pg_init_privs AS i
WHERE i.classoid = 'pg_catalog.pg_proc'::pg_catalog.regclass
  AND i.initprivs IS DISTINCT FROM (SELECT p.proacl FROM pg_catalog.pg_proc AS p WHERE p.oid = i.objoid)
UNION ALL
SELECT 'f', NULL, NULL, NULL, NULL, NULL, NULL, false WHERE EXISTS (SELECT FROM pg_catalog.pg_foreign_data_wrapper)
UNION ALL
SELECT 'v', NULL, NULL, NULL, NULL, NULL, NULL, false
WHERE EXISTS (SELECT FROM pg_catalog.pg_depend AS d
  WHERE d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.refobjid >= 16384 AND d.deptype = 'e')
UNION ALL
SELECT 'l', NULL, NULL, NULL, NULL, NULL, NULL, false WHERE EXISTS (SELECT FROM pg_catalog.pg_largeobject_metadata)
UNION ALL
-- The functions by which large objects are made and written, those for advisory
-- locks and those that read control data, by their numbers: whether PUBLIC may
-- call them.
SELECT DISTINCT CASE WHEN p.oid BETWEEN 2880 AND 2892 OR p.oid BETWEEN 3089 AND 3096 THEN 'a' WHEN p.oid BETWEEN 3441 AND 3444 THEN 'k' ELSE 'o' END, NULL::pg_catalog.oid, NULL::pg_catalog.oid, NULL, NULL, NULL, NULL,
       p.proacl IS NULL OR EXISTS (SELECT FROM pg_catalog.aclexplode(p.proacl) AS a WHERE a.grantee = 0)
FROM pg_catalog.pg_proc AS p
WHERE p.oid IN (715, 952, 953, 954, 955, 956, 957, 958, 964, 1004, 3170, 3171, 3172, 3457, 3458, 3459, 3460,
  2880, 2881, 2882, 2883, 2884, 2885, 2886, 2887, 2888, 2889, 2890, 2891, 2892, 3089, 3090, 3091, 3092, 3093, 3094, 3095, 3096, 3441, 3442, 3443, 3444);
