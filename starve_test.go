package landlord_test

import (
	"strings"
	"testing"

	"landlord"
	"landlord/internal/connect"
	"landlord/internal/credentials"
	"landlord/internal/pgtest"
)

// TestATenantWithoutConnectionsOrTemporarySpaceStopsNobody: on a server, and in
// a database, that tenants share, one that has used up its connections or its
// room for temporary files is alone with that.
func TestATenantWithoutConnectionsOrTemporarySpaceStopsNobody(t *testing.T) {
	majors := pgtest.Majors()
	s := pgtest.Start(t, majors[len(majors)-1])
	e := estate(s)
	for i := range e.Tenants {
		e.Tenants[i].Limits.Connections, e.Tenants[i].Limits.TempFiles = 3, 1<<20
	}
	apply(t, e, landlord.Options{})
	uri := map[string]string{}
	for _, tt := range e.Tenants {
		got, err := landlord.Login(t.Context(), e, tt, tt.Name+"_app", false)
		if err != nil {
			t.Fatal(err)
		}
		text, err := credentials.Render("uri", []credentials.Settings{got.Settings})
		if err != nil {
			t.Fatal(err)
		}
		uri[tt.Name] = strings.TrimSpace(string(text))
	}
	// run runs a statement as a tenant, and says by which SQLSTATE it failed.
	run := func(name, sql string) string {
		conn, err := connect.Open(t.Context(), uri[name], connect.Options{})
		if err == nil {
			defer connect.Close(conn)
			_, err = conn.Exec(t.Context(), sql).ReadAll()
		}
		if err != nil && connect.State(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
		return connect.State(err)
	}
	const sort = "SET work_mem = '64kB'; SELECT pg_catalog.count(*) FROM (SELECT pg_catalog.repeat(n::text, 20) AS x FROM pg_catalog.generate_series(1, 100000) AS n ORDER BY 1 OFFSET 1) AS y"
	for _, tt := range [][]string{{"acme", "bolt", "dyne"}, {"bolt", "crux", "dyne"}} { // from a database of its own, and from a shared one
		name, neighbours := tt[0], tt[1:]
		if got := run(name, sort); got != "53400" {
			t.Errorf("%s writes more temporary files than it may: %q", name, got)
		}
		if got := run(name, "SET temp_file_limit = -1"); got != "42501" {
			t.Errorf("%s raises its limit: %q", name, got)
		}
		for range 3 {
			conn, err := connect.Open(t.Context(), uri[name], connect.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer connect.Close(conn)
		}
		if got := run(name, "SELECT 1"); got != "53300" {
			t.Errorf("%s has more connections than it may: %q", name, got)
		}
		for _, other := range neighbours {
			if got := run(other, "SELECT 1"); got != "" {
				t.Errorf("%s, while %s has no connections left: %q", other, name, got)
			}
		}
	}
}
