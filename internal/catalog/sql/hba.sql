-- A rename does not touch a file's time of modification, but its time of
-- change. What a new session takes for the time of loading is the postmaster's.
SELECT pg_catalog.current_setting('hba_file'),
       pg_catalog.encode(pg_catalog.pg_read_binary_file(pg_catalog.current_setting('hba_file')), 'base64'),
       COALESCE(pg_catalog.date_part('epoch', f.change), 0)::pg_catalog.int8,
       (pg_catalog.date_part('epoch', pg_catalog.pg_conf_load_time()) OPERATOR(pg_catalog.*) 1000000)::pg_catalog.int8,
       pg_catalog.current_setting('ident_file'),
       pg_catalog.encode(pg_catalog.pg_read_binary_file(pg_catalog.current_setting('ident_file'), 0, 67108864, true), 'base64'),
       COALESCE(pg_catalog.date_part('epoch', (pg_catalog.pg_stat_file(pg_catalog.current_setting('ident_file'), true)).change), 0)::pg_catalog.int8
FROM pg_catalog.pg_stat_file(pg_catalog.current_setting('hba_file')) AS f;
