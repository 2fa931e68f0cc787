-- The kinds alone, for a line that others may listen to.
SELECT r.rolname, CASE WHEN r.rolpassword LIKE 'md5%' THEN 'md5' WHEN r.rolpassword LIKE 'SCRAM-SHA-256$%' THEN 'scram-sha-256' ELSE 'unknown' END,
       CASE WHEN r.rolpassword LIKE 'SCRAM-SHA-256$%'
         THEN pg_catalog.split_part(pg_catalog.split_part(r.rolpassword, '$', 2), ':', 1) ELSE '0' END,
       r.rolpassword = 'md5' || pg_catalog.md5(r.rolname || r.rolname)
FROM pg_catalog.pg_authid AS r WHERE r.rolpassword IS NOT NULL;
