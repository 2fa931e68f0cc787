package audit

import (
	"fmt"
	"slices"

	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

const privilegesManual = "manual, chapter 5.8, Privileges"

func databaseRules() []Rule {
	needs := []snapshot.Part{snapshot.PartDatabases, snapshot.PartDatabaseACLs}
	withRoles := append([]snapshot.Part{snapshot.PartRoles}, needs...)
	return []Rule{
		{Code: "db-public-connect", Title: "Every role may connect to this database", Subject: Databases, Severity: High, Needs: needs,
			Why:    "PUBLIC means every role there is and every one that will be, so each customer's login may connect to this database. Once inside, it sees the names of all tables and functions, and reaches whatever was left open to everybody.",
			Fix:    "Revoke from PUBLIC, and grant CONNECT to the database's own roles.",
			Breaks: "Logins that got in only through PUBLIC (monitoring, backup, administrators): grant CONNECT to them by name first.",
			Source: privilegesManual, check: publicConnect},
		{Code: "db-public-temp", Title: "Every role may make temporary tables in this database", Subject: Databases, Severity: Low, Needs: needs,
			Why:    "Temporary tables can fill the disk that all customers share. They can also stand in the way of tables of the same name inside functions that do not name their schemas.",
			Fix:    "Revoke TEMPORARY from PUBLIC, and grant it to those who need it.",
			Breaks: "Programs that make temporary tables and get the right only through PUBLIC.", Source: privilegesManual, check: publicTemp},
		{Code: "db-maintenance-open", Title: "Every role may connect to a database that is nobody's", Subject: Databases, Severity: Medium, Needs: needs,
			Why:    "The databases postgres and template1 belong to the server, and are open to PUBLIC unless somebody closes them. From there a customer's login sees the whole server's roles, databases and sessions, and what it leaves behind in template1 is copied into every new database.",
			Fix:    "Revoke CONNECT and TEMPORARY from PUBLIC.",
			Breaks: "Tools that connect to postgres first to list databases: grant CONNECT to their roles.", Source: "manual, chapter 22.3, Template Databases", check: maintenanceOpen},
		{Code: "db-tenant-elsewhere", Title: "A customer's role may connect to another's database", Subject: Databases, Severity: High, Needs: withRoles,
			Why:    "Somebody has granted one customer's role CONNECT on a database that is another's. That is one wall less between the two.",
			Fix:    "Revoke it.",
			Breaks: "Whatever uses it: ask first.", Source: privilegesManual, check: tenantGrantedElsewhere},
		{Code: "db-owned-by-login", Title: "A database belongs to a role that logs in", Subject: Databases, Severity: Medium, Needs: withRoles,
			Why:    "The owner of a database can drop it, grant it to others, and set parameters that hold in everybody's sessions there, a superuser's too. Whoever has that login's password, or finds a hole in the program that uses it, can do all of that.",
			Fix:    "Give the database to a role that cannot log in.",
			Breaks: "Programs that use what only the owner may: ALTER DATABASE, CREATE SCHEMA, extensions, and schema public from PostgreSQL 15 on. Grant what they need by name.", Source: "manual, chapter 22.2, Creating a Database", check: ownedByLogin},
		{Code: "db-create", Title: "An application may make schemas in the database", Subject: Databases, Severity: Medium, Needs: withRoles,
			Why:    "CREATE on a database lets a login make schemas, and since PostgreSQL 13 install trusted extensions. A schema called postgres, or like an administrator, is where that role looks for functions first when it works there: what it calls is then the login's, and runs with the administrator's rights.",
			Fix:    "Revoke CREATE; let migrations run as the owner, in a login of their own.",
			Breaks: "Migrations that run with the application's login.", Source: privilegesManual, check: createOnDatabase},
	}
}

// acl is a database's ACL, what NULL means filled in.
func (f *facts) acl(d snapshot.Database) pgsql.ACL {
	return d.ACL.Or(pgsql.DatabaseObj, d.Owner, f.version())
}

// public is what PUBLIC has.
func public(acl pgsql.ACL) pgsql.Privs {
	var p pgsql.Privs
	for _, it := range acl {
		if it.Grantee == "" {
			p |= it.Privs
		}
	}
	return p
}

func database(name string) snapshot.Object {
	return snapshot.Object{Kind: "database", Name: name}
}

// others are logins that get into a database only through PUBLIC, as a
// warning of what a REVOKE would stop: as many as are shown.
func (f *facts) others(d snapshot.Database) []string {
	named := map[string]bool{d.Owner: true}
	for _, it := range f.acl(d) {
		named[it.Grantee] = named[it.Grantee] || it.Privs&pgsql.Connect != 0
	}
	var names []string
	for _, r := range f.Snapshot.Roles {
		if len(names) > mostNames {
			break
		}
		if f.login(r.Name) && !named[r.Name] && !slices.Contains(f.housesOf[f.home[r.Name]], d.Name) {
			names = append(names, ident(r.Name))
		}
	}
	return names
}

func publicConnect(f *facts) []Finding {
	var found []Finding
	for _, d := range f.Snapshot.Databases {
		if maintenance(d.Name) || !d.AllowConn || public(f.acl(d))&pgsql.Connect == 0 {
			continue
		}
		what := "PUBLIC has " + public(f.acl(d)).String() + " on it"
		if d.ACL == nil {
			what += ", since nobody has ever changed its privileges and this is the default"
		}
		if who := f.others(d); len(who) > 0 {
			what += "; so " + some(who) + " may connect"
			if f.before(15) && !f.unread.knows(d.Name, snapshot.PartSchemas) {
				what += ", and make tables and functions in its schema public unless somebody has revoked that (before PostgreSQL 15 everybody may)"
			}
		}
		fix := []Fix{sql("REVOKE CONNECT, TEMPORARY ON DATABASE " + ident(d.Name) + " FROM PUBLIC;")}
		for _, i := range f.dwellers[d.Name] {
			fix = append(fix, f.keepConnect(d, f.tenants[i])...)
		}
		found = append(found, Finding{Object: database(d.Name), What: what + ".", Fix: fix})
	}
	return found
}

// keepConnect grants CONNECT to the database's own logins that have it only
// through PUBLIC, so that they keep it.
func (f *facts) keepConnect(d snapshot.Database, t resident) []Fix {
	var fix []Fix
	for _, name := range t.roles {
		named := slices.ContainsFunc(f.acl(d), func(it pgsql.ACLItem) bool { return it.Grantee == name && it.Privs&pgsql.Connect != 0 })
		if f.login(name) && !named {
			fix = append(fix, sql("GRANT CONNECT, TEMPORARY ON DATABASE "+ident(d.Name)+" TO "+ident(name)+";"))
		}
	}
	return fix
}

func publicTemp(f *facts) []Finding {
	var found []Finding
	for _, d := range f.Snapshot.Databases {
		if p := public(f.acl(d)); !maintenance(d.Name) && d.AllowConn && p&(pgsql.Temporary|pgsql.Connect) == pgsql.Temporary {
			found = append(found, Finding{Object: database(d.Name), What: "PUBLIC has TEMPORARY on it.", Fix: []Fix{sql("REVOKE TEMPORARY ON DATABASE " + ident(d.Name) + " FROM PUBLIC;")}})
		}
	}
	return found
}

func maintenanceOpen(f *facts) []Finding {
	var found []Finding
	for _, d := range f.Snapshot.Databases {
		if d.Name != "postgres" && d.Name != "template1" || !d.AllowConn || public(f.acl(d))&(pgsql.Connect|pgsql.Temporary) == 0 {
			continue
		}
		what := "PUBLIC has " + public(f.acl(d)).String() + " on it"
		if d.ACL == nil {
			what += ", the default: its privileges are empty in \\l, which does not mean that nobody has any"
		}
		if d.Name == "template1" && f.before(15) {
			what += ". Before PostgreSQL 15 everybody may also make tables and functions in its schema public, unless that was revoked, and each new database is born with them"
		}
		found = append(found, Finding{Object: database(d.Name), What: what + ".", Fix: []Fix{sql("REVOKE CONNECT, TEMPORARY ON DATABASE " + ident(d.Name) + " FROM PUBLIC;")}})
	}
	return found
}

func tenantGrantedElsewhere(f *facts) []Finding {
	var found []Finding
	for _, d := range f.Snapshot.Databases {
		if !d.AllowConn {
			continue
		}
		for _, it := range d.ACL {
			home := f.home[it.Grantee]
			if home == "" || it.Privs&pgsql.Connect == 0 || slices.Contains(f.housesOf[home], d.Name) {
				continue
			}
			found = append(found, Finding{Object: snapshot.Object{Kind: "database", Name: d.Name + " for " + it.Grantee},
				What: fmt.Sprintf("%s, whose home is %s, has CONNECT on database %s.", ident(it.Grantee), some(f.housesOf[home]), ident(d.Name)),
				Fix:  []Fix{sql("REVOKE CONNECT ON DATABASE " + ident(d.Name) + " FROM " + ident(it.Grantee) + ";")}})
		}
	}
	return found
}

func ownedByLogin(f *facts) []Finding {
	var found []Finding
	for _, d := range f.Snapshot.Databases {
		if !f.login(d.Owner) || maintenance(d.Name) {
			continue
		}
		x := Finding{Object: database(d.Name), What: fmt.Sprintf("It belongs to %s, which logs in.", ident(d.Owner)), Fix: append(f.madeHolder(d.Name),
			sql("ALTER DATABASE "+ident(d.Name)+" OWNER TO "+ident(f.holder(d.Name))+";"),
			sql("GRANT CONNECT, TEMPORARY ON DATABASE "+ident(d.Name)+" TO "+ident(d.Owner)+";"))}
		if f.home[d.Owner] != "" {
			x = x.as(High)
			x.What += " It is a customer's own login."
		}
		found = append(found, x)
	}
	return found
}

func createOnDatabase(f *facts) []Finding {
	var found []Finding
	for _, d := range f.Snapshot.Databases {
		for _, it := range f.acl(d) {
			if it.Privs&pgsql.Create == 0 || it.Grantee == d.Owner || it.Grantee != "" && !(f.login(it.Grantee) && f.ordinary(it.Grantee)) {
				continue
			}
			x := Finding{Object: snapshot.Object{Kind: "database", Name: d.Name + " for " + grantee(it.Grantee)},
				What: fmt.Sprintf("%s has CREATE on database %s.", grantee(it.Grantee), ident(d.Name)),
				Fix:  []Fix{sql("REVOKE CREATE ON DATABASE " + ident(d.Name) + " FROM " + grantee(it.Grantee) + ";")}}
			if n := f.Lines[database(d.Name)]; n > 0 {
				x.Place = &Place{f.File, n}
			}
			found = append(found, x)
		}
	}
	return found
}
