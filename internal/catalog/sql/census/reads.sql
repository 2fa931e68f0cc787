-- What views use, by numbers: what they are called is known, save the system's
-- own, which are named. Those that are pinned do not stand here.
SELECT DISTINCT (SELECT w.ev_class FROM pg_catalog.pg_rewrite AS w WHERE w.oid = d.objid), d.refobjid,
       CASE WHEN d.refobjid < 16384 THEN d.refobjid::pg_catalog.regclass::pg_catalog.text END
FROM pg_catalog.pg_depend AS d
WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
  AND d.objid >= 16384;
