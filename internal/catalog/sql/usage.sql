SELECT a.usename, pg_catalog.count(*) FROM pg_catalog.pg_stat_activity AS a
WHERE a.usename IS NOT NULL AND a.backend_type = 'client backend' GROUP BY a.usename;
SELECT d.datname, pg_catalog.pg_database_size(d.oid) FROM pg_catalog.pg_database AS d
WHERE pg_catalog.has_database_privilege(d.oid, 'CONNECT'){{which}};
