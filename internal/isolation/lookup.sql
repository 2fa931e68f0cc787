
  SELECT r.rolname::pg_catalog.text, r.rolpassword
  FROM pg_catalog.pg_authid AS r
  WHERE r.rolname OPERATOR(pg_catalog.=) $1
    AND {{tellable}}
    AND pg_catalog.has_database_privilege(r.oid, pg_catalog.current_database(), 'CONNECT')
