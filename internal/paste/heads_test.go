package paste

import (
	"strings"
	"testing"
)

// heads of psql 9.2 to 18, as describe.c of each has them (describeRoles,
// describeRoleGrants, listAllDbs, listSchemas, permissionsList,
// listDefaultACLs). The captured texts are of 9.5, 10 and 12 to 18.
var headsOf = []struct {
	since, until string // majors, both included
	command      string
	kind         Kind
	head         string
}{
	{"9.2", "15", `\du`, Roles, "Role name|Attributes|Member of"},
	{"9.2", "15", `\du+`, Roles, "Role name|Attributes|Member of|Description"},
	{"16", "18", `\du`, Roles, "Role name|Attributes"},
	{"16", "18", `\du+`, Roles, "Role name|Attributes|Description"},
	{"16", "18", `\drg`, Grants, "Role name|Member of|Options|Grantor"},
	{"9.2", "14", `\l`, Databases, "Name|Owner|Encoding|Collate|Ctype|Access privileges"},
	{"9.2", "14", `\l+`, Databases, "Name|Owner|Encoding|Collate|Ctype|Access privileges|Size|Tablespace|Description"},
	{"15", "15", `\l`, Databases, "Name|Owner|Encoding|Collate|Ctype|ICU Locale|Locale Provider|Access privileges"},
	{"15", "15", `\l+`, Databases, "Name|Owner|Encoding|Collate|Ctype|ICU Locale|Locale Provider|Access privileges|Size|Tablespace|Description"},
	{"16", "16", `\l`, Databases, "Name|Owner|Encoding|Locale Provider|Collate|Ctype|ICU Locale|ICU Rules|Access privileges"},
	{"16", "16", `\l+`, Databases, "Name|Owner|Encoding|Locale Provider|Collate|Ctype|ICU Locale|ICU Rules|Access privileges|Size|Tablespace|Description"},
	{"17", "18", `\l`, Databases, "Name|Owner|Encoding|Locale Provider|Collate|Ctype|Locale|ICU Rules|Access privileges"},
	{"17", "18", `\l+`, Databases, "Name|Owner|Encoding|Locale Provider|Collate|Ctype|Locale|ICU Rules|Access privileges|Size|Tablespace|Description"},
	{"9.2", "18", `\dn`, Schemas, "Name|Owner"},
	{"9.2", "18", `\dn+`, Schemas, "Name|Owner|Access privileges|Description"},
	{"9.2", "9.4", `\dp`, Privileges, "Schema|Name|Type|Access privileges|Column access privileges"},
	{"9.5", "18", `\dp`, Privileges, "Schema|Name|Type|Access privileges|Column privileges|Policies"},
	{"9.2", "18", `\ddp`, Defaults, "Owner|Schema|Type|Access privileges"},
}

// TestHeadsOfEveryVersion reads each of these with one row, in the frame of
// \pset border 1 and without any ruler.
func TestHeadsOfEveryVersion(t *testing.T) {
	rows := map[Kind]string{
		Roles: "acme|Cannot login||", Grants: "a|b|INHERIT, SET|postgres", Databases: "acme|boss|UTF8", Schemas: "acme|boss", Privileges: "acme|t|table", Defaults: "boss|acme|table",
	}
	for _, c := range headsOf {
		columns := strings.Split(c.head, "|")
		row := make([]string, len(columns))
		copy(row, strings.Split(rows[c.kind], "|"))
		line := func(cells []string) string { return " " + strings.Join(cells, " | ") + "\n" }
		for _, ruler := range []string{"", strings.Repeat("-----+", len(columns)) + "\n"} {
			r, err := Parse(c.command, []byte("\\connect acme\n"+line(columns)+ruler+line(row)))
			if err != nil || len(r.Tables) != 1 || r.Tables[0].Kind != c.kind || len(r.Notes) > 0 {
				t.Errorf("psql %s to %s, %s: %v: %v, %v", c.since, c.until, c.command, err, r.Tables, r.Notes)
			}
		}
	}
}
