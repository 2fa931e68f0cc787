package catalog

import (
	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

// widenedSchema returns one of the system's schemas if more may be done in it
// than initdb lets PUBLIC do: see what pg_catalog and information_schema hold.
func widenedSchema(s snapshot.Schema) []snapshot.Widened {
	var public pgsql.Privs
	if s.Name == "pg_catalog" || s.Name == "information_schema" {
		public = pgsql.Usage
	}
	first := pgsql.ACL{{Grantor: s.Owner, Privs: public}}
	for _, it := range s.ACL {
		if it.Grantee != s.Owner && (it.Grantee != "" || it.Privs&^public != 0) {
			return []snapshot.Widened{{Schema: s.Name, Kind: "schema", Identity: pgsql.Ident(s.Name), Owner: s.Owner, ACL: s.ACL, First: first}}
		}
	}
	return nil
}

// changedSchema says whether one of the system's schemas that PUBLIC may use
// has another ACL than initdb gave it.
func changedSchema(s snapshot.Schema) bool {
	return (s.Name == "pg_catalog" || s.Name == "information_schema") &&
		!s.ACL.Same(pgsql.ACL{{Grantee: s.Owner, Grantor: s.Owner, Privs: pgsql.Usage | pgsql.Create}, {Grantor: s.Owner, Privs: pgsql.Usage}})
}
