SELECT s.slot_name, s.slot_type = 'logical', COALESCE(s.plugin::pg_catalog.text, ''), COALESCE(s.database::pg_catalog.text, ''), s.active
FROM pg_catalog.pg_replication_slots AS s ORDER BY 1;
