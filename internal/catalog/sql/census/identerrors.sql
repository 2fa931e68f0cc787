SELECT {{file}}, h.line_number, h.error FROM pg_catalog.pg_ident_file_mappings AS h WHERE h.error IS NOT NULL;
