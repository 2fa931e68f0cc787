SELECT r.line_number, r.type, r.database::pg_catalog.text, r.user_name::pg_catalog.text, r.address, r.netmask, r.auth_method, r.options::pg_catalog.text
FROM pg_catalog.pg_hba_file_rules AS r WHERE r.error IS NULL ORDER BY {{order}};
