SELECT r.rolname, r.rolpassword FROM pg_catalog.pg_authid AS r WHERE r.rolpassword IS NOT NULL;
