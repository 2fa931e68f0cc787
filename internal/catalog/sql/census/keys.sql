-- The keys to which a foreign key can lead, of tables on whose ACLs, or whose
-- columns', there is an x for REFERENCES: names with an x in them do no harm.
-- What an index includes (INCLUDE) stands behind its key columns, counted from 0 (since 11).
SELECT i.indrelid, (SELECT pg_catalog.array_agg(a.attname ORDER BY a.attnum) FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = i.indrelid AND a.attnum = ANY ((i.indkey::pg_catalog.int2[])[0 : {{nkeys}} - 1]))::pg_catalog.text,
       (SELECT pg_catalog.array_agg(pg_catalog.format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum) FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = i.indrelid AND a.attnum = ANY ((i.indkey::pg_catalog.int2[])[0 : {{nkeys}} - 1]))::pg_catalog.text
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.indrelid
WHERE i.indisunique AND i.indisvalid AND i.indimmediate AND NOT i.indisexclusion AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indrelid >= 16384
  AND (c.relacl::pg_catalog.text LIKE '%x%'
    OR EXISTS (SELECT FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = i.indrelid AND a.attacl::pg_catalog.text LIKE '%x%'));
