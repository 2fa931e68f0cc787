package catalog

import (
	"cmp"
	"context"
	"slices"

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
func inventories(ctx context.Context, o CensusOptions, s snapshot.Session, major int, databases []snapshot.Database) ([]inventory, error) {
	out := make([]inventory, len(databases))
	var group errgroup.Group
	group.SetLimit(o.Parallel)
	for i, db := range databases {
		group.Go(func() error {
			out[i] = takeInventory(ctx, o, db.OID, connect.Options{Database: db.Name, Statement: o.Timeout, Lock: CensusLock, UTC: true, Known: connect.Known{Major: major, Superuser: s.Superuser}})
			if o.Done != nil {
				o.Done(db.Name, len(databases))
			}
			return ctx.Err()
		})
	}
	return out, group.Wait()
}

// takeInventory reads one database over a connection of its own: first what
// every database has, and which of the rarer kinds are there; then those.
func takeInventory(ctx context.Context, o CensusOptions, number uint32, session connect.Options) inventory {
	failed := func(why string) inventory {
		return inventory{contents: snapshot.Contents{Database: session.Database, Error: why}}
	}
	conn, err := connect.Open(ctx, o.Conninfo, session)
	if err != nil {
		return failed(cmp.Or(noEntry(err), reason(err)))
	}
	defer connect.Close(conn)
	c, unread, err := inventoryOver(ctx, conn, number, session)
	if err != nil {
		return failed(reason(err))
	}
	if i := slices.IndexFunc(unread, func(u snapshot.Unread) bool { return u.Part == snapshot.PartContents }); i >= 0 {
		return failed(unread[i].Reason)
	}
	return inventory{c, unread}
}

func inventoryOver(ctx context.Context, conn *pgconn.PgConn, number uint32, session connect.Options) (c snapshot.Contents, unread []snapshot.Unread, err error) {
	c.Database = session.Database
	r := newReader()
	p := newPlain(r, &c, pgsql.Version(session.Major*10000))
	unread, err = readPieces(ctx, conn, r, c.Database, p.pieces(number), p.forget)
	if err != nil || len(unread) > 0 && unread[0].Part == snapshot.PartContents {
		return c, unread, err
	}
	p.settle()
	p.k.assemble(&c)
	first := c
	pieces := slices.DeleteFunc(rarePieces(r, p, &c), func(q piece) bool { return !p.shows(q.name) })
	sql, rows := rarer(conn, r, p.k, &c, ofWhole(number), true)
	more, also := p.questions()
	if rows = append(rows, also...); len(rows) > 0 {
		pieces = append([]piece{{snapshot.PartContents, "rarer", sql + more, rows}}, pieces...)
	}
	if len(pieces) > 0 {
		later, err := readPieces(ctx, conn, r, c.Database, pieces, func() { c = first })
		if err != nil {
			return c, nil, err
		}
		unread = append(unread, later...)
	}
	p.finish(&c)
	if slices.ContainsFunc(unread, func(u snapshot.Unread) bool { return u.Part == snapshot.PartSystemACLs }) {
		c.SystemACLs = nil
	}
	return c, unread, nil
}

// shows says whether there is anything to read for a piece.
func (p *plain) shows(name string) bool {
	switch name {
	case "foreign", "mappings":
		return p.k.foreign
	case "largeobjects":
		return p.k.large
	case "keys":
		return len(p.k.referred) > 0
	case "foreignkeys": // those between tables of one owner lead nowhere
		return p.signs[name] && slices.ContainsFunc(p.k.relations, func(l located[snapshot.Relation]) bool { return l.it.Owner != p.k.relations[0].it.Owner })
	}
	return p.signs[name]
}

// rarePieces are the queries of what few databases hold, and a plan does not
// read.
func rarePieces(r *reader, p *plain, c *snapshot.Contents) []piece {
	return slices.Concat(relationPieces(r, p.k, p.v, c), codePieces(r, c), foreignPieces(r, c))
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

func relationPieces(r *reader, k *core, v pgsql.Version, c *snapshot.Contents) []piece {
	keyColumns := "i.indnkeyatts"
	if v.Major() < 11 {
		keyColumns = "i.indnatts"
	}
	return []piece{
		{snapshot.PartRelations, "inherits", censusSQL("inherits"), []rowFunc{func(row [][]byte) {
			c.Inherits = append(c.Inherits, snapshot.Inherit{Schema: r.name(row[0]), Table: string(row[1]), ParentSchema: r.name(row[2]), Parent: r.name(row[3])})
		}}},
		{snapshot.PartRelations, "foreignkeys", censusSQL("foreignkeys"), []rowFunc{func(row [][]byte) {
			k.foreignKey(r, row, c)
		}}},
		{snapshot.PartRelations, "keys", censusSQL("keys", "{{nkeys}}", keyColumns), []rowFunc{func(row [][]byte) {
			if t := k.relation(r.oid(row[0])); t != nil && k.referred[t.oid] {
				c.Keys = append(c.Keys, snapshot.Key{Schema: k.schemas[t.schema].Name, Table: t.it.Name, Columns: r.array(row[1]), Types: r.array(row[2])})
			}
		}}},
		{snapshot.PartPolicies, "policies", censusSQL("policies"), []rowFunc{func(row [][]byte) {
			c.Policies = append(c.Policies, snapshot.Policy{Schema: r.name(row[0]), Table: string(row[1]), Name: r.name(row[2]), Command: command(row[3]),
				Permissive: yes(row[4]), Roles: r.array(row[5]), Using: r.name(row[6]), Check: r.name(row[7])})
		}}},
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
		{snapshot.PartLargeObjects, "largeobjects", censusSQL("largeobjects"), []rowFunc{func(row [][]byte) {
			c.LargeACLs = append(c.LargeACLs, snapshot.LargeObjectACL{Owner: r.name(row[0]), ACL: r.acl(row[1]), Count: r.int(row[2])})
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

// noEntry is why a role does not get into a database, in words that are the same
// for every database, so that many can be told of at once.
func noEntry(err error) string {
	switch connect.State(err) {
	case "42501":
		return "permission denied for database: the role has no CONNECT on it (SQLSTATE 42501)"
	case "28000":
		return "pg_hba.conf does not let the role into it (SQLSTATE 28000)"
	}
	return ""
}
