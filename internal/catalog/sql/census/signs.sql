-- Signs of the rarer kinds: what costs, in a session that has just begun, is
-- each catalog that a query touches, so that pg_class and pg_depend, which the
-- core has touched, tell as much as they can. Numbers of catalogs stand for
-- their names, since a name costs a look-up: 2606 constraints (those that need
-- another table are foreign keys), 2618 rules (a view's own is tied to it by
-- 'i'), 2620 triggers (a constraint's own stand on the constraint), 3256
-- policies, 3466 event triggers; 1259 pg_class; 1255 functions that an
-- expression calls (2604 are defaults).
SELECT DISTINCT CASE WHEN d.refclassid = 1255 AND d.classid <> 3466 THEN 'calls' ELSE CASE d.classid WHEN 2606 THEN 'foreignkeys' WHEN 2618 THEN 'rules' WHEN 2620 THEN 'triggers' WHEN 3256 THEN 'policies' ELSE 'eventtriggers' END END
FROM pg_catalog.pg_depend AS d
WHERE d.objid >= 16384 AND (d.classid = 3466
  OR d.refclassid = 1255 AND d.refobjid >= 16384 AND d.deptype = 'n' AND d.classid IN (2604, 2606, 3256, 1259, 2618)
  OR d.refclassid = 1259 AND d.classid IN (2606, 2618, 2620, 3256) AND d.deptype = CASE d.classid WHEN 2606 THEN 'n' ELSE 'a' END)
UNION ALL
SELECT DISTINCT CASE WHEN c.relhassubclass THEN 'inherits' ELSE 'flags' END
FROM pg_catalog.pg_class AS c
WHERE c.oid >= 16384 AND (c.relrowsecurity OR c.relforcerowsecurity OR c.relispartition OR c.reloptions IS NOT NULL OR c.relhassubclass)
UNION ALL
SELECT 'publications' WHERE EXISTS (SELECT FROM pg_catalog.pg_publication)
UNION ALL
SELECT 'system' WHERE EXISTS (SELECT FROM pg_catalog.pg_type AS t WHERE t.typacl IS NOT NULL AND t.typnamespace < 16384 AND t.typnamespace <> 2200)
  OR EXISTS (SELECT FROM pg_catalog.pg_proc AS p WHERE p.proacl IS NOT NULL AND p.pronamespace < 16384 AND p.pronamespace <> 2200
    AND p.oid NOT IN (SELECT i.objoid FROM pg_catalog.pg_init_privs AS i WHERE i.classoid = 1255));
