SELECT pg_catalog.current_setting('hba_file'),
       pg_catalog.encode(pg_catalog.pg_read_binary_file(pg_catalog.current_setting('hba_file')), 'base64');
