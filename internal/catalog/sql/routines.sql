SELECT n.nspname, p.oid::pg_catalog.regprocedure::pg_catalog.text, pg_catalog.pg_get_userbyid(p.proowner), p.proacl::pg_catalog.text,
       e.objid IS NOT NULL, {{aggregate}},
       EXISTS (SELECT FROM pg_catalog.pg_event_trigger AS v WHERE v.evtfoid = p.oid),
       CASE WHEN n.nspname = 'landlord' THEN pg_catalog.concat_ws(' ', (SELECT l.lanname FROM pg_catalog.pg_language AS l WHERE l.oid = p.prolang),
         p.prosecdef, p.provolatile, p.proleakproof, p.proisstrict, p.proretset, p.proparallel, pg_catalog.format_type(p.prorettype, NULL), p.proargnames, p.proconfig)
         || E'\n' || p.prosrc END,
       p.prosecdef, (SELECT l.lanname FROM pg_catalog.pg_language AS l WHERE l.oid = p.prolang), p.proconfig::pg_catalog.text,
       CASE p.prorettype WHEN 'pg_catalog.trigger'::pg_catalog.regtype THEN 'trigger' WHEN 'pg_catalog.event_trigger'::pg_catalog.regtype THEN 'event_trigger' END,
       {{bound}}
FROM pg_catalog.pg_proc AS p
JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
LEFT JOIN pg_catalog.pg_depend AS e
  ON e.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND e.objid = p.oid AND e.deptype = 'e'
WHERE {{schemas}}{{routines}}
  -- The constructors of a range type are parts of it: the bootstrap superuser's, and PUBLIC's to execute.
  AND NOT (p.proowner = 10 AND p.proacl IS NULL AND EXISTS (
    SELECT FROM pg_catalog.pg_depend AS i
    WHERE i.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND i.objid = p.oid AND i.deptype = 'i'
      AND i.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass));
