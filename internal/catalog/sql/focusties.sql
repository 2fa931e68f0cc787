-- What ties.sql reads, of a few schemas: from either side, by the indexes that
-- lead there.
WITH house AS MATERIALIZED (SELECT n.oid FROM pg_catalog.pg_namespace AS n WHERE n.nspname IN ({{houses}})),
mine AS MATERIALIZED (
  SELECT d.classid, d.objid FROM pg_catalog.pg_depend AS d
  WHERE d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND d.refobjid IN (SELECT h.oid FROM house AS h)
    AND d.classid IN ('pg_catalog.pg_class'::pg_catalog.regclass, 'pg_catalog.pg_proc'::pg_catalog.regclass)),
bound AS MATERIALIZED (
  SELECT d.classid, d.objid FROM pg_catalog.pg_depend AS d
  WHERE (d.refclassid, d.refobjid) IN (SELECT m.classid, m.objid FROM mine AS m)
    AND d.classid IN ('pg_catalog.pg_constraint'::pg_catalog.regclass, 'pg_catalog.pg_trigger'::pg_catalog.regclass))
SELECT CASE WHEN c.relispartition THEN 'partition' ELSE 'child' END, '', n.nspname, c.oid::pg_catalog.regclass::pg_catalog.text,
       f.nspname, p.oid::pg_catalog.regclass::pg_catalog.text
FROM (
  SELECT i.inhrelid, i.inhparent FROM pg_catalog.pg_inherits AS i WHERE i.inhrelid IN (SELECT m.objid FROM mine AS m)
  UNION SELECT i.inhrelid, i.inhparent FROM pg_catalog.pg_inherits AS i WHERE i.inhparent IN (SELECT m.objid FROM mine AS m)
) AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
JOIN pg_catalog.pg_class AS p ON p.oid = i.inhparent AND p.relnamespace <> c.relnamespace
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_namespace AS f ON f.oid = p.relnamespace
WHERE c.relkind IN ('r', 'p', 'f')
UNION ALL
SELECT 'foreign key', pg_catalog.quote_ident(k.conname), n.nspname, c.oid::pg_catalog.regclass::pg_catalog.text,
       f.nspname, p.oid::pg_catalog.regclass::pg_catalog.text
FROM pg_catalog.pg_constraint AS k
JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid
JOIN pg_catalog.pg_class AS p ON p.oid = k.confrelid AND p.relnamespace <> c.relnamespace
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_namespace AS f ON f.oid = p.relnamespace
WHERE k.contype = 'f' AND {{whole}}
  AND k.oid IN (SELECT b.objid FROM bound AS b WHERE b.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass)
UNION ALL
SELECT 'trigger', pg_catalog.quote_ident(t.tgname), n.nspname, c.oid::pg_catalog.regclass::pg_catalog.text,
       f.nspname, p.oid::pg_catalog.regprocedure::pg_catalog.text
FROM pg_catalog.pg_trigger AS t
JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid AND p.pronamespace <> c.relnamespace
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_namespace AS f ON f.oid = p.pronamespace
WHERE NOT t.tgisinternal
  AND t.oid IN (SELECT b.objid FROM bound AS b WHERE b.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass);
