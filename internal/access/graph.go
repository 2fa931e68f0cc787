package access

import (
	"cmp"
	"strings"

	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

// Certainty is how surely a step can be taken.
type Certainty string

// The certainties.
const (
	Certain  Certainty = "certain"  // it works now
	Possible Certainty = "possible" // somebody else must act, or something must hold that the catalogs do not tell
	Blocked  Certainty = "blocked"  // it does not work, and the step says why
)

// level orders certainties.
func (c Certainty) level() int {
	switch c {
	case Certain:
		return 0
	case Possible:
		return 1
	}
	return 2
}

// node is something that somebody can come to.
type node struct {
	what what
	name string // a role's, or ""
	with string // who has granted itself the role, where what is joined
	past string // the roles that it has granted itself before, with NUL between
	at   place  // where the data stands; otherwise empty
}

// roles are those whose rights somebody has at a node; nobody's in particular
// where it is anybody.
func (n node) roles() []string {
	switch n.what {
	case anybody:
		return nil
	case joined:
		return append(n.granted(), n.with)
	}
	return []string{n.name}
}

// granted are the roles that somebody has granted itself at a node, in order.
func (n node) granted() []string {
	if n.past == "" {
		return []string{n.name}
	}
	return append(strings.Split(n.past, "\x00"), n.name)
}

// place is a schema of a database; large objects stand in none.
type place struct{ database, schema string }

type what byte

const (
	being     what = 'a' // to be a role: its attributes, and its rights
	rights    what = 'r' // to have a role's rights
	data      what = 'd' // to read or change data of a role's
	joined    what = 'j' // to have the rights of roles that another has granted to itself, together with its own
	anybody   what = 'p' // to be anybody: the rights of PUBLIC
	everyData what = 'D' // to read or change everybody's data
	superuser what = 's' // to do what a superuser can
)

// edge is one step that leads from a node to another.
type edge struct {
	kind      string
	to        node
	certainty Certainty
	database  string // where it must be taken; empty: anywhere
	sql       []string
	why       string
	// mend is SQL that takes the step away, in the database of the step.
	mend []string
}

// graph is all steps, by where they begin.
type graph struct {
	s     *State
	edges map[node][]edge
	// public are everybody's steps within each database; those without one
	// are among edges.
	public map[string][]edge
	// connect and owned are the databases to which each role ("" is PUBLIC)
	// holds CONNECT, and which it owns.
	connect, owned map[string][]string
	supers         []string
	// open are the databases into which everybody gets.
	open map[string]bool
	// data are the nodes of data that some step leads to; seen are these, and
	// those of rights that somebody has granted to itself.
	data []node
	seen map[node]bool
	// comers are, for a role that was asked about, those that come to its rights.
	comers map[string]*comers
	// paths are the settings of search_path; see searchPaths.
	paths map[[2]string][]string
	// kind is the kind of step that is being added, if the step does not say.
	kind string
}

// Kind is a kind of step.
type Kind struct {
	Name string
	What string // in a sentence
	add  func(*graph)
}

// Kinds are all kinds of steps that landlord knows.
func Kinds() []Kind {
	return []Kind{
		{"inherit", "a member has its role's rights without doing anything", addInherit},
		{"set-role", "a member becomes its role by SET ROLE", addSetRole},
		{"admin-option", "who may grant a role grants it to itself, and by its rights the next one; where a step needs several rights, those of all of them count", addAdminOption},
		{"createrole", "before 16, CREATEROLE grants itself every role that is no superuser", addCreateRole},
		{"ownership", "who has an owner's rights reads and changes its tables", addOwnership},
		{"row-security", "a policy lets everything through, or does not hold for the role, or goes by a setting that everybody may set", addRowSecurity},
		{"grant", "an ACL gives rights on another's table", addGrants},
		{"view", "a view, or a materialized view, shows what its owner may read", addViews},
		{"partition", "who reads a table reads its children and partitions, whoever owns them", addPartitions},
		{"foreign-key", "what is done to a table is done, by its owner's rights, to those that refer to it; whoever refers learns which keys there are; and whoever may refer has its casts run as the owner", addForeignKeys},
		{"drop", "who owns a schema, a database or an extension drops what others have in it", addDrops},
		{"rule", "a rule, or a view that is written through, changes tables with its owner's rights", addRules},
		{"large-object", "an ACL, or lo_compat_privileges, gives rights on another's large objects", addLargeObjects},
		{"all-data", "pg_read_all_data and pg_write_all_data reach everybody's tables", addAllData},
		{"server-program", "pg_execute_server_program runs programs as the server's own user", addServerProgram},
		{"server-files", "pg_read_server_files and pg_write_server_files reach the server's own files", addServerFiles},
		{"system-function", "a system function that is usually closed reads the server's files", addSystemFunctions},
		{"verifiers", "whoever reads pg_authid has everybody's password verifiers", addVerifiers},
		{"parameter", "ALTER SYSTEM of a parameter that names code or a command", addParameters},
		{"logical-decoding", "REPLICATION decodes everybody's changes in a database", addDecoding},
		{"physical-replication", "REPLICATION copies the whole server", addPhysical},
		{"definer", "a SECURITY DEFINER function with an open search_path finds the caller's objects", addDefiners},
		{"search-path", "a trojan in a schema where others look for names", addSearchPath},
		{"database-settings", "who owns a database sets where everybody's sessions there look for names", addDatabaseSettings},
		{"view-code", "who reads another's view runs the functions in it", addViewCode},
		{"function-code", "who calls another's function runs what its owner makes of it", addFunctionCode},
		{"expression-code", "a check, a default, an index, a policy or a view calls another's function, as whoever uses the table", addExpressions},
		{"trigger", "a trigger runs with the rights of whoever changes the table", addTriggers},
		{"event-trigger", "the owner of an event trigger's function runs code as whoever changes the schema", addEventTriggers},
		{"untrusted-language", "a function in an untrusted language runs as the server's own user", addUntrusted},
		{"foreign-server", "a user mapping leads back to this server as somebody else", addForeign},
		{"dblink", "dblink_connect_u through a trusting pg_hba.conf", addDblink},
		{"subscription", "a subscription changes tables with its owner's rights, triggers and all", addSubscriptions},
		{"password", "a password is the role's own name", addPasswords},
		{"trust", "pg_hba.conf lets everybody be anybody", addTrust},
		{"future", "default privileges will give rights on what another role makes", addFuture},
		{"template", "CREATEDB copies a template, and so gets into it", nil}, // see openings
		{"database-owner", "who owns a database lets itself in", nil},
	}
}

// steps is the graph, made once.
func (s *State) steps() *graph {
	if s.graph != nil {
		return s.graph
	}
	g := &graph{s: s, edges: map[node][]edge{}, public: map[string][]edge{}, connect: map[string][]string{}, owned: map[string][]string{}, seen: map[node]bool{}, comers: map[string]*comers{}, open: map[string]bool{}}
	for _, d := range s.snap.Databases {
		g.owned[d.Owner] = append(g.owned[d.Owner], d.Name)
		for _, it := range s.acl(s.database(d.Name)) {
			if it.Privs&pgsql.Connect != 0 && d.AllowConn {
				g.connect[it.Grantee] = append(g.connect[it.Grantee], d.Name)
				g.open[d.Name] = g.open[d.Name] || it.Grantee == ""
			}
		}
	}
	for _, name := range s.names {
		if s.super(name) {
			g.supers = append(g.supers, name)
		}
	}
	for _, k := range Kinds() {
		if k.add != nil {
			g.kind = k.Name
			k.add(g)
		}
	}
	s.graph = g
	return g
}

// dataOf is the data of an object's owner, where the object stands.
func dataOf(o Object) node {
	return node{what: data, name: o.Owner, at: place{o.Database, o.Schema}}
}

func (g *graph) add(from node, e edge) {
	e.kind = cmp.Or(e.kind, g.kind)
	if e.to.what == data && !g.seen[e.to] {
		g.seen[e.to] = true
		g.data = append(g.data, e.to)
	}
	if from.what == anybody && e.database != "" {
		g.public[e.database] = append(g.public[e.database], e)
		return
	}
	g.edges[from] = append(g.edges[from], e)
}

// next are the steps from a node: being a role is to have its rights, and
// everybody has PUBLIC's.
func (g *graph) next(n node) []edge {
	out := g.edges[n]
	switch n.what {
	case being:
		out = append(out[:len(out):len(out)], edge{to: node{what: rights, name: n.name}, certainty: Certain})
		if g.s.super(n.name) {
			out = append(out, edge{to: node{what: superuser}, certainty: Certain})
		}
	case rights:
		out = append(out[:len(out):len(out)], edge{to: node{what: anybody}, certainty: Certain})
	}
	return out
}

// need is a right that a step asks for.
type need struct {
	object Object
	priv   pgsql.Privs
}

// whoever gathers the nodes that have all rights of a list: PUBLIC if it has
// them, else roles, and what roles come to by granting themselves others. Of
// roles that inherit from each other the highest is enough.
func (g *graph) whoever(needs ...need) []node {
	for i, n := range needs {
		if g.publicHas(n) {
			continue
		}
		var out []node
		seen, lacking := map[node]bool{}, false
		for _, holder := range g.grantees(n) {
			found := g.sharing(holder, needs[:i], needs[i+1:])
			lacking = lacking || len(found) == 0 || found[0].name != holder
			for _, who := range found {
				if !seen[who] {
					seen[who] = true
					out = append(out, who)
				}
			}
		}
		if lacking {
			out = append(out, g.unions(g.wants(needs...)...)...)
		}
		return out
	}
	return []node{{what: anybody}}
}

// sharing is a role, if it has the other rights too, or else those of its
// members that have them.
func (g *graph) sharing(name string, others ...[]need) []node {
	has := func(name string) bool {
		for _, list := range others {
			for _, n := range list {
				if p, _ := g.s.Privileges(name, n.object); p&n.priv == 0 {
					return false
				}
			}
		}
		return true
	}
	if has(name) {
		return []node{{what: rights, name: name}}
	}
	var out []node
	for _, member := range g.s.below(name, Usage)[1:] {
		if has(member) {
			out = append(out, node{what: rights, name: member})
		}
	}
	return out
}

func (g *graph) publicHas(n need) bool {
	for _, it := range g.s.acl(n.object) {
		if it.Grantee == "" && it.Privs&n.priv != 0 {
			return true
		}
	}
	return false
}

// grantees are the roles to which an object's ACL gives something.
func (g *graph) grantees(n need) []string {
	var out []string
	for _, it := range g.s.acl(n.object) {
		if it.Grantee != "" && it.Privs&n.priv != 0 && g.s.roles[it.Grantee] != nil {
			out = append(out, it.Grantee)
		}
	}
	return out
}

// inSchema adds the need for USAGE on an object's schema.
func (g *graph) inSchema(o Object, priv pgsql.Privs) []need {
	needs := []need{{o, priv}}
	if schema, ok := g.s.schema(o.Database, o.Schema); ok {
		needs = append(needs, need{schema, pgsql.Usage})
	}
	return needs
}

// each calls with every database that was read.
func (g *graph) each(do func(database string, c *snapshot.Contents)) {
	for i := range g.s.snap.Contents {
		c := &g.s.snap.Contents[i]
		do(c.Database, c)
	}
}
