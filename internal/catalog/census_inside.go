package catalog

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sync/errgroup"

	"landlord/internal/connect"
	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

// inventory is what one database holds, and what of it could not be read.
type inventory struct {
	contents snapshot.Contents
	unread   []snapshot.Unread
}

// inventories reads several databases, a bounded number at once.
func inventories(ctx context.Context, o CensusOptions, s snapshot.Session, major int, databases []string) ([]inventory, error) {
	out := make([]inventory, len(databases))
	var group errgroup.Group
	group.SetLimit(o.Parallel)
	for i, db := range databases {
		group.Go(func() error {
			out[i] = takeInventory(ctx, o, connect.Options{Database: db, Statement: o.Timeout, Lock: CensusLock, UTC: true, Known: connect.Known{Major: major, Superuser: s.Superuser}})
			if o.Done != nil {
				o.Done(db, len(databases))
			}
			return ctx.Err()
		})
	}
	return out, group.Wait()
}

// takeInventory reads one database over a connection of its own: first what
// every database has, and which of the rarer kinds are there; then those.
func takeInventory(ctx context.Context, o CensusOptions, session connect.Options) inventory {
	failed := func(err error) inventory {
		return inventory{contents: snapshot.Contents{Database: session.Database, Error: reason(err)}}
	}
	conn, err := connect.Open(ctx, o.Conninfo, session)
	if err != nil {
		return failed(err)
	}
	defer connect.Close(conn)
	r := newReader()
	c := snapshot.Contents{Database: session.Database}
	k, signs, err := look(ctx, conn, r, &c)
	if err != nil {
		return failed(err)
	}
	k.tied = signs == nil || slices.ContainsFunc(signs, func(sign string) bool { return slices.Contains([]string{"foreignkeys", "triggers", "inherits"}, sign) })
	k.assemble(&c)
	first, flags := c, map[[2]string]flag{}
	pieces := there(insidePieces(r, k, &c, flags, pgsql.Version(session.Major*10000)), k, signs)
	if sql, rows := rarer(conn, r, k, &c, ofWhole(), true); len(rows) > 0 {
		pieces = append([]piece{{snapshot.PartContents, "rarer", sql, rows}}, pieces...)
	}
	unread, err := readPieces(ctx, conn, r, c.Database, pieces, func() { c = first })
	if err != nil {
		return failed(err)
	}
	if len(unread) > 0 && unread[0].Part == snapshot.PartContents {
		return inventory{contents: snapshot.Contents{Database: session.Database, Error: unread[0].Reason}}
	}
	setFlags(&c, flags)
	return inventory{c, unread}
}

// look reads what every database has, and the signs of the rarer kinds. Where
// a sign cannot be read, signs is nil, and everything is to be tried.
func look(ctx context.Context, conn *pgconn.PgConn, r *reader, c *snapshot.Contents) (k *core, signs []string, err error) {
	k, signs = newCore(r), []string{}
	always := alwaysPieces(r, c)
	sql, rows := ofWhole().core+censusSQL("signs"), []rowFunc{k.row, func(row [][]byte) { signs = append(signs, string(row[0])) }}
	for _, p := range always {
		sql, rows = sql+p.sql, append(rows, p.rows...)
	}
	if err = query(ctx, conn, r, sql, rows...); err == nil {
		return k, signs, nil
	}
	if conn.IsClosed() || connect.State(err) == "" {
		return nil, nil, err
	}
	k, c.Inside = newCore(r), snapshot.Inside{}
	return k, nil, query(ctx, conn, r, ofWhole().core, k.row)
}

// there leaves the pieces of which there are rows to read.
func there(pieces []piece, k *core, signs []string) []piece {
	if signs == nil {
		return pieces
	}
	return slices.DeleteFunc(pieces, func(p piece) bool {
		switch p.name {
		case "languages", "extensions":
			return true // read already
		case "sequences":
			return !k.owned
		case "keys":
			return len(k.referred) == 0
		case "reads":
			return !k.views
		case "foreign", "mappings":
			return !k.foreign
		case "largeobjects":
			return !k.large
		case "system":
			return !k.widened && !slices.Contains(signs, p.name)
		case "flags": // a parent has options of its own, too
			return !slices.Contains(signs, p.name) && !slices.Contains(signs, "inherits")
		}
		return !slices.Contains(signs, p.name)
	})
}

// flag is what the plan's query does not say of a relation.
type flag struct{ rls, forced, partition, invoker bool }

func setFlags(c *snapshot.Contents, flags map[[2]string]flag) {
	if len(flags) == 0 {
		return
	}
	for i := range c.Relations {
		rel := &c.Relations[i]
		if f, ok := flags[[2]string{rel.Schema, rel.Name}]; ok {
			rel.RLS, rel.Forced, rel.Partition, rel.Invoker = f.rls, f.forced, f.partition, f.invoker
		}
	}
}

// insidePieces are the queries of what a database holds and a plan does not
// read.
func insidePieces(r *reader, k *core, c *snapshot.Contents, flags map[[2]string]flag, v pgsql.Version) []piece {
	return slices.Concat(alwaysPieces(r, c), relationPieces(r, k, c, flags), codePieces(r, c), foreignPieces(r, c), restPieces(r, c, v))
}

// alwaysPieces are those that have rows in every database.
func alwaysPieces(r *reader, c *snapshot.Contents) []piece {
	return []piece{
		{snapshot.PartLanguages, "languages", censusSQL("languages"), []rowFunc{func(row [][]byte) {
			c.Languages = append(c.Languages, snapshot.Language{Name: r.name(row[0]), Owner: r.name(row[1]), ACL: r.acl(row[2]), Trusted: yes(row[3])})
		}}},
		{snapshot.PartExtensions, "extensions", censusSQL("extensions"), []rowFunc{func(row [][]byte) {
			c.Extensions = append(c.Extensions, snapshot.Extension{Name: r.name(row[0]), Version: r.name(row[1]), Schema: r.name(row[2]), Owner: r.name(row[3])})
		}}},
	}
}

func relationPieces(r *reader, k *core, c *snapshot.Contents, flags map[[2]string]flag) []piece {
	return []piece{
		{snapshot.PartRelations, "flags", censusSQL("flags", "{{schemas}}", houses), []rowFunc{func(row [][]byte) {
			flags[[2]string{r.name(row[0]), string(row[1])}] = flag{yes(row[2]), yes(row[3]), yes(row[4]), yes(row[5])}
		}}},
		{snapshot.PartRelations, "inherits", censusSQL("inherits"), []rowFunc{func(row [][]byte) {
			c.Inherits = append(c.Inherits, snapshot.Inherit{Schema: r.name(row[0]), Table: string(row[1]), ParentSchema: r.name(row[2]), Parent: r.name(row[3])})
		}}},
		{snapshot.PartRelations, "foreignkeys", censusSQL("foreignkeys"), []rowFunc{func(row [][]byte) {
			k.foreignKey(r, row, c)
		}}},
		{snapshot.PartRelations, "keys", censusSQL("keys"), []rowFunc{func(row [][]byte) {
			if t := k.relation(r.oid(row[0])); t != nil && k.referred[t.oid] {
				c.Keys = append(c.Keys, snapshot.Key{Schema: k.schemas[t.schema].Name, Table: t.it.Name, Columns: r.array(row[1]), Types: r.array(row[2])})
			}
		}}},
		{snapshot.PartRelations, "sequences", censusSQL("sequences"), []rowFunc{func(row [][]byte) {
			k.sequence(r, row, c)
		}}},
		{snapshot.PartViews, "reads", censusSQL("reads"), []rowFunc{func(row [][]byte) {
			k.read(r, row, c)
		}}},
		{snapshot.PartPolicies, "policies", censusSQL("policies"), []rowFunc{func(row [][]byte) {
			c.Policies = append(c.Policies, snapshot.Policy{Schema: r.name(row[0]), Table: string(row[1]), Name: r.name(row[2]), Command: command(row[3]),
				Permissive: yes(row[4]), Roles: r.array(row[5]), Using: r.name(row[6]), Check: r.name(row[7])})
		}}},
	}
}

// sequence takes a row about a sequence and the column that it belongs to.
func (k *core) sequence(r *reader, row [][]byte, c *snapshot.Contents) {
	s, t := k.relation(r.oid(row[0])), k.relation(r.oid(row[1]))
	if s != nil && t != nil && s.it.Kind == 'S' && k.house(s.schema) != "" {
		c.SequenceOf = append(c.SequenceOf, snapshot.SequenceOf{Schema: k.house(s.schema), Sequence: s.it.Name, Table: t.it.Name, Column: r.name(row[2]), Identity: yes(row[3])})
	}
}

// foreignKey takes one between tables of two owners: the server follows it with
// the rights of these, whoever it is for.
func (k *core) foreignKey(r *reader, row [][]byte, c *snapshot.Contents) {
	t, target := k.relation(r.oid(row[0])), k.relation(r.oid(row[1]))
	if t == nil || target == nil || t.it.Owner == target.it.Owner {
		return
	}
	key := snapshot.ForeignKey{Schema: k.schemas[t.schema].Name, Table: t.it.Name, TargetSchema: k.schemas[target.schema].Name, Target: target.it.Name,
		Deletes: yes(row[2]), Updates: yes(row[3])}
	if !k.keys[key] { // of several alike, one
		k.keys[key] = true
		c.ForeignKeys = append(c.ForeignKeys, key)
	}
}

// read takes a row about a view and what it reads: something else than itself.
func (k *core) read(r *reader, row [][]byte, c *snapshot.Contents) {
	view, from := k.relation(r.oid(row[0])), k.relation(r.oid(row[1]))
	if view == nil || view == from {
		return
	}
	read := snapshot.Read{Schema: k.schemas[view.schema].Name, View: view.it.Name}
	if from != nil {
		read.FromSchema, read.From = k.schemas[from.schema].Name, from.it.Name
	} else if schema, name, ok := strings.Cut(string(row[2]), "."); ok {
		read.FromSchema, read.From = r.same(schema), name
	} else {
		return // an index, or what has gone meanwhile
	}
	c.Reads = append(c.Reads, read)
}

// relation finds one by its number.
func (k *core) relation(oid uint32) *located[snapshot.Relation] {
	if k.numbers == nil {
		k.numbers = k.byNumber()
	}
	return k.numbers[oid]
}

func codePieces(r *reader, c *snapshot.Contents) []piece {
	return []piece{
		{snapshot.PartTriggers, "triggers", censusSQL("triggers", "{{schemas}}", houses), []rowFunc{func(row [][]byte) {
			c.Triggers = append(c.Triggers, snapshot.Trigger{Schema: r.name(row[0]), Table: string(row[1]), Name: r.name(row[2]), Function: r.name(row[3]), Disabled: yes(row[4])})
		}}},
		{snapshot.PartEventTriggers, "eventtriggers", censusSQL("eventtriggers"), []rowFunc{func(row [][]byte) {
			c.EventTriggers = append(c.EventTriggers, snapshot.EventTrigger{Name: string(row[0]), Event: r.name(row[1]), Owner: r.name(row[2]), Function: string(row[3]), Disabled: yes(row[4])})
		}}},
		{snapshot.PartRules, "rules", censusSQL("rules", "{{schemas}}", houses), []rowFunc{func(row [][]byte) {
			c.Rules = append(c.Rules, snapshot.Rule{Schema: r.name(row[0]), Relation: string(row[1]), Name: r.name(row[2]), Event: ruleEvent(row[3]), Disabled: yes(row[4])})
		}}},
		{snapshot.PartRoutines, "calls", censusSQL("calls"), []rowFunc{func(row [][]byte) {
			c.Calls = append(c.Calls, snapshot.Call{Schema: r.name(row[0]), Relation: string(row[1]), In: r.name(row[2]), Function: string(row[3])})
		}}},
	}
}

func foreignPieces(r *reader, c *snapshot.Contents) []piece {
	return []piece{
		{snapshot.PartForeign, "foreign", censusSQL("foreign"), []rowFunc{func(row [][]byte) {
			c.Wrappers = append(c.Wrappers, snapshot.Wrapper{Name: string(row[0]), Owner: r.name(row[1]), ACL: r.acl(row[2])})
		}, func(row [][]byte) {
			c.Servers = append(c.Servers, snapshot.ForeignServer{Name: string(row[0]), Wrapper: r.name(row[1]), Owner: r.name(row[2]), ACL: r.acl(row[3]),
				Host: string(row[4]), Port: string(row[5]), Database: string(row[6])})
		}, func(row [][]byte) {
			c.ForeignTables = append(c.ForeignTables, snapshot.ForeignTable{Schema: r.name(row[0]), Table: string(row[1]), Server: r.name(row[2])})
		}}},
		{snapshot.PartMappings, "mappings", censusSQL("mappings"), []rowFunc{func(row [][]byte) {
			c.Mappings = append(c.Mappings, snapshot.UserMapping{Server: r.name(row[0]), Role: r.name(row[1]), User: string(row[2]),
				Password: yes(row[3]), Optional: yes(row[4]), Hidden: yes(row[5])})
		}}},
	}
}

func restPieces(r *reader, c *snapshot.Contents, v pgsql.Version) []piece {
	return []piece{
		{snapshot.PartPublications, "publications", censusSQL("publications"), []rowFunc{func(row [][]byte) {
			c.Publications = append(c.Publications, snapshot.Publication{Name: string(row[0]), Owner: r.name(row[1]), AllTables: yes(row[2])})
		}}},
		{snapshot.PartLargeObjects, "largeobjects", censusSQL("largeobjects"), []rowFunc{func(row [][]byte) {
			c.LargeACLs = append(c.LargeACLs, snapshot.LargeObjectACL{Owner: r.name(row[0]), ACL: r.acl(row[1]), Count: r.int(row[2])})
		}}},
		{snapshot.PartSystemACLs, "system", censusSQL("system"), []rowFunc{func(row [][]byte) {
			s := snapshot.SystemACL{Kind: pgsql.ObjectKind(char(row[0])), Schema: r.name(row[1]), Identity: string(row[2]), Column: string(row[3]),
				Owner: r.name(row[4]), ACL: r.acl(row[5]), Initial: r.acl(row[6]), View: yes(row[7])}
			if s.Schema == "information_schema" && s.Initial == nil {
				s.Initial = informationACL(s, v)
			}
			if !s.ACL.Or(s.Kind, s.Owner, v).Same(s.Initial.Or(s.Kind, s.Owner, v)) {
				c.SystemACLs = append(c.SystemACLs, s)
			}
		}}},
	}
}

// informationACL is what initdb gives on the parts of information_schema,
// which it makes too late for pg_init_privs.
func informationACL(s snapshot.SystemACL, v pgsql.Version) pgsql.ACL {
	public := pgsql.Select
	if s.Kind == pgsql.SchemaKind {
		public = pgsql.Usage
	}
	return append(pgsql.DefaultACL(s.Kind, s.Owner, v), pgsql.ACLItem{Grantor: s.Owner, Privs: public})
}

// command is a policy's, from pg_policy.polcmd.
func command(b []byte) snapshot.Command {
	return map[byte]snapshot.Command{'r': "SELECT", 'a': "INSERT", 'w': "UPDATE", 'd': "DELETE", '*': "ALL"}[char(b)]
}

// ruleEvent is a rule's, from pg_rewrite.ev_type.
func ruleEvent(b []byte) snapshot.Command {
	return map[byte]snapshot.Command{'1': "SELECT", '2': "UPDATE", '3': "INSERT", '4': "DELETE"}[char(b)]
}

// dialect are the words of the queries about contents that differ by version.
func dialect(major int) []string {
	aggregate, whole, bound := "p.prokind = 'a'", "k.conparentid = 0", "p.prosqlbody IS NOT NULL"
	if major < 11 {
		aggregate, whole = "p.proisagg", "true"
	}
	if major < 14 {
		bound = "false"
	}
	return []string{"{{aggregate}}", aggregate, "{{whole}}", whole, "{{bound}}", bound}
}

func (r *reader) routineMore(row [][]byte, to *snapshot.Routine) {
	to.Definer, to.Language, to.Config, to.Returns, to.Bound = yes(row[0]), r.name(row[1]), r.array(row[2]), r.name(row[3]), yes(row[4])
}

// array decodes a text[]; NULL is nil.
func (r *reader) array(b []byte) []string {
	if b == nil {
		return nil
	}
	list, err := pgsql.ParseArray(string(b))
	if err != nil {
		r.fail(err)
	}
	for i, s := range list {
		list[i] = r.same(s)
	}
	return list
}
