package adopt

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

func login(name string) snapshot.Role {
	return snapshot.Role{OID: 20000, Name: name, Login: true, Inherit: true}
}

func table(schema, owner string, acl ...pgsql.ACLItem) snapshot.Relation {
	return snapshot.Relation{Schema: schema, Name: "t", Kind: 'r', Owner: owner, ACL: acl}
}

func TestPropose(t *testing.T) {
	admin, maker, root := login("admin"), login("maker"), login("root")
	admin.CreateRole, maker.CreateDB, root.Superuser = true, true, true
	base := func(databases []string, roles []snapshot.Role, relations ...[]snapshot.Relation) snapshot.Snapshot {
		s := snapshot.Snapshot{Version: 180000, Roles: roles}
		for i, name := range databases {
			s.Databases = append(s.Databases, snapshot.Database{Name: name, Owner: "dba", AllowConn: true})
			s.Contents = append(s.Contents, snapshot.Contents{Database: name, Relations: relations[i],
				Schemas: []snapshot.Schema{{Name: "public"}, {Name: "a"}, {Name: "b"}}})
		}
		return s
	}
	rows := func(who string, p pgsql.Privs) pgsql.ACLItem {
		return pgsql.ACLItem{Grantee: who, Grantor: "dba", Privs: p}
	}
	for _, c := range []struct {
		name string
		snap snapshot.Snapshot
		want map[string]string // tenant: its house and its logins
		asks []string          // parts of each
		ops  []string
		// admins are those with full access.
		admins []string
	}{
		{name: "the owner of the tables is the application", snap: base([]string{"shop"}, []snapshot.Role{login("u")}, []snapshot.Relation{table("public", "u")}),
			want: map[string]string{"shop": "database shop public app=u"}},
		{name: "a name that is no tenant's, or a role's", snap: base([]string{"Shop 1", "u"}, []snapshot.Role{login("u"), login("v")},
			[]snapshot.Relation{table("public", "v")}, []snapshot.Relation{table("public", "u")}),
			want: map[string]string{"shop_1": "database Shop 1 public app=v", "tenant_u": "database u public app=u"}},
		{name: "who owns, writes and reads", snap: base([]string{"shop"}, []snapshot.Role{login("dev"), login("r"), login("w")},
			[]snapshot.Relation{table("public", "dev", rows("r", pgsql.Select), rows("w", pgsql.Select|pgsql.Insert))}),
			want: map[string]string{"shop": "database shop public ddl=dev ro=r app=w"}},
		{name: "an administrator", snap: base([]string{"shop"}, []snapshot.Role{admin, login("u")}, []snapshot.Relation{table("public", "u")}),
			want: map[string]string{"shop": "database shop public app=u"}, admins: []string{"admin"}},
		{name: "who makes databases, and a second superuser", snap: base([]string{"shop"}, []snapshot.Role{maker, root, login("u")}, []snapshot.Relation{table("public", "u")}),
			want: map[string]string{"shop": "database shop public app=u"}, ops: []string{"maker", "root"}, asks: []string{"login root is a superuser"}},
		{name: "schemas of one database", snap: base([]string{"shop"}, []snapshot.Role{login("u"), login("v")}, []snapshot.Relation{table("a", "u"), table("b", "v")}),
			want: map[string]string{"a": "schema shop a app=u", "b": "schema shop b app=v"}},
		{name: "a login in two houses", snap: base([]string{"x", "y"}, []snapshot.Role{login("u"), login("v"), login("w")},
			[]snapshot.Relation{table("public", "u"), table("public", "v")}, []snapshot.Relation{table("public", "u"), table("public", "w")}),
			want: map[string]string{"x": "database x public app=v", "y": "database y public app=w"},
			ops:  []string{"u"}, asks: []string{"login u works in database x and in database y"}},
		{name: "databases of one customer, by their logins and their names", snap: base([]string{"y", "shop_old", "shop", "shop-log"},
			[]snapshot.Role{login("dev"), login("r"), login("u"), login("w"), admin},
			[]snapshot.Relation{table("public", "u")},
			[]snapshot.Relation{table("a", "dev", rows("w", pgsql.Insert)), table("b", "dev")},
			[]snapshot.Relation{table("public", "dev", rows("r", pgsql.Select), rows("w", pgsql.Insert)), table("public", "admin")},
			[]snapshot.Relation{table("public", "dev", rows("w", pgsql.Delete)), table("public", "admin")}),
			want: map[string]string{"shop": "database shop public and shop-log public and shop_old a,b ddl=dev ro=r app=w", "y": "database y public app=u"}, admins: []string{"admin"}},
		{name: "one login for all databases, whose names say nothing", snap: base([]string{"c1", "c2", "c3"}, []snapshot.Role{login("u")},
			[]snapshot.Relation{table("public", "u")}, []snapshot.Relation{table("public", "u")}, []snapshot.Relation{table("public", "u")}),
			want: map[string]string{"c1": "database c1 public and c2 public and c3 public app=u"}, asks: []string{"database c1 and in database c2 and in database c3 have the same applications (u), and are taken for one customer's"}},
		{name: "the same login does other things there", snap: base([]string{"shop", "shop_old"}, []snapshot.Role{login("dev"), login("u")},
			[]snapshot.Relation{table("public", "dev", rows("u", pgsql.Insert))}, []snapshot.Relation{table("public", "u")}),
			want: map[string]string{"shop": "database shop public app=dev"}, ops: []string{"u"}, asks: []string{"login u works in database shop and in database shop_old: whose is it?", "no login is left for database shop_old"}},
		{name: "who reads in all of them is nobody's", snap: base([]string{"x", "y"}, []snapshot.Role{login("r"), login("u"), login("v")},
			[]snapshot.Relation{table("public", "u", rows("r", pgsql.Select))}, []snapshot.Relation{table("public", "v", rows("r", pgsql.Select))}),
			want: map[string]string{"x": "database x public app=u", "y": "database y public app=v"}, ops: []string{"r"}, asks: []string{"login r works in database x and in database y"}},
		{name: "only PUBLIC", snap: base([]string{"shop"}, []snapshot.Role{login("u")}, []snapshot.Relation{table("public", "dba", rows("", pgsql.Select))}),
			want: map[string]string{}, asks: []string{"nobody but PUBLIC", "login u works nowhere"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := Propose(tenant.Server{Name: "main"}, c.snap)
			got := map[string]string{}
			for _, tn := range p.Estate.Tenants {
				words := []string{string(tn.Isolation), tn.Home.Database, strings.Join(tn.Home.Schemas, ",")}
				for _, p := range tn.Further {
					words = append(words, "and", p.Database, strings.Join(p.Schemas, ","))
				}
				for _, l := range tn.Logins {
					words = append(words, string(l.Kind)+"="+l.Name)
				}
				got[tn.Name] = strings.Join(words, " ")
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff(c.ops, p.Estate.Servers[0].Operators); d != "" {
				t.Error(d)
			}
			var admins []string
			for _, a := range p.Estate.Servers[0].Admins {
				if a.DataAccess == tenant.FullAccess && a.Adopt {
					admins = append(admins, a.Name)
				}
			}
			if d := cmp.Diff(c.admins, admins); d != "" {
				t.Error(d)
			}
			if len(p.Asks) != len(c.asks) {
				t.Errorf("asks %q", p.Asks)
			}
			for i := range min(len(p.Asks), len(c.asks)) {
				if !strings.Contains(p.Asks[i], c.asks[i]) {
					t.Errorf("asks %q", p.Asks[i])
				}
			}
		})
	}
}

// A name with a line break cannot end a remark.
func TestRemark(t *testing.T) {
	p := Proposal{Remarks: map[string][]string{"a": {"x\ny"}}, Asks: []string{"q"}}
	if got, want := string(p.Remark([]byte("tenants:\n  a:\n    b: c\n"))), "# ask: q\ntenants:\n  # x?y\n  a:\n    b: c\n"; got != want {
		t.Errorf("%q", got)
	}
}
