package prove_test

import (
	"testing"
	"time"

	"landlord"
	"landlord/internal/pgtest"
	"landlord/internal/prove"
	"landlord/internal/tenant"
)

// estate is two tenants of each model, one of each with a login for
// migrations.
func estate(s *pgtest.Server) tenant.Estate { return estateAt(s.ConnString("postgres", "postgres")) }

func estateAt(connection string) tenant.Estate {
	e := tenant.Estate{Servers: []tenant.Server{{Name: "main", Connection: connection}}}
	add := func(name string, m tenant.Model, db string, r tenant.Rights, temp bool) {
		e.Tenants = append(e.Tenants, tenant.Tenant{
			Name: name, Server: "main", Isolation: m, Home: tenant.Place{Database: db, Schemas: []string{name}}, Owner: tenant.DefaultOwner(name),
			Rights: r, Logins: tenant.DefaultLogins(name, r), Temp: temp,
			Limits: tenant.Limits{Connections: 20, StatementTimeout: 30 * time.Second, TempFiles: 1 << 30},
		})
	}
	add("acme", tenant.Database, "acme", tenant.CRUD, true)
	add("bolt", tenant.Schema, "shared", tenant.CRUD, true)
	add("crux", tenant.Schema, "shared", tenant.DDL, false)
	add("dyne", tenant.Database, "dyne", tenant.DDL, false)
	e.Tenants[3] = e.Tenants[3].WithPlace(tenant.Place{Database: "dyne_stats", Schemas: []string{"stats"}})
	return e
}

// build makes the estate on a server.
func build(t *testing.T, s *pgtest.Server) tenant.Estate {
	t.Helper()
	e := estate(s)
	result, err := landlord.Apply(t.Context(), e, "main", landlord.Options{}, landlord.Hooks{})
	if err != nil || result.Err() != nil {
		t.Fatal(err, result.Err())
	}
	return e
}

func input(e tenant.Estate) prove.Input {
	return prove.Input{Server: e.Servers[0], Tenants: e.Tenants}
}

// mayBeUntried says of which probes "not tried" is honest on the test's
// servers, and why.
var mayBeUntried = map[string]string{
	"connect-without-tls": "the tests come over the loopback address",
	"see-pgss-text":       "pg_stat_statements is not installed",
	"parameter-grants":    "came with 15",
	"see-backend-io":      "came with 18",
	"see-wal-summaries":   "came with 17",
	"trusted-extension":   "a server without contrib has none",
}

// TestHeld proves what landlord has built: nobody gets out, everybody can
// work, and everything is gone afterwards. Planning in the middle of it finds
// nothing to do.
func TestHeld(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		s.Exec(t, "postgres", "CREATE DATABASE other")
		e := withPool(estate(s))
		if result, err := landlord.Apply(t.Context(), e, "main", landlord.Options{}, landlord.Hooks{}); err != nil || result.Err() != nil {
			t.Fatal(err, result.Err())
		}
		in := input(e)
		planned := map[bool]bool{}
		in.Progress = func(o prove.Outcome) {
			if ofPool := o.Pool != ""; !planned[ofPool] {
				planned[ofPool] = true
				nothingToDo(t, e)
			}
		}
		report, err := prove.Run(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		if report.Escaped() || report.Broken() || len(report.Problems) > 0 || len(report.Doors) != 2 {
			t.Errorf("counts %v, problems %v, doors %v", report.Counts, report.Problems, report.Doors)
		}
		for _, o := range report.Outcomes {
			if o.Verdict == prove.Escaped || o.Verdict == prove.Failed || o.Verdict == prove.NotTried && mayBeUntried[o.Probe] == "" {
				t.Errorf("%s %s %s %s: %s %s %s", o.Tenant, o.Kind, o.Neighbour, o.Probe, o.Verdict, o.State, o.Detail)
			}
			if o.Verdict == prove.Exposed && (o.Closes == "" || o.Consequence == "") {
				t.Errorf("%s: exposed, without what closes it or what follows", o.Probe)
			}
			if (o.Probe == "listen-to-b" || o.Probe == "spoof-notify") && o.Verdict != prove.Exposed {
				t.Errorf("%s %s %s: %s: %s", o.Tenant, o.Neighbour, o.Probe, o.Verdict, o.Detail)
			}
			if own, _ := e.Tenant(o.Tenant); o.Closes == prove.ByDatabase && own.Isolation == tenant.Database {
				t.Errorf("%s: exposed, and the tenant has what would close it", o.Probe)
			}
		}
		poolHolds(t, report)
		nothingLeft(t, s, e)
	}, pgtest.WithTLS())
}

func nothingToDo(t *testing.T, e tenant.Estate) {
	t.Helper()
	p, err := landlord.Plan(t.Context(), e, "main", landlord.Options{})
	if err != nil {
		t.Error(err)
	}
	for _, step := range p.Steps {
		t.Errorf("to do while proving: %s: %q", step.Why, step.SQL)
	}
}

// nothingLeft looks for logins and scratch objects that stayed behind.
func nothingLeft(t *testing.T, s *pgtest.Server, e tenant.Estate) {
	t.Helper()
	for _, db := range []string{"acme", "dyne", "dyne_stats", "shared"} {
		conn := s.Connect(t, db, "")
		var n int
		err := conn.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM pg_roles WHERE rolname LIKE 'landlord\_probe%')
			+ (SELECT count(*) FROM pg_class WHERE relname LIKE 'landlord\_probe%')
			+ (SELECT count(*) FROM pg_proc WHERE proname LIKE 'landlord\_probe%')
			+ (SELECT count(*) FROM pg_largeobject_metadata)`).Scan(&n)
		if err != nil || n != 0 {
			t.Errorf("database %s: %d probe objects are left: %v", db, n, err)
		}
	}
	nothingToDo(t, e)
}
