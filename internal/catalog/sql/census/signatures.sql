SELECT p.oid, p.oid::pg_catalog.regprocedure FROM pg_catalog.pg_proc AS p WHERE p.oid = ANY ('{{routines}}');
