SELECT n.nspname, pg_catalog.sum(pg_catalog.pg_total_relation_size(c.oid))::pg_catalog.int8
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm', 'p'){{which}}
GROUP BY n.nspname;
