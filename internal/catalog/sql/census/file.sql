SELECT pg_catalog.encode(pg_catalog.pg_read_binary_file({{path}}), 'base64');
