-- Which functions the expressions of tables and views call that are another
-- role's, and run with the rights of whoever uses the table. A rule's are a
-- view's own, or those of what it does.
SELECT DISTINCT n.nspname, c.relname,
       CASE d.classid WHEN 2606 THEN (CASE WHEN k.contypid = 0 THEN 'check' ELSE 'domain' END) WHEN 2604 THEN 'default' WHEN 3256 THEN 'policy' WHEN 1259 THEN 'index' ELSE 'query' END,
       p.oid::pg_catalog.regprocedure::pg_catalog.text
FROM pg_catalog.pg_depend AS d
JOIN pg_catalog.pg_proc AS p ON p.oid = d.refobjid AND NOT p.prosecdef
LEFT JOIN pg_catalog.pg_constraint AS k ON d.classid = 2606 AND k.oid = d.objid
LEFT JOIN pg_catalog.pg_attrdef AS f ON d.classid = 2604 AND f.oid = d.objid
LEFT JOIN pg_catalog.pg_policy AS y ON d.classid = 3256 AND y.oid = d.objid
LEFT JOIN pg_catalog.pg_index AS i ON d.classid = 1259 AND i.indexrelid = d.objid
LEFT JOIN pg_catalog.pg_rewrite AS w ON d.classid = 2618 AND w.oid = d.objid
CROSS JOIN LATERAL (SELECT COALESCE(NULLIF(k.conrelid, 0), f.adrelid, y.polrelid, i.indrelid, w.ev_class)
  UNION SELECT a.attrelid FROM pg_catalog.pg_attribute AS a WHERE k.contypid <> 0 AND a.atttypid = k.contypid AND NOT a.attisdropped) AS t(oid)
JOIN pg_catalog.pg_class AS c ON c.oid = t.oid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.refobjid >= 16384 AND d.classid IN (2606, 2604, 3256, 1259, 2618)
  AND p.proowner <> c.relowner AND c.relkind IN ('r', 'p', 'v', 'm', 'f');
