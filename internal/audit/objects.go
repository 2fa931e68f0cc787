package audit

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

func objectRules() []Rule {
	needs := []snapshot.Part{snapshot.PartRoles, snapshot.PartRelations}
	return []Rule{
		{Code: "obj-app-owns", Title: "A login owns tables, functions or schemas", Subject: Objects, Severity: Medium, Needs: needs,
			Why:    "An owner can do everything with a table: drop it, change it, grant it to anybody, switch its policies off. A hole in the program that logs in as the owner, such as SQL injection, can do the same.",
			Fix:    "Give what it owns to a role that cannot log in, and grant the program SELECT, INSERT, UPDATE and DELETE.",
			Breaks: "Migrations that run with this login: give them one that may SET ROLE to the owner.", CIS: "4.6", Source: privilegesManual, inside: loginOwns},
		{Code: "obj-more-than-crud", Title: "An application has more than it needs on tables", Subject: Objects, Severity: Medium, Needs: needs,
			Why:    "TRUNCATE empties a table past policies and DELETE triggers, TRIGGER runs the grantee's code with the rights of whoever writes to it, REFERENCES lets who can make a table run code as the owner of this one (by a cast that its foreign key needs), and MAINTAIN locks it. Programs that read and write rows need none of them.",
			Fix:    "Revoke them.",
			Breaks: "Programs that really use TRUNCATE or make foreign keys to it.", CIS: "4.6", Source: privilegesManual, inside: moreThanCRUD},
		{Code: "obj-grant-option", Title: "Somebody may pass rights on (GRANT OPTION)", Subject: Objects, Severity: Medium, Needs: needs,
			Why:    "With a grant option, a role that does not own an object gives others rights on it, PUBLIC too. A later REVOKE from it fails, or takes the others' rights with it.",
			Fix:    "Revoke the option; grants are the owner's to make.",
			Breaks: "Rights that were passed on with it: CASCADE takes them too.", CIS: "4.6", Source: "manual, GRANT", inside: grantOptions},
		{Code: "obj-public", Title: "Everybody has rights on tables", Subject: Objects, Severity: High, Needs: append([]snapshot.Part{snapshot.PartColumns}, needs...),
			Why:    "PUBLIC means every role on the server, each other customer's as well, as soon as it can connect and use the schema. Tables of customers are nobody else's business.",
			Fix:    "Revoke from PUBLIC and grant to the roles that need it.",
			Breaks: "Roles that have it only through PUBLIC.", CIS: "4.6", Source: privilegesManual, inside: publicTables},
		{Code: "obj-other-tenant", Title: "A customer's role has rights on another's tables", Subject: Objects, Severity: High, Needs: needs,
			Why:    "A table of one customer is granted to a role of another. Only the doors to the database and the schema still stand between the two.",
			Fix:    "Revoke it.",
			Breaks: "Whatever uses it: ask first.", Source: privilegesManual, inside: otherTenants},
		{Code: "obj-no-sequence", Title: "A table may be filled, and its sequence may not be used", Subject: Objects, Severity: Low, Needs: needs,
			Why:    "The role may INSERT, but the column's default takes its number from a sequence on which the role has no right. Inserts fail with \"permission denied for sequence\", usually first in production.",
			Fix:    "Grant USAGE on the sequence.",
			Breaks: "Nothing.", Source: "manual, GRANT, on sequences", inside: missingSequences},
		{Code: "obj-partition-grants", Title: "A partition is open to others than its table", Subject: Objects, Severity: Medium, Needs: needs,
			Why:    "A query on a partition by name asks only for the partition's own grants, and its own policies. So whoever has rights here passes by what was decided for the table.",
			Fix:    "Revoke on the partition what the table does not grant.",
			Breaks: "Programs that name partitions.", Source: "manual, chapter 5.9, Row Security Policies; chapter 5.12, Table Partitioning", inside: partitionGrants},
		{Code: "obj-column-grants", Title: "Columns of a protected table are granted on their own", Subject: Objects, Severity: Low, Needs: append([]snapshot.Part{snapshot.PartColumns, snapshot.PartRLS}, needs...),
			Why:    "The table has row level security, and a role that has no right on the table as a whole has one on some columns. REVOKE on the table does not take it away, and listings of tables do not show it.",
			Fix:    "Revoke it, or grant on the table what is meant.",
			Breaks: "Programs that use these columns.", Source: "manual, GRANT, on columns", inside: columnGrants},
		{Code: "obj-wide-acl", Title: "A list of privileges is nearly too long", Subject: Objects, Severity: Medium, Needs: []snapshot.Part{snapshot.PartDatabases, snapshot.PartDatabaseACLs},
			Why:    "An ACL has to fit into one row of the catalog, with an entry for each grantee. Beyond some two thousand the next GRANT fails with \"row is too big\", and every look at the catalog is slow long before.",
			Fix:    "Grant to one group, and make the roles members of it.",
			Breaks: "Nothing, if the members inherit.", Source: "src/include/utils/acl.h; measured: fails at 1,000 to 2,300 entries", check: wideACLs},
		{Code: "obj-foreign-owner", Title: "An object belongs to somebody who has no business there", Subject: Objects, Severity: High, Needs: needs,
			Why:    "Its owner is another customer's role, or a role that is no longer there. The owner can read, change and grant it whatever the grants say.",
			Fix:    "Give it to the schema's owner.",
			Breaks: "Whatever the old owner does with it.", Source: "manual, ALTER TABLE, OWNER TO", inside: foreignOwners},
	}
}

func (f *facts) relACL(r snapshot.Relation) pgsql.ACL {
	kind := pgsql.Table
	if r.Kind == 'S' {
		kind = pgsql.Sequence
	}
	return r.ACL.Or(kind, r.Owner, f.version())
}

func relName(r snapshot.Relation) string { return pgsql.Qualified(r.Schema, r.Name) }

// isTable says whether a relation holds or shows rows.
func isTable(r snapshot.Relation) bool { return r.Kind != 'S' }

var kindWords = map[snapshot.RelKind]string{'r': "table", 'p': "table", 'v': "view", 'm': "materialized view", 'f': "foreign table", 'S': "sequence"}

// pile gathers one finding for many objects of one role: a thousand tables of
// one owner are one thing to mend.
type pile struct {
	keys  []string
	names map[string][]string
	sql   map[string][]string
}

func (p *pile) add(key, name, sql string) {
	if p.names == nil {
		p.names, p.sql = map[string][]string{}, map[string][]string{}
	}
	if _, ok := p.names[key]; !ok {
		p.keys = append(p.keys, key)
	}
	p.names[key] = append(p.names[key], name)
	p.sql[key] = append(p.sql[key], sql)
}

// findings makes one of each key; what gets the key and the names.
func (p *pile) findings(h *house, kind string, what func(key, names string) string) []Finding {
	var found []Finding
	for _, key := range p.keys {
		x := Finding{Object: snapshot.Object{Kind: kind, Database: h.name, Name: grantee(key)}, What: what(grantee(key), some(p.names[key]))}
		for _, text := range p.sql[key] {
			x.Fix = append(x.Fix, in(h.name, text))
		}
		found = append(found, x)
	}
	return found
}

const beyondCRUD = pgsql.Truncate | pgsql.References | pgsql.Trigger | pgsql.Maintain

func moreThanCRUD(f *facts, h *house) []Finding {
	var p pile
	for _, r := range h.Relations {
		for _, it := range f.relACL(r) {
			extra := it.Privs & beyondCRUD
			if !isTable(r) || r.Kind == 'v' || extra == 0 || it.Grantee == r.Owner || it.Grantee == "" || !f.application(it.Grantee) {
				continue
			}
			p.add(it.Grantee, relName(r), fmt.Sprintf("REVOKE %s ON %s FROM %s;", extra, relName(r), ident(it.Grantee)))
		}
	}
	return p.findings(h, "grants to", func(who, names string) string {
		return fmt.Sprintf("%s has TRUNCATE, REFERENCES, TRIGGER or MAINTAIN on %s.", who, names)
	})
}

// application says whether a role is an ordinary login, or a group of one.
func (f *facts) application(name string) bool {
	if !f.ordinary(name) {
		return false
	}
	return f.login(name) || slices.ContainsFunc(f.below[name], func(m snapshot.Membership) bool { return f.login(m.Member) && usable(m) })
}

func grantOptions(f *facts, h *house) []Finding {
	var p pile
	for _, r := range h.Relations {
		for _, it := range f.relACL(r) {
			if it.Grantable == 0 || it.Grantee == r.Owner || r.Owner == "" || f.roles[it.Grantee] != nil && f.roles[it.Grantee].Superuser {
				continue
			}
			p.add(it.Grantee, relName(r), fmt.Sprintf("REVOKE GRANT OPTION FOR %s ON %s%s FROM %s;", it.Grantable, onSequence(r), relName(r), grantee(it.Grantee)))
		}
	}
	other := func(acl pgsql.ACL, owner, name, on string) {
		for _, it := range acl {
			if it.Grantable == 0 || it.Grantee == owner || owner == "" || f.roles[it.Grantee] != nil && f.roles[it.Grantee].Superuser {
				continue
			}
			p.add(it.Grantee, name, fmt.Sprintf("REVOKE GRANT OPTION FOR %s ON %s FROM %s;", it.Grantable, on, grantee(it.Grantee)))
		}
	}
	for _, s := range h.Schemas {
		other(s.ACL, s.Owner, "schema "+ident(s.Name), "SCHEMA "+ident(s.Name))
	}
	for _, r := range h.Routines {
		if !r.Extension {
			other(r.ACL, r.Owner, r.Signature, "ROUTINE "+r.Signature)
		}
	}
	for _, d := range f.Snapshot.Databases {
		if d.Name == h.name {
			other(d.ACL, d.Owner, "database "+ident(d.Name), "DATABASE "+ident(d.Name))
		}
	}
	return p.findings(h, "grant options of", func(who, names string) string { return fmt.Sprintf("%s may grant rights on %s.", who, names) })
}

func publicTables(f *facts, h *house) []Finding {
	var found []Finding
	for _, r := range h.Relations {
		if privs := public(f.relACL(r)); privs != 0 && !r.Extension {
			found = append(found, Finding{Object: h.object(kindWords[r.Kind], r.Schema, r.Name), What: "PUBLIC has " + privs.String() + " on it.",
				Fix: []Fix{in(h.name, fmt.Sprintf("REVOKE %s ON %s%s FROM PUBLIC;", privs, onSequence(r), relName(r)))}})
		}
	}
	for _, c := range h.Columns {
		if privs := public(c.ACL); privs != 0 {
			found = append(found, Finding{Object: snapshot.Object{Kind: "column", Database: h.name, Name: pgsql.Qualified(c.Schema, c.Relation) + "." + ident(c.Name)}, What: "PUBLIC has " + privs.String() + " on it.",
				Fix: []Fix{in(h.name, fmt.Sprintf("REVOKE %s (%s) ON %s FROM PUBLIC;", privs, ident(c.Name), pgsql.Qualified(c.Schema, c.Relation)))}})
		}
	}
	return found
}

func onSequence(r snapshot.Relation) string {
	if r.Kind == 'S' {
		return "SEQUENCE "
	}
	return ""
}

func otherTenants(f *facts, h *house) []Finding {
	var p pile
	for _, r := range h.Relations {
		whose := cmp.Or(f.home[r.Owner], f.schemaHome(h, r.Schema))
		for _, it := range r.ACL {
			if to := f.home[it.Grantee]; to != "" && whose != "" && to != whose {
				p.add(it.Grantee, relName(r), fmt.Sprintf("REVOKE ALL ON %s%s FROM %s;", onSequence(r), relName(r), ident(it.Grantee)))
			}
		}
	}
	return p.findings(h, "grants across to", func(who, names string) string {
		return fmt.Sprintf("%s, a role of another customer, has rights on %s.", who, names)
	})
}

// schemaHome is the tenant whose schema it is.
func (f *facts) schemaHome(h *house, schema string) string {
	if s := h.schemas[schema]; s != nil {
		return f.home[s.Owner]
	}
	return ""
}

func missingSequences(f *facts, h *house) []Finding {
	var p pile
	for _, s := range h.SequenceOf {
		table, seq := h.rel(s.Schema, s.Table), h.rel(s.Schema, s.Sequence)
		if s.Identity || table == nil || seq == nil {
			continue
		}
		for _, it := range f.relACL(*table) {
			if it.Privs&pgsql.Insert == 0 || it.Grantee == table.Owner || f.has(f.relACL(*seq), it.Grantee, pgsql.Usage|pgsql.Update) {
				continue
			}
			p.add(it.Grantee, relName(*seq), fmt.Sprintf("GRANT USAGE ON SEQUENCE %s TO %s;", relName(*seq), grantee(it.Grantee)))
		}
	}
	return p.findings(h, "sequences for", func(who, names string) string {
		return fmt.Sprintf("%s may insert into the tables of %s, and may not use these sequences.", who, names)
	})
}

// has says whether a role has any of some privileges, itself, through PUBLIC
// or through what it inherits.
func (f *facts) has(acl pgsql.ACL, who string, any pgsql.Privs) bool {
	up := append(f.reach(who, func(m snapshot.Membership) bool { return m.Inherit }), who, "")
	return slices.ContainsFunc(acl, func(it pgsql.ACLItem) bool { return it.Privs&any != 0 && slices.Contains(up, it.Grantee) })
}

func partitionGrants(f *facts, h *house) []Finding {
	var p pile
	for _, i := range h.Inherits {
		child, parent := h.rel(i.Schema, i.Table), h.rel(i.ParentSchema, i.Parent)
		if child == nil || parent == nil || !child.Partition {
			continue
		}
		for _, it := range f.relACL(*child) {
			more := it.Privs &^ granted(f.relACL(*parent), it.Grantee)
			if more == 0 && (!parent.RLS || child.RLS) || it.Grantee == child.Owner {
				continue
			}
			p.add(it.Grantee, relName(*child), fmt.Sprintf("REVOKE ALL ON %s FROM %s;", relName(*child), grantee(it.Grantee)))
		}
	}
	return p.findings(h, "partitions for", func(who, names string) string {
		return fmt.Sprintf("%s has rights on %s that pass by the grants or policies of the whole table.", who, names)
	})
}

func granted(acl pgsql.ACL, who string) pgsql.Privs {
	var p pgsql.Privs
	for _, it := range acl {
		if it.Grantee == who {
			p |= it.Privs
		}
	}
	return p
}

func columnGrants(f *facts, h *house) []Finding {
	var p pile
	for _, c := range h.Columns {
		table := h.rel(c.Schema, c.Relation)
		if table == nil || !table.RLS {
			continue
		}
		for _, it := range c.ACL {
			if it.Privs&^granted(f.relACL(*table), it.Grantee) == 0 || it.Grantee == "" {
				continue
			}
			p.add(it.Grantee, relName(*table)+"."+ident(c.Name), fmt.Sprintf("REVOKE %s (%s) ON %s FROM %s;", it.Privs, ident(c.Name), relName(*table), ident(it.Grantee)))
		}
	}
	return p.findings(h, "columns for", func(who, names string) string { return fmt.Sprintf("%s has rights on %s alone.", who, names) })
}

// halfPage is how much of a page of 8 kB an ACL may take, in bytes.
const halfPage = 4096

// aclSize is the size of an ACL in its row: an array's head, and an entry of
// 12 bytes, 16 since PostgreSQL 16 (AclItem).
func (f *facts) aclSize(acl pgsql.ACL) int {
	item := 16
	if f.before(16) {
		item = 12
	}
	return 24 + item*len(acl)
}

func wideACLs(f *facts) []Finding {
	var found []Finding
	check := func(o snapshot.Object, acl pgsql.ACL) {
		if n := f.aclSize(acl); n > halfPage {
			found = append(found, Finding{Object: o, What: fmt.Sprintf("Its list of privileges has %d entries and takes %d bytes.", len(acl), n)})
		}
	}
	for _, d := range f.Snapshot.Databases {
		check(database(d.Name), d.ACL)
	}
	for _, h := range f.houses {
		for _, s := range h.Schemas {
			check(h.object("schema", "", s.Name), s.ACL)
		}
		for _, r := range h.Relations {
			check(h.object(kindWords[r.Kind], r.Schema, r.Name), r.ACL)
		}
	}
	return found
}

func foreignOwners(f *facts, h *house) []Finding {
	var p pile
	made := false
	for _, r := range h.Relations {
		to := f.schemaOwner(h, r.Schema)
		here := f.schemaHome(h, r.Schema)
		owner := f.home[r.Owner]
		gone := r.Owner != "" && f.roles[r.Owner] == nil
		stranger := owner != "" && (here != "" && owner != here || here == "" && !f.lives(r.Owner, h.name))
		if (gone || stranger) && !r.OwnedBy {
			p.add(r.Owner, relName(r), fmt.Sprintf("ALTER %s %s OWNER TO %s;", strings.ToUpper(kindWords[r.Kind]), relName(r), ident(to)))
			made = made || to == f.holder(h.name)
		}
	}
	for _, r := range h.Routines {
		here, owner := f.schemaHome(h, r.Schema), f.home[r.Owner]
		stranger := owner != "" && (here != "" && owner != here || here == "" && !f.lives(r.Owner, h.name))
		if !r.Extension && (r.Owner != "" && f.roles[r.Owner] == nil || stranger) {
			p.add(r.Owner, r.Signature, fmt.Sprintf("ALTER ROUTINE %s OWNER TO %s;", r.Signature, ident(f.schemaOwner(h, r.Schema))))
		}
	}
	found := p.findings(h, "objects of", func(who, names string) string {
		return fmt.Sprintf("%s, who is gone or another customer's, owns %s.", who, names)
	})
	for i := range found {
		if made {
			found[i].Fix = append(f.madeHolder(h.name), found[i].Fix...)
		}
	}
	return found
}

// schemaOwner is who should own what stands in a schema: a superuser had better
// not, nor a role that only stands for the database's owner.
func (f *facts) schemaOwner(h *house, schema string) string {
	if s := h.schemas[schema]; s != nil && f.roles[s.Owner] != nil && !f.roles[s.Owner].Superuser && !strings.HasPrefix(s.Owner, "pg_") {
		return s.Owner
	}
	return f.holder(h.name)
}
