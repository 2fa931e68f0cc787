package paste

import (
	"fmt"
	"slices"
	"strings"

	"landlord/internal/snapshot"
)

// Told is what a snapshot says of access, in lines that can be compared:
// what psql told, and what a census of the same server has read.
func Told(s snapshot.Snapshot, knows func(database string, p snapshot.Part) bool) []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if knows("", snapshot.PartRoles) {
		for _, r := range s.Roles {
			if !strings.HasPrefix(r.Name, "pg_") {
				say("role %s super=%v createrole=%v createdb=%v login=%v replication=%v bypassrls=%v limit=%d until=%s", r.Name, r.Superuser, r.CreateRole, r.CreateDB, r.Login, r.Replicate, r.BypassRLS, r.ConnLimit, r.ValidUntil[:min(10, len(r.ValidUntil))])
			}
		}
	}
	if knows("", snapshot.PartMemberships) {
		for _, m := range s.Memberships {
			if strings.HasPrefix(m.Member, "pg_") {
				continue
			}
			line := fmt.Sprintf("member %s of %s", m.Member, m.Role)
			if knows("", snapshot.PartMembershipOptions) {
				line += fmt.Sprintf(" admin=%v inherit=%v set=%v by %s", m.Admin, m.Inherit, m.Set, m.Grantor)
			}
			out = append(out, line)
		}
	}
	if knows("", snapshot.PartDatabases) {
		for _, d := range s.Databases {
			say("database %s of %s: %v %v", d.Name, d.Owner, d.ACL != nil, d.ACL)
		}
	}
	if knows("", snapshot.PartSettings) {
		for _, x := range s.Settings {
			say("setting %s/%s %s=%s", x.Role, x.Database, x.Name, x.Value)
		}
	}
	for _, c := range s.Contents {
		if c.Database == "acme" {
			out = append(out, toldInside(c, knows)...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func toldInside(c snapshot.Contents, knows func(database string, p snapshot.Part) bool) []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if knows("acme", snapshot.PartSchemas) {
		for _, s := range c.Schemas {
			say("schema %s of %s: %v", s.Name, s.Owner, s.ACL)
		}
	}
	if knows("acme", snapshot.PartRelations) {
		for _, r := range c.Relations {
			say("%c %s.%s: %v", r.Kind, r.Schema, r.Name, r.ACL)
		}
		for _, a := range c.Columns {
			say("column %s.%s.%s: %v", a.Schema, a.Relation, a.Name, a.ACL)
		}
	}
	if knows("acme", snapshot.PartPolicies) {
		for _, p := range c.Policies {
			roles := slices.Sorted(slices.Values(p.Roles))
			say("policy %s on %s.%s %s permissive=%v to %q using %s check %s", p.Name, p.Schema, p.Table, p.Command, p.Permissive, roles, p.Using, p.Check)
		}
	}
	if knows("acme", snapshot.PartDefaultACLs) {
		for _, d := range c.DefaultACLs {
			say("default %s in %q %c: %v", d.Creator, d.Schema, d.Kind, d.ACL)
		}
	}
	if knows("acme", snapshot.PartExtensions) {
		for _, e := range c.Extensions {
			say("extension %s %s in %s", e.Name, e.Version, e.Schema)
		}
	}
	return out
}
