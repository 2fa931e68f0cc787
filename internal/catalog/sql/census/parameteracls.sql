SELECT p.parname, p.paracl::pg_catalog.text FROM pg_catalog.pg_parameter_acl AS p ORDER BY 1;
