r.rolcanlogin AND NOT r.rolsuper AND NOT r.rolreplication AND NOT r.rolbypassrls AND NOT r.rolcreaterole
    AND (r.rolvaliduntil IS NULL OR r.rolvaliduntil OPERATOR(pg_catalog.>) pg_catalog.clock_timestamp())
    -- To PgBouncer, no password at all is one that can be guessed, and an md5 hash one in the clear.
    AND pg_catalog.starts_with(r.rolpassword, 'SCRAM-SHA-256$')
    AND pg_catalog.pg_has_role(r.oid, 'landlord_tenants', 'MEMBER')
