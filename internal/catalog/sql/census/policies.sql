SELECT n.nspname, c.relname, p.polname, p.polcmd::pg_catalog.text, p.polpermissive,
       (SELECT pg_catalog.array_agg((CASE WHEN u.oid = 0 THEN '' ELSE pg_catalog.pg_get_userbyid(u.oid)::pg_catalog.text END) ORDER BY 1)
        FROM pg_catalog.unnest(p.polroles) AS u(oid))::pg_catalog.text,
       pg_catalog.pg_get_expr(p.polqual, p.polrelid), pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid)
FROM pg_catalog.pg_policy AS p
JOIN pg_catalog.pg_class AS c ON c.oid = p.polrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace ORDER BY 1, 2, 3;
