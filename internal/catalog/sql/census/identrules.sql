SELECT m.line_number, m.map_name, m.sys_name, m.pg_username
FROM pg_catalog.pg_ident_file_mappings AS m WHERE m.error IS NULL ORDER BY {{order}};
