package clienttest

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"landlord/internal/localpg"
	"landlord/internal/pgtest"
	"landlord/internal/run"
)

// asTenant runs work as one tenant, in a transaction of its own.
func asTenant(ctx context.Context, db beginner, tenant string, work func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT landlord.become($1)", tenant); err != nil {
			return err
		}
		return work(tx)
	})
}

// beginner is a connection, or a pool of them.
type beginner interface {
	Begin(ctx context.Context) (pgx.Tx, error)
}

// poolPHP goes on from the code that the page shows.
const poolPHP = `
function name(PDO $db): string { return $db->query("SELECT concat_ws(' ', current_user, current_setting('search_path'), (SELECT string_agg(v, ',') FROM t))")->fetchColumn(); }
foreach (['acme', 'bolt', 'acme'] as $tenant) {
    echo as_tenant($db, $tenant, function ($db) use ($tenant) {
        $db->prepare('INSERT INTO t VALUES (?)')->execute(["php $tenant"]);
        return name($db);
    }), "\n";
    echo $db->query('SELECT current_user')->fetchColumn(), "\n";
}
foreach (['nobody' => fn ($db) => 0, 'acme' => fn ($db) => $db->query('SELECT * FROM bolt.t'), 'bolt' => fn ($db) => throw new Exception('own')] as $tenant => $work) {
    try {
        as_tenant($db, $tenant, $work);
    } catch (Throwable $e) {
        echo get_class($e), ' ', $e->getCode(), ' ', $db->query('SELECT current_user')->fetchColumn(), "\n";
    }
}
`

// The code that the page about pools shows works, straight and through
// PgBouncer, and leaves nothing for the next transaction.
func TestPoolPage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/pool.md")
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.ReadFile("pool_test.go")
	if err != nil {
		t.Fatal(err)
	}
	if code := block(t, string(page), "go"); !strings.Contains(string(self), code) {
		t.Errorf("the page shows other Go than is tried here:\n%s", code)
	}
	majors := pgtest.Majors()
	if len(majors) == 0 {
		t.Skip("no PostgreSQL is installed")
	}
	s := pgtest.Start(t, majors[len(majors)-1], pgtest.WithHBA(localpg.DefaultHBA))
	spec := file(t, fmt.Sprintf("servers: {main: {connection: %q, pools: {web: {database: shared}}}}\ntenants: {acme: {isolation: schema}, bolt: {isolation: schema}}\n", s.ConnString("postgres", "postgres")))
	command(t, "apply", "--yes", "-f", spec)
	for _, name := range []string{"acme", "bolt"} {
		s.Exec(t, "shared", "SET ROLE "+name+"_owner; CREATE TABLE "+name+".t (v text)")
	}
	password := strings.Split(strings.SplitAfter(command(t, "credentials", "--pool", "web", "-f", spec, "--format", "uri"), "://web:")[1], "@")[0]
	b := pgtest.StartBouncer(t, s, pgtest.BouncerOptions{Users: map[string]string{"web": password}, Settings: map[string]string{"default_pool_size": "1"}})
	for way, conninfo := range map[string]string{"straight": s.ConnString("shared", "web"), "bouncer": b.ConnString("shared", "web")} {
		t.Run("php-"+way, func(t *testing.T) { inPHP(t, block(t, string(page), "php"), conninfo+" password="+password) })
		t.Run("go-"+way, func(t *testing.T) { inGo(t, conninfo+" default_query_exec_mode=exec password="+password) })
		s.Exec(t, "shared", "TRUNCATE acme.t, bolt.t")
	}
	clean := pgtest.StartBouncer(t, s, pgtest.BouncerOptions{Users: map[string]string{"web": password}, Settings: map[string]string{"default_pool_size": "1", "server_reset_query_always": "1"}})
	const invalidCursor = "34000"
	if got := leftBehind(t, b, password); got != "00000" {
		t.Errorf("a cursor that is left behind: SQLSTATE %s: then the page says too much", got)
	}
	if got := leftBehind(t, clean, password); got != invalidCursor {
		t.Errorf("PgBouncer cleans, and a cursor that is left behind: SQLSTATE %s", got)
	}
}

// block is a code block of a page.
func block(t *testing.T, page, language string) string {
	t.Helper()
	_, rest, ok := strings.Cut(page, "```"+language+"\n")
	code, _, closed := strings.Cut(rest, "```\n")
	if !ok || !closed {
		t.Fatalf("the page has no block of %s", language)
	}
	return code
}

// command runs landlord, and gives what it prints.
func command(t *testing.T, args ...string) string {
	t.Helper()
	out, _, err := run.Command(t.Context(), run.Spec{Name: "landlord", Args: args})
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func inPHP(t *testing.T, code, conninfo string) {
	out, said, err := run.Command(t.Context(), run.Spec{Name: "php", Args: []string{"-d", "display_errors=stderr", file(t, code+poolPHP)}, Env: []string{"PATH=" + os.Getenv("PATH"), "POOL=" + conninfo}})
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	want := `acme_app acme, pg_temp php acme
web
bolt_app bolt, pg_temp php bolt
web
acme_app acme, pg_temp php acme,php acme
web
PDOException 42501 web
PDOException 42501 web
Exception 0 web
`
	if string(out) != want {
		t.Errorf("it prints\n%s", out)
	}
}

func inGo(t *testing.T, conninfo string) {
	conn, err := pgx.Connect(t.Context(), conninfo)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	for _, tenant := range []string{"acme", "bolt", "acme"} {
		var user, after string
		err := asTenant(t.Context(), conn, tenant, func(tx pgx.Tx) error {
			if _, err := tx.Exec(t.Context(), "INSERT INTO t VALUES ($1)", "go "+tenant); err != nil {
				return err
			}
			return tx.QueryRow(t.Context(), "SELECT current_user::text").Scan(&user)
		})
		if err == nil {
			err = conn.QueryRow(t.Context(), "SELECT current_user::text").Scan(&after)
		}
		if err != nil || user != tenant+"_app" || after != "web" {
			t.Errorf("%s: %v, it was %s, and then %s", tenant, err, user, after)
		}
	}
	if err := asTenant(t.Context(), conn, "nobody", func(pgx.Tx) error { return nil }); err == nil {
		t.Error("it became nobody")
	}
}

// leftBehind leaves a cursor behind as one tenant, and says what the next one
// finds of it.
func leftBehind(t *testing.T, b *pgtest.Bouncer, password string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), b.ConnString("shared", "web")+" default_query_exec_mode=simple_protocol password="+password)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if err := asTenant(t.Context(), conn, "acme", func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), "DECLARE left_behind CURSOR WITH HOLD FOR SELECT v FROM t")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return query(t.Context(), conn, "FETCH left_behind")
}
