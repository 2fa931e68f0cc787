SELECT DISTINCT pg_catalog.pg_get_userbyid(l.lomowner), CASE WHEN a.grantee = 0 THEN '' ELSE pg_catalog.pg_get_userbyid(a.grantee) END,
       pg_catalog.pg_get_userbyid(a.grantor)
FROM (SELECT DISTINCT ON (m.lomowner, m.lomacl::pg_catalog.text) m.lomowner, m.lomacl FROM pg_catalog.pg_largeobject_metadata AS m) AS l
CROSS JOIN LATERAL pg_catalog.aclexplode(COALESCE(l.lomacl, '{}') || pg_catalog.acldefault('L', l.lomowner)) AS a
ORDER BY 1, 2, 3;
