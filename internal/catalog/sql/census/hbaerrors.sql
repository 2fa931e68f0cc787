SELECT {{file}}, h.line_number, h.error FROM pg_catalog.pg_hba_file_rules AS h WHERE h.error IS NOT NULL;
