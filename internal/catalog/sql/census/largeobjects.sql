SELECT pg_catalog.pg_get_userbyid(l.lomowner), l.lomacl::pg_catalog.text, pg_catalog.count(*)
FROM pg_catalog.pg_largeobject_metadata AS l GROUP BY 1, 2 ORDER BY 1, 2;
