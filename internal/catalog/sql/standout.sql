-- What stands in a tenant's schemas (those of its house, and those that its
-- roles own), and what of it is unusual. Members of extensions are left out.
-- The schemas and roles come as numbers, and pg_class is gone through once for each
-- statement: a catalog that all tenants share is large.
WITH classes AS MATERIALIZED (SELECT c.* FROM pg_catalog.pg_class AS c WHERE {{house c.relnamespace}})
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname),
       CASE c.relkind WHEN 'm' THEN 'materialized view' ELSE 'table' END,
       pg_catalog.pg_total_relation_size(c.oid) AS bytes
FROM classes AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm')
ORDER BY 3 DESC NULLS LAST, 1 LIMIT 5;
WITH classes AS MATERIALIZED (SELECT c.* FROM pg_catalog.pg_class AS c WHERE {{house c.relnamespace}})
SELECT o.kind, pg_catalog.count(*) FROM (
  SELECT CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
           WHEN 'f' THEN 'foreign table' WHEN 'S' THEN 'sequence' WHEN 'c' THEN 'composite type' ELSE 'index' END
  FROM classes AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  WHERE c.relkind <> 't' AND {{free pg_class c.oid}}
  UNION ALL
  SELECT CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' WHEN 'w' THEN 'window function' ELSE 'function' END
  FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
  WHERE {{house n.oid}} AND {{free pg_proc p.oid}}
  UNION ALL
  SELECT CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' ELSE 'range type' END
  FROM pg_catalog.pg_type AS t JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
  WHERE t.typtype IN ('e', 'd', 'r') AND {{house n.oid}} AND {{free pg_type t.oid}}
  UNION ALL
  SELECT 'trigger' FROM pg_catalog.pg_trigger AS g JOIN classes AS c ON c.oid = g.tgrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE NOT g.tgisinternal
) AS o(kind) GROUP BY o.kind ORDER BY o.kind;
WITH classes AS MATERIALIZED (SELECT c.* FROM pg_catalog.pg_class AS c WHERE {{house c.relnamespace}})
SELECT u.what, u.total, u.name FROM (
  SELECT o.what, o.name, pg_catalog.count(*) OVER (PARTITION BY o.what) AS total,
         pg_catalog.row_number() OVER (PARTITION BY o.what ORDER BY o.name) AS nth
  FROM (
    SELECT CASE c.relkind WHEN 'f' THEN 'foreign table' ELSE 'materialized view' END, pg_catalog.format('%I.%I', n.nspname, c.relname)
    FROM classes AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('f', 'm') AND {{free pg_class c.oid}}
    UNION ALL
    SELECT 'unlogged table', pg_catalog.format('%I.%I', n.nspname, c.relname)
    FROM classes AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND c.relpersistence = 'u' AND {{free pg_class c.oid}}
    UNION ALL
    SELECT 'table without primary key', pg_catalog.format('%I.%I', n.nspname, c.relname)
    FROM classes AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND {{free pg_class c.oid}}
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_index AS i WHERE i.indrelid = c.oid AND i.indisprimary)
    UNION ALL
    SELECT 'SECURITY DEFINER function', p.oid::pg_catalog.regprocedure::pg_catalog.text
    FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
    WHERE p.prosecdef AND {{house n.oid}} AND {{free pg_proc p.oid}}
    UNION ALL
    SELECT 'rule', pg_catalog.format('%I on %I.%I', r.rulename, n.nspname, c.relname)
    FROM pg_catalog.pg_rewrite AS r JOIN classes AS c ON c.oid = r.ev_class
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE r.rulename <> '_RETURN' AND {{free pg_class c.oid}}
    UNION ALL
    SELECT 'event trigger', pg_catalog.quote_ident(e.evtname)
    FROM pg_catalog.pg_event_trigger AS e JOIN pg_catalog.pg_proc AS p ON p.oid = e.evtfoid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
    WHERE {{house n.oid}} OR e.evtowner IN {{roles}}
    UNION ALL
    SELECT 'not its owner''s', pg_catalog.format('%I.%I of %I', n.nspname, c.relname, pg_catalog.pg_get_userbyid(c.relowner))
    FROM classes AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c') AND pg_catalog.pg_get_userbyid(c.relowner) <> {{owner}} AND {{free pg_class c.oid}}
    UNION ALL
    SELECT 'not its owner''s', pg_catalog.format('%s of %I', p.oid::pg_catalog.regprocedure, pg_catalog.pg_get_userbyid(p.proowner))
    FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
    WHERE pg_catalog.pg_get_userbyid(p.proowner) <> {{owner}} AND {{house n.oid}} AND {{free pg_proc p.oid}}
    UNION ALL
    SELECT 'large object', l.oid::pg_catalog.text FROM pg_catalog.pg_largeobject_metadata AS l WHERE l.lomowner IN {{roles}}
    UNION ALL
    SELECT 'owned outside of its schemas', pg_catalog.format('%s %s', i.type, i.identity)
    FROM pg_catalog.pg_shdepend AS s CROSS JOIN LATERAL pg_catalog.pg_identify_object(s.classid, s.objid, 0) AS i
    WHERE s.dbid = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())
      AND s.deptype = 'o' AND s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass AND s.refobjid IN {{roles}}
      AND s.classid NOT IN ('pg_catalog.pg_largeobject'::pg_catalog.regclass, 'pg_catalog.pg_default_acl'::pg_catalog.regclass,
        'pg_catalog.pg_event_trigger'::pg_catalog.regclass)
      AND i.identity IS NOT NULL AND COALESCE(i.schema NOT LIKE 'pg\_temp%', true)
      AND (i.schema IS NULL OR i.schema NOT IN (SELECT pg_catalog.quote_ident(n.nspname) FROM pg_catalog.pg_namespace AS n WHERE {{house n.oid}}))
      AND NOT (i.type = 'schema' AND i.name IN (SELECT pg_catalog.quote_ident(n.nspname) FROM pg_catalog.pg_namespace AS n WHERE n.nspname IN ({{schemas}})))
    UNION ALL
    SELECT 'owned outside of its schemas', pg_catalog.format('%s objects in database %I', pg_catalog.count(*), d.datname)
    FROM pg_catalog.pg_shdepend AS s JOIN pg_catalog.pg_database AS d ON d.oid = s.dbid
    WHERE s.deptype = 'o' AND s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass AND s.refobjid IN {{roles}}
      AND d.datname NOT IN ({{databases}})
    GROUP BY d.datname
    UNION ALL
    SELECT 'owned outside of its schemas', pg_catalog.format('database %I', d.datname)
    FROM pg_catalog.pg_database AS d WHERE d.datdba IN {{roles}} AND d.datname NOT IN ({{databases}})
  ) AS o(what, name)
) AS u WHERE u.nth <= 5 ORDER BY u.what, u.nth;
