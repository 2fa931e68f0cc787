SELECT n.nspname, c.relname, c.relrowsecurity, c.relforcerowsecurity, c.relispartition,
       EXISTS (SELECT FROM pg_catalog.unnest(c.reloptions) AS o(o)
               WHERE o.o ILIKE 'security\_invoker=%' AND pg_catalog.lower(pg_catalog.substr(o.o, 18)) IN ('true', 'on', 'yes', '1', 't', 'y'))
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE (c.relrowsecurity OR c.relforcerowsecurity OR c.relispartition OR c.reloptions IS NOT NULL)
  AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND {{schemas}};
