SELECT t.spcname, pg_catalog.pg_get_userbyid(t.spcowner), t.spcacl::pg_catalog.text
FROM pg_catalog.pg_tablespace AS t ORDER BY 1;
