-- By their numbers: what they are called is known, save the column.
SELECT d.objid, d.refobjid, (SELECT a.attname FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = d.refobjid AND a.attnum = d.refobjsubid), d.deptype = 'i'
FROM pg_catalog.pg_depend AS d
WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
  AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
  AND d.objid IN (SELECT s.oid FROM pg_catalog.pg_class AS s WHERE s.relkind = 'S');
