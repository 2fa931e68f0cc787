SELECT d FROM pg_catalog.pg_ls_dir({{path}}) AS d ORDER BY 1;
