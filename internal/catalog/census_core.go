package catalog

import (
	"fmt"
	"slices"
	"strings"

	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

// More numbers of catalogs.
const (
	pgNamespace    = 2615
	pgConstraint   = 2606
	pgRewrite      = 2618
	pgTrigger      = 2620
	pgPolicy       = 3256
	pgEventTrigger = 3466
)

// publicSchema is the number of schema public, which initdb makes for users.
const publicSchema = 2200

// pgCatalog is the number of schema pg_catalog.
const pgCatalog = 11

const informationSchema = "information_schema"

// plain makes a core of the rows of census/core.sql, and keeps what else these
// tell.
type plain struct {
	k     *core
	r     *reader
	c     *snapshot.Contents
	v     pgsql.Version
	first map[object]string // the ACLs that initdb and extensions have left, as texts
	acls  map[uint32]string // of functions
	signs map[string]bool   // of the rarer kinds of things, by the names of their queries

	system []systemACL
	ruled  map[uint32]uint32 // rule -> its relation
	uses   [][2]uint32       // rule, and a relation that it uses
	owned  []ownedSequence
	// What the second round trip tells.
	columns    map[column]string   // what they are called
	relations  map[uint32]relation // of the system's own
	signatures map[uint32]string   // of functions
}

// object is what pg_init_privs has a row for.
type object struct {
	class, oid uint32
	sub        int
}

type column struct {
	relation uint32
	number   int
}

// ownedSequence belongs to a column: or is an index on it, which is no relation
// of the core's.
type ownedSequence struct {
	sequence uint32
	of       column
	identity bool
}

type relation struct {
	schema      uint32
	name, owner string
	kind        snapshot.RelKind
}

// systemACL is one that is not as it was at first. Of a column and of a
// function, what is missing is asked for by number.
type systemACL struct {
	it       snapshot.SystemACL
	relation uint32
	routine  uint32
}

func newPlain(r *reader, c *snapshot.Contents, v pgsql.Version) *plain {
	return &plain{k: newCore(r), r: r, c: c, v: v, first: map[object]string{}, acls: map[uint32]string{}, signs: map[string]bool{},
		ruled: map[uint32]uint32{}, columns: map[column]string{}, relations: map[uint32]relation{}, signatures: map[uint32]string{}}
}

// forget makes it as new.
func (p *plain) forget() {
	*p, p.c.Inside = *newPlain(p.r, p.c, p.v), snapshot.Inside{}
}

// pieces are what is read of every database.
func (p *plain) pieces(database uint32) []piece {
	r := p.r
	core := piece{snapshot.PartContents, "core", censusSQL("core", "{{doors}}", allDoors(), "{{database}}", fmt.Sprint(database)), []rowFunc{func(row [][]byte) {
		p.k.schemas[r.oid(row[0])] = snapshot.Schema{Name: r.name(row[1]), Owner: r.name(row[2]), ACL: r.acl(row[3]), Size: -1}
	}, func(row [][]byte) {
		p.first[object{r.oid(row[0]), r.oid(row[1]), r.int(row[2])}] = string(row[3])
	}, p.dependency, p.relation, p.column, func(row [][]byte) {
		p.k.defaults = append(p.k.defaults, located[snapshot.DefaultACL]{schema: r.oid(row[0]), it: snapshot.DefaultACL{
			Kind: pgsql.ObjectKind(char(row[1])), Creator: r.name(row[2]), ACL: r.acl(row[3])}})
	}, p.routine,
		func([][]byte) { p.k.strays = true },
		func([][]byte) { p.k.strays, p.k.foreign = true, true },
		func([][]byte) { p.k.large = true },
		func([][]byte) { r.fail(errAnew) },
	}}
	types := piece{snapshot.PartSystemACLs, "systemtypes", censusSQL("systemtypes"), []rowFunc{func(row [][]byte) {
		p.differs(pgType, r.oid(row[4]), 0, row[3], systemACL{it: snapshot.SystemACL{Kind: pgsql.TypeKind, Schema: p.schema(row[0]), Identity: string(row[1]), Owner: r.name(row[2])}})
	}}}
	publications := piece{snapshot.PartPublications, "publications", censusSQL("publications"), []rowFunc{func(row [][]byte) {
		p.c.Publications = append(p.c.Publications, snapshot.Publication{Name: string(row[0]), Owner: r.name(row[1]), AllTables: yes(row[2])})
	}}}
	return append([]piece{core, types, publications}, alwaysPieces(r, p.c)...)
}

func (p *plain) schema(oid []byte) string { return p.k.schemas[p.r.oid(oid)].Name }

// dependency takes a row of pg_depend.
func (p *plain) dependency(row [][]byte) {
	r := p.r
	class, oid, refclass, ref, kind := r.oid(row[0]), r.oid(row[1]), r.oid(row[2]), r.oid(row[3]), char(row[5])
	switch {
	case refclass == pgNamespace && kind == 'n':
		p.k.dependent(ref, class)
	case class == pgEventTrigger:
		p.signs["eventtriggers"] = true
	case refclass == pgProc:
		p.signs["calls"] = true
	case kind == 'e':
		p.k.members[oid] = true
	case class == pgRewrite:
		p.rule(oid, ref, kind)
	case class == pgConstraint:
		p.signs["foreignkeys"] = true
	case class == pgTrigger:
		p.signs["triggers"] = true
	case class == pgPolicy:
		p.signs["policies"] = true
	case kind == 'a' || kind == 'i':
		p.owned = append(p.owned, ownedSequence{oid, column{ref, r.int(row[4])}, kind == 'i'})
	}
}

func (p *plain) rule(rule, relation uint32, kind byte) {
	switch kind {
	case 'a', 'i':
		p.signs["rules"] = p.signs["rules"] || kind == 'a'
		p.ruled[rule] = relation
	case 'n':
		p.uses = append(p.uses, [2]uint32{rule, relation})
	}
}

// relation takes a row of pg_class. Of the system's own those count whose ACL
// is not what it was at first.
func (p *plain) relation(row [][]byte) {
	r := p.r
	l := located[snapshot.Relation]{r.oid(row[0]), r.oid(row[1]), snapshot.Relation{
		Name: string(row[2]), Kind: snapshot.RelKind(char(row[3])), Owner: r.name(row[4]), ACL: r.acl(row[5]),
		RLS: yes(row[6]), Forced: yes(row[7]), Partition: yes(row[8]), Invoker: row[10] != nil && invoker(r.array(row[10]))}}
	p.signs["inherits"] = p.signs["inherits"] || yes(row[9])
	if l.schema < firstOfUsers && l.schema != publicSchema && !p.ownRelation(l, row[5]) {
		return
	}
	p.k.relations = append(p.k.relations, l)
}

// ownRelation says whether the ACL of one of the system's own relations is not
// what it was at first. initdb makes information_schema after it has filled
// pg_init_privs: PUBLIC may read it all, but what has no name for users.
func (p *plain) ownRelation(l located[snapshot.Relation], acl []byte) bool {
	it := snapshot.SystemACL{Kind: pgsql.Table, Schema: p.k.schemas[l.schema].Name, Identity: l.it.Name, View: l.it.Kind == 'v', Owner: l.it.Owner}
	if l.it.Kind == 'S' {
		it.Kind = pgsql.Sequence
	}
	if it.Schema == informationSchema && !strings.HasPrefix(it.Identity, "_") && slices.Equal(l.it.ACL, informationACL(it, p.v)) {
		return false
	}
	return p.differs(pgClass, l.oid, 0, acl, systemACL{it: it})
}

// invoker says whether a view uses the rights of who reads it.
func invoker(options []string) bool {
	return slices.ContainsFunc(options, func(option string) bool {
		name, value, _ := strings.Cut(option, "=")
		return strings.EqualFold(name, "security_invoker") && slices.Contains([]string{"true", "on", "yes", "1", "t", "y"}, strings.ToLower(value))
	})
}

// column takes a row of pg_attribute.
func (p *plain) column(row [][]byte) {
	r := p.r
	relation := r.oid(row[0])
	if relation < firstOfUsers && !p.differs(pgClass, relation, r.int(row[1]), row[3], systemACL{relation: relation, it: snapshot.SystemACL{Kind: pgsql.ColumnKind, Column: r.name(row[2])}}) {
		return
	}
	p.k.columns = append(p.k.columns, located[snapshot.Column]{oid: relation, it: snapshot.Column{Name: string(row[2]), ACL: r.acl(row[3])}})
}

// routine takes a row of pg_proc.
func (p *plain) routine(row [][]byte) {
	r := p.r
	oid, schema := r.oid(row[0]), r.oid(row[1])
	p.k.door(oid, r.acl(row[5]))
	if row[5] == nil {
		return
	}
	p.acls[oid] = string(row[5])
	if schema < firstOfUsers && schema != publicSchema {
		it := snapshot.SystemACL{Kind: pgsql.Routine, Schema: p.schema(row[1]), Owner: r.name(row[4])}
		ask := oid
		if it.Schema == "pg_catalog" {
			if it.Identity = signature(string(row[2]), string(row[3])); it.Identity != "" {
				ask = 0
			}
		}
		p.differs(pgProc, oid, 0, row[5], systemACL{it: it, routine: ask})
	}
}

// simpleTypes are what some types are called, by their numbers.
var simpleTypes = map[string]string{"16": "boolean", "17": "bytea", "20": "bigint", "21": "smallint", "23": "integer", "25": "text", "26": "oid", "701": "double precision"}

// signature is how regprocedure prints one of the system's own functions: ""
// where its name or its types are not among the simple ones.
func signature(name, types string) string {
	if !strings.HasPrefix(name, "pg_") && !strings.HasPrefix(name, "lo_") && name != "loread" && name != "lowrite" {
		return "" // it may be a key word, which is quoted
	}
	arguments := strings.Fields(types)
	for i, oid := range arguments {
		if arguments[i] = simpleTypes[oid]; arguments[i] == "" {
			return ""
		}
	}
	return name + "(" + strings.Join(arguments, ",") + ")"
}

// differs says whether an ACL of the system's own is not what it was at first,
// and keeps it where that matters.
func (p *plain) differs(class, oid uint32, sub int, acl []byte, s systemACL) bool {
	first, there := p.first[object{class, oid, sub}]
	if there && first == string(acl) {
		return false
	}
	s.it.ACL = p.r.acl(acl)
	if there {
		s.it.Initial = p.r.acl([]byte(first))
	}
	p.system = append(p.system, s)
	return true
}

// settle brings into the core what follows from several rows.
func (p *plain) settle() {
	for o, acl := range p.first {
		p.k.widened = p.k.widened || o.class == pgProc && p.acls[o.oid] != acl
	}
	p.owned = slices.DeleteFunc(p.owned, func(o ownedSequence) bool {
		s, t := p.k.relation(o.sequence), p.k.relation(o.of.relation)
		if s == nil || s.it.Kind != 'S' {
			return true
		}
		s.it.OwnedBy = true
		return t == nil || p.k.house(s.schema) == ""
	})
	p.k.tied = p.signs["foreignkeys"] || p.signs["triggers"] || p.signs["inherits"]
	for oid, s := range p.k.schemas {
		if oid < firstOfUsers && s.ACL != nil {
			first, there := p.first[object{class: pgNamespace, oid: oid}]
			it := snapshot.SystemACL{Kind: pgsql.SchemaKind, Schema: s.Name, Identity: s.Name, Owner: s.Owner, ACL: s.ACL}
			if there {
				it.Initial = p.r.acl([]byte(first))
			}
			p.system = append(p.system, systemACL{it: it})
		}
	}
}

// questions are what is asked by number, in the second round trip.
func (p *plain) questions() (sql string, rows []rowFunc) {
	r := p.r
	ask := func(name string, row rowFunc, words ...string) {
		sql, rows = sql+censusSQL(name, words...), append(rows, row)
	}
	if len(p.owned) > 0 {
		var relations []uint32
		var columns []uint16
		for _, o := range p.owned {
			relations = append(relations, o.of.relation)
			if n := uint16(o.of.number); !slices.Contains(columns, n) {
				columns = append(columns, n)
			}
		}
		ask("columnnames", func(row [][]byte) { p.columns[column{r.oid(row[0]), r.int(row[1])}] = r.name(row[2]) },
			"{{relations}}", "{"+numbers(relations)+"}", "{{numbers}}", "{"+numbers(columns)+"}")
	}
	if relations := p.strangers(); len(relations) > 0 {
		ask("relationnames", func(row [][]byte) {
			p.relations[r.oid(row[0])] = relation{r.oid(row[1]), r.name(row[2]), r.name(row[4]), snapshot.RelKind(char(row[3]))}
		}, "{{relations}}", "{"+numbers(relations)+"}")
	}
	var routines []uint32
	for _, s := range p.system {
		if s.routine != 0 {
			routines = append(routines, s.routine)
		}
	}
	if len(routines) > 0 {
		ask("signatures", func(row [][]byte) { p.signatures[r.oid(row[0])] = string(row[1]) }, "{{routines}}", "{"+numbers(routines)+"}")
	}
	return sql, rows
}

// strangers are relations of the system's own that columns with rights stand in,
// and that views read.
func (p *plain) strangers() (relations []uint32) {
	for _, s := range p.system {
		if s.relation != 0 {
			relations = append(relations, s.relation)
		}
	}
	for _, u := range p.uses {
		if u[1] < firstOfUsers && p.k.relation(u[1]) == nil {
			relations = append(relations, u[1])
		}
	}
	slices.Sort(relations)
	return slices.Compact(relations)
}

// finish brings what is known now into the contents.
func (p *plain) finish(c *snapshot.Contents) {
	for _, o := range p.owned {
		if name, there := p.columns[o.of]; there {
			s, t := p.k.relation(o.sequence), p.k.relation(o.of.relation)
			c.SequenceOf = append(c.SequenceOf, snapshot.SequenceOf{Schema: p.k.house(s.schema), Sequence: s.it.Name, Table: t.it.Name, Column: name, Identity: o.identity})
		}
	}
	p.reads(c)
	for _, s := range p.system {
		if s.relation != 0 {
			of := p.relations[s.relation]
			s.it.Schema, s.it.Identity, s.it.Owner, s.it.View = p.k.schemas[of.schema].Name, of.name, of.owner, of.kind == 'v'
		}
		if s.routine != 0 {
			s.it.Identity = p.signatures[s.routine]
		}
		if s.it.Schema == informationSchema && s.it.Initial == nil {
			s.it.Initial = informationACL(s.it, p.v)
		}
		if (s.it.Schema == informationSchema || s.it.Schema == "pg_catalog") && !s.it.ACL.Or(s.it.Kind, s.it.Owner, p.v).Same(s.it.Initial.Or(s.it.Kind, s.it.Owner, p.v)) {
			c.SystemACLs = append(c.SystemACLs, s.it)
		}
	}
}

// reads are what views and rules use: something else than themselves. Of the
// system's own, what is pinned does not stand in pg_depend, and what stands in
// pg_catalog is everybody's to read.
func (p *plain) reads(c *snapshot.Contents) {
	seen := map[[2]uint32]bool{}
	for _, u := range p.uses {
		pair := [2]uint32{p.ruled[u[0]], u[1]}
		view, from := p.k.relation(pair[0]), p.k.relation(pair[1])
		if view == nil || view == from || seen[pair] {
			continue
		}
		seen[pair] = true
		read := snapshot.Read{Schema: p.k.schemas[view.schema].Name, View: view.it.Name}
		if from != nil {
			read.FromSchema, read.From = p.k.schemas[from.schema].Name, from.it.Name
		} else if own, there := p.relations[pair[1]]; there && own.schema != pgCatalog {
			read.FromSchema, read.From = p.k.schemas[own.schema].Name, own.name
		} else {
			continue // an index, or what has gone meanwhile
		}
		c.Reads = append(c.Reads, read)
	}
}
