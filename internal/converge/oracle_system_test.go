package converge_test

import "slices"

// judgeSystem says that PUBLIC holds nothing on the system's own objects that
// initdb did not give it, and nothing on what stands in no schema.
func (o *oracle) judgeSystem(db string) {
	if !slices.Contains(o.databases(), db) {
		return // nobody gets in
	}
	for _, r := range o.rows(db, `
		SELECT what, privilege_type FROM (
			SELECT relname::text AS what, 'pg_class'::regclass AS class, oid, 0 AS sub, CASE WHEN relnamespace = 'information_schema'::regnamespace AND relname !~ '^_' THEN 'SELECT' END AS born, relacl AS acl
			FROM pg_class WHERE oid < 16384
			UNION ALL SELECT format('%s.%s', attrelid::regclass, attname), 'pg_class'::regclass, attrelid, attnum, NULL, attacl FROM pg_attribute WHERE attrelid < 16384
			UNION ALL SELECT oid::regprocedure::text, 'pg_proc'::regclass, oid, 0, NULL, coalesce(proacl, acldefault('f', proowner)) FROM pg_proc p
			WHERE EXISTS (SELECT FROM pg_init_privs i WHERE i.classoid = 'pg_proc'::regclass AND i.objoid = p.oid)
			UNION ALL SELECT nspname::text, 'pg_namespace'::regclass, oid, 0, CASE WHEN nspname <> 'pg_toast' THEN 'USAGE' END, nspacl FROM pg_namespace WHERE oid < 16384 AND nspname <> 'public'
		) o CROSS JOIN LATERAL aclexplode(acl) a
		WHERE a.grantee = 0 AND privilege_type IS DISTINCT FROM born AND NOT EXISTS (
			SELECT FROM pg_init_privs i CROSS JOIN LATERAL aclexplode(i.initprivs) b
			WHERE i.classoid = class AND i.objoid = oid AND i.objsubid = sub AND b.grantee = 0 AND b.privilege_type = a.privilege_type)
		UNION ALL SELECT fdwname::text, privilege_type FROM pg_foreign_data_wrapper CROSS JOIN LATERAL aclexplode(fdwacl) a WHERE a.grantee = 0
		UNION ALL SELECT srvname::text, privilege_type FROM pg_foreign_server CROSS JOIN LATERAL aclexplode(srvacl) a WHERE a.grantee = 0`) {
		o.complain("PUBLIC holds %s on %s in %q", r[1], r[0], db)
	}
}
