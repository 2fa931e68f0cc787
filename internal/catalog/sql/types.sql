SELECT n.nspname, t.typname, pg_catalog.pg_get_userbyid(t.typowner), t.typacl::pg_catalog.text, e.objid IS NOT NULL
FROM pg_catalog.pg_type AS t
JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
LEFT JOIN pg_catalog.pg_class AS c ON c.oid = t.typrelid
LEFT JOIN pg_catalog.pg_depend AS e
  ON e.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND e.objid = t.oid AND e.deptype = 'e'
WHERE (t.typtype IN ('d', 'e', 'r') OR (t.typtype = 'c' AND c.relkind = 'c') OR (t.typtype = 'b' AND t.typcategory <> 'A')
       -- Since 17 a multirange type has its range type's owner and ACL.
       OR (t.typtype = 'm' AND pg_catalog.current_setting('server_version_num')::pg_catalog.int4 < 170000))
  AND {{schemas}}{{types}};
