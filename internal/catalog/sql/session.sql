SELECT pg_catalog.current_setting('server_version_num'), session_user, r.rolsuper, r.rolcreaterole, r.rolcreatedb,
       pg_catalog.current_database(), pg_catalog.pg_is_in_recovery(),
       pg_catalog.inet_client_addr() IS NULL, pg_catalog.host(pg_catalog.inet_client_addr()),
       COALESCE((SELECT s.ssl FROM pg_catalog.pg_stat_ssl AS s WHERE s.pid = pg_catalog.pg_backend_pid()), false),
       s.name, s.setting
FROM pg_catalog.pg_roles AS r
CROSS JOIN pg_catalog.pg_settings AS s
WHERE r.rolname = session_user
  AND s.name IN ('password_encryption', 'hba_file', 'max_connections', 'superuser_reserved_connections', 'ssl', 'port',
                 'listen_addresses', 'unix_socket_directories', 'max_prepared_transactions', 'lo_compat_privileges',
                 'max_locks_per_transaction', 'data_directory', 'reserved_connections', 'ssl_ca_file');
SELECT d.oid, d.datname, pg_catalog.pg_get_userbyid(d.datdba), d.datacl::pg_catalog.text, d.datallowconn, d.datistemplate,
       d.datconnlimit, c.description
FROM pg_catalog.pg_database AS d
LEFT JOIN pg_catalog.pg_shdescription AS c
  ON c.objoid = d.oid AND c.classoid = 'pg_catalog.pg_database'::pg_catalog.regclass
ORDER BY d.datname;
