SELECT c.oid, c.relnamespace, c.relname, c.relkind, pg_catalog.pg_get_userbyid(c.relowner)
FROM pg_catalog.pg_class AS c WHERE c.oid = ANY ('{{relations}}');
