SELECT l.lanname, pg_catalog.pg_get_userbyid(l.lanowner), l.lanacl::pg_catalog.text, l.lanpltrusted
FROM pg_catalog.pg_language AS l WHERE l.lanispl ORDER BY 1;
