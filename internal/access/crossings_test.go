package access_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"landlord/internal/access"
	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

// town is a snapshot of many tenants, each with a database of its own.
func town(n int) (snapshot.Snapshot, []access.Home) {
	s := snapshot.Snapshot{Version: 180000, Roles: []snapshot.Role{{Name: "postgres", Superuser: true, Login: true}}}
	var tenants []access.Home
	for i := range n {
		t := fmt.Sprintf("t%05d", i)
		tenants = append(tenants, access.Home{Name: t, Roles: []string{t, t + "_owner", t + "_app"}, Databases: []string{t}})
		s.Roles = append(s.Roles, snapshot.Role{Name: t, Inherit: true}, snapshot.Role{Name: t + "_owner", Inherit: true}, snapshot.Role{Name: t + "_app", Inherit: true, Login: true})
		s.Memberships = append(s.Memberships, snapshot.Membership{Role: t, Member: t + "_app", Inherit: true, Set: true},
			snapshot.Membership{Role: t, Member: t + "_owner", Inherit: true, Set: true})
		s.Databases = append(s.Databases, snapshot.Database{Name: t, Owner: "postgres", AllowConn: true, ACL: pgsql.ACL{{Grantee: t, Grantor: "postgres", Privs: pgsql.Connect}}})
		s.Contents = append(s.Contents, snapshot.Contents{Database: t,
			Schemas:   []snapshot.Schema{{Name: t, Owner: t + "_owner", ACL: pgsql.ACL{{Grantee: t, Grantor: t + "_owner", Privs: pgsql.Usage}}}},
			Relations: []snapshot.Relation{{Schema: t, Name: "x", Kind: 'r', Owner: t + "_owner", ACL: pgsql.ACL{{Grantee: t + "_app", Grantor: t + "_owner", Privs: pgsql.Select}}}},
			Routines:  []snapshot.Routine{{Schema: "public", Signature: "public.f()", Owner: "postgres", Definer: true, Language: "sql", Config: []string{"search_path=pg_catalog, pg_temp"}}},
		})
	}
	return s, tenants
}

func TestCrossings(t *testing.T) {
	s, tenants := town(5)
	if got := access.Prepare(s).Crossings(tenants, access.Possible); len(got) > 0 {
		t.Fatalf("%+v", got)
	}
	s.Memberships = append(s.Memberships, snapshot.Membership{Role: "t00003_owner", Member: "t00001_app", Set: true})
	s.Contents[2].Relations[0].ACL = append(s.Contents[2].Relations[0].ACL, pgsql.ACLItem{Grantor: "t00002_owner", Privs: pgsql.Select})
	s.Contents[2].Schemas[0].ACL = append(s.Contents[2].Schemas[0].ACL, pgsql.ACLItem{Grantor: "t00002_owner", Privs: pgsql.Usage})
	s.Databases[2].ACL = nil
	s.Roles = append(s.Roles, snapshot.Role{Name: "pg_execute_server_program"})
	s.Memberships = append(s.Memberships, snapshot.Membership{Role: "pg_execute_server_program", Member: "t00004_app", Inherit: true})
	s.Roles = append(s.Roles, snapshot.Role{Name: "pg_read_all_data"})
	s.Memberships = append(s.Memberships, snapshot.Membership{Role: "pg_read_all_data", Member: "t00000_app", Inherit: true})
	var got []string
	for _, c := range access.Prepare(s).Crossings(tenants, access.Certain) {
		got = append(got, fmt.Sprintf("%s %s %s", c.From, c.To, said([]access.Path{c.Path})))
	}
	want := []string{
		"t00000 everybody certain inherit all-data", "t00000 t00002 certain grant", "t00001 t00002 certain grant", "t00001 t00003 certain set-role", "t00003 t00002 certain grant",
		"t00004 superuser certain inherit server-program", "t00004 t00002 certain grant",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestCrossingsOfManyTenants: ten times the tenants take about ten times the
// memory, not a hundred times. BenchmarkCrossings says how long they take.
func TestCrossingsOfManyTenants(t *testing.T) {
	allocated := func(n int) float64 {
		s, tenants := town(n)
		return testing.AllocsPerRun(1, func() {
			if got := access.Prepare(s).Crossings(tenants, access.Possible); len(got) > 0 {
				t.Fatalf("%+v", got[0])
			}
		})
	}
	few, many := allocated(300), allocated(3000)
	t.Logf("allocations for 300 tenants: %.0f; for 3,000: %.0f", few, many)
	if many > 15*few {
		t.Errorf("3,000 tenants allocate %.0f times, 300 allocate %.0f times", many, few)
	}
}

func BenchmarkCrossings(b *testing.B) {
	for _, n := range []int{1000, 10000} {
		s, tenants := town(n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				access.Prepare(s).Crossings(tenants, access.Possible)
			}
		})
	}
}
