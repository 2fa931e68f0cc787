SELECT t.typnamespace, t.typname, pg_catalog.pg_get_userbyid(t.typowner), t.typacl, t.oid
FROM pg_catalog.pg_type AS t WHERE t.typacl IS NOT NULL AND t.typnamespace < 16384 AND t.typnamespace <> 2200;
