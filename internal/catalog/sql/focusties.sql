-- Before ties.sql, for a few schemas: what stands in them, and the constraints and
-- triggers that are tied to it from either side, by the indexes that lead there.
WITH house AS MATERIALIZED (SELECT n.oid FROM pg_catalog.pg_namespace AS n WHERE n.nspname IN ({{houses}})),
mine AS MATERIALIZED (
  SELECT d.classid, d.objid FROM pg_catalog.pg_depend AS d
  WHERE d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND d.refobjid IN (SELECT h.oid FROM house AS h)
    AND d.classid IN ('pg_catalog.pg_class'::pg_catalog.regclass, 'pg_catalog.pg_proc'::pg_catalog.regclass)),
bound AS MATERIALIZED (
  SELECT d.classid, d.objid FROM pg_catalog.pg_depend AS d
  WHERE (d.refclassid, d.refobjid) IN (SELECT m.classid, m.objid FROM mine AS m)
    AND d.classid IN ('pg_catalog.pg_constraint'::pg_catalog.regclass, 'pg_catalog.pg_trigger'::pg_catalog.regclass))
