SELECT a.usename, COALESCE(a.datname, ''), pg_catalog.count(*)
FROM pg_catalog.pg_stat_activity AS a
WHERE a.usename IS NOT NULL AND a.backend_type = 'client backend' AND a.pid <> pg_catalog.pg_backend_pid()
GROUP BY 1, 2 ORDER BY 1, 2;
