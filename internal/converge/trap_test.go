package converge_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"landlord"
	"landlord/internal/pgtest"
	"landlord/internal/plan"
	"landlord/internal/tenant"
)

// neighbours are two tenants who share a database, and have their houses.
func neighbours(t *testing.T, major int) *world {
	s := pgtest.Start(t, major)
	w := &world{gen: newGen(1), t: t, s: s, me: "postgres", conns: map[string]*pgx.Conn{}}
	t.Cleanup(w.disconnect)
	w.e = tenant.Estate{Servers: []tenant.Server{{Name: "main", Connection: s.ConnString("postgres", "postgres")}},
		Tenants: []tenant.Tenant{newTenant("eve", tenant.Schema, "shared"), newTenant("bob", tenant.Schema, "shared")}}
	w.applyWith(landlord.Options{})
	w.must("shared", "bob_owner", "CREATE TABLE bob.secrets(x text); INSERT INTO bob.secrets VALUES ('of bob')")
	w.applyWith(landlord.Options{})
	return w
}

// A tenant leaves functions where it once could, SECURITY DEFINER, and calls
// them by triggers of its own. Putting the owners right must not give the
// functions a neighbour's or a superuser's rights.
func TestTakingOverSpringsNoTrap(t *testing.T) {
	for _, major := range ends() {
		w := neighbours(t, major)
		w.must("shared", "", "CREATE SCHEMA play; GRANT CREATE, USAGE ON SCHEMA play TO PUBLIC; GRANT CREATE, USAGE ON SCHEMA bob TO eve_owner")
		for _, schema := range []string{"play", "bob"} {
			w.must("shared", "eve_owner", `
				CREATE FUNCTION `+schema+`.trap() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
					AS 'BEGIN NEW.who := current_user; NEW.x := (SELECT x FROM bob.secrets); RETURN NEW; EXCEPTION WHEN insufficient_privilege THEN RETURN NEW; END';
				CREATE AGGREGATE `+schema+`.many(int) (SFUNC = int4pl, STYPE = int);
				CREATE VIEW `+schema+`.bait AS SELECT rolname FROM pg_authid; GRANT SELECT ON `+schema+`.bait TO PUBLIC;
				CREATE VIEW eve.from_`+schema+` AS SELECT * FROM `+schema+`.bait;
				CREATE TABLE eve.door_`+schema+`(x text, who text);
				CREATE TRIGGER t BEFORE INSERT ON eve.door_`+schema+` FOR EACH ROW EXECUTE FUNCTION `+schema+`.trap()`)
		}
		w.applyWith(landlord.Options{})
		w.wantEmpty(w.planWith(landlord.Options{}), "after the traps were found")
		for _, schema := range []string{"play", "bob"} {
			w.hand("shared", "eve_app", "INSERT INTO eve.door_"+schema+" VALUES ('nothing', 'nobody')")
			for _, r := range w.rows("shared", "SELECT x, who FROM eve.door_"+schema) {
				if r[0] != "nothing" || r[1] != "nobody" && r[1] != "eve_app" {
					t.Errorf("%d: the trigger in schema %s ran as %s and found %q", major, schema, r[1], r[0])
				}
			}
			if w.hand("shared", "eve_app", "SELECT * FROM eve.from_"+schema) {
				t.Errorf("%d: the view of schema %s reads pg_authid", major, schema)
			}
		}
		if got := w.rows("shared", "SELECT proname::text FROM pg_proc JOIN pg_roles r ON r.oid = proowner WHERE pronamespace = 'play'::regnamespace AND (rolsuper OR prosecdef)"); len(got) > 0 {
			t.Errorf("%d: these run with others' rights: %v", major, got)
		}
	}
}

// A function that an event trigger runs is run by superusers too: it is not
// given to a tenant because it stands in the tenant's schema, and where a
// tenant has it, landlord does nothing that would run it.
func TestEventTriggersStayTheSuperusers(t *testing.T) {
	for _, major := range ends() {
		w := neighbours(t, major)
		w.must("shared", "", `CREATE FUNCTION bob.audit() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
			CREATE EVENT TRIGGER audit ON ddl_command_end EXECUTE FUNCTION bob.audit()`)
		w.applyWith(landlord.Options{})
		w.wantEmpty(w.planWith(landlord.Options{}), "after an event trigger")
		if owner := w.column("shared", "SELECT proowner::regrole::text FROM pg_proc WHERE proname = 'audit'"); owner[0] != "postgres" {
			t.Errorf("%d: bob.audit belongs to %s", major, owner[0])
		}
		w.must("shared", "", "ALTER FUNCTION bob.audit() OWNER TO bob_owner")
		_, err := landlord.Apply(w.ctx(), w.e, "main", landlord.Options{}, landlord.Hooks{})
		if conflict := (*plan.ConflictError)(nil); !errors.As(err, &conflict) || !strings.Contains(err.Error(), "bob.audit()") {
			t.Errorf("%d: the error is %v, not a conflict about bob.audit", major, err)
		}
	}
}

// What a removed tenant has left elsewhere goes to nobody who may do anything.
func TestRemovalSpringsNoTrap(t *testing.T) {
	w := neighbours(t, ends()[0])
	w.must("shared", "", "CREATE SCHEMA play; GRANT CREATE, USAGE ON SCHEMA play TO eve_owner")
	w.must("shared", "eve_owner", "CREATE FUNCTION play.trap() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'; CREATE TABLE play.left(x int)")
	w.e.Tenants = w.e.Tenants[1:]
	w.applyWith(landlord.Options{Tenants: []string{"eve"}, Prune: true})
	owners := w.column("shared", "SELECT DISTINCT proowner::regrole::text FROM pg_proc WHERE proname = 'trap' UNION SELECT relowner::regrole::text FROM pg_class WHERE relname = 'left'")
	if len(owners) != 1 || owners[0] != tenant.LostRole {
		t.Errorf("what eve left belongs to %q", owners)
	}
}

// PUBLIC depends on nothing, and must be looked for by itself.
func TestPublicOnTheServerItself(t *testing.T) {
	for _, major := range ends() {
		w := neighbours(t, major)
		w.must("postgres", "", "GRANT CREATE ON TABLESPACE pg_default TO PUBLIC")
		if major >= 15 {
			w.must("postgres", "", "GRANT SET, ALTER SYSTEM ON PARAMETER archive_command, lo_compat_privileges TO PUBLIC")
		}
		w.must("postgres", "", "CREATE DATABASE crm OWNER eve_owner")
		w.applyWith(landlord.Options{})
		w.wantEmpty(w.planWith(landlord.Options{}), "after PUBLIC")
		for _, r := range w.rows("postgres", "SELECT 'tablespace', spcname::text FROM pg_tablespace, aclexplode(spcacl) a WHERE a.grantee = 0 UNION ALL SELECT 'database', datname::text FROM pg_database WHERE datdba = 'eve_owner'::regrole") {
			t.Errorf("%d: %v", major, r)
		}
		if major >= 15 {
			if n := w.column("postgres", "SELECT count(*) FROM pg_parameter_acl, aclexplode(paracl) a WHERE a.grantee = 0"); n[0] != "0" {
				t.Errorf("%d: PUBLIC holds %s rights on parameters", major, n[0])
			}
		}
	}
}

// Whoever reads a parent reads its children, and no grant says so.
func TestTiesBetweenHousesAreSaid(t *testing.T) {
	for _, major := range ends() {
		w := neighbours(t, major)
		w.must("shared", "", `
			CREATE TABLE eve.parent(x text); ALTER TABLE bob.secrets INHERIT eve.parent;
			CREATE TABLE eve.parted(x int) PARTITION BY RANGE (x); CREATE TABLE bob.part PARTITION OF eve.parted DEFAULT;
			CREATE TABLE eve.keys(x int PRIMARY KEY); CREATE TABLE bob.refers(x int REFERENCES eve.keys ON DELETE CASCADE);
			CREATE FUNCTION eve.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
			CREATE TRIGGER t BEFORE INSERT ON bob.refers FOR EACH ROW EXECUTE FUNCTION eve.f();
			CREATE TABLE eve.own(x int) PARTITION BY RANGE (x); CREATE TABLE eve.own1 PARTITION OF eve.own DEFAULT`)
		w.applyWith(landlord.Options{})
		p := w.planWith(landlord.Options{})
		w.wantEmpty(p, "ties are not cut unasked")
		cuts := ties(p)
		if len(cuts) != 4 {
			t.Errorf("%d: %d ties are said, not 4: %q", major, len(cuts), cuts)
		}
		for _, sql := range cuts {
			w.must("shared", "", sql)
		}
		if left := ties(w.planWith(landlord.Options{})); len(left) > 0 {
			t.Errorf("%d: still tied: %q", major, left)
		}
	}
}

func ties(p plan.Plan) (cuts []string) {
	for _, n := range p.Notes {
		if _, sql, ok := strings.Cut(n.Next, "unless both want that, run: "); ok && n.Cannot {
			cuts = append(cuts, sql)
		}
	}
	return cuts
}

// A tenant is kept out of the others' databases also by a plan that is not
// about these.
func TestOthersDatabasesAreClosedToo(t *testing.T) {
	w := neighbours(t, ends()[0])
	w.e.Tenants = append(w.e.Tenants, newTenant("zoe", tenant.Database, "zoe"))
	w.applyWith(landlord.Options{})
	for _, how := range []struct {
		name string
		spec []tenant.Tenant
		o    landlord.Options
	}{
		{"a plan for one tenant", w.e.Tenants, landlord.Options{Tenants: []string{"eve"}}},
		{"a spec that does not name it", w.e.Tenants[:2], landlord.Options{}},
	} {
		w.e.Tenants = how.spec
		w.must("postgres", "", "GRANT CONNECT ON DATABASE zoe TO eve_app")
		w.applyWith(how.o)
		w.wantEmpty(w.planWith(how.o), how.name)
		for _, r := range w.rows("postgres", "SELECT has_database_privilege('eve_app', 'zoe', 'CONNECT'), has_database_privilege('zoe_app', 'zoe', 'CONNECT')") {
			if r[0] != "false" || r[1] != "true" {
				t.Errorf("%s: eve may connect: %s, zoe may: %s", how.name, r[0], r[1])
			}
		}
	}
}
