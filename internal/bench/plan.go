package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"landlord"
	"landlord/internal/connect"
	"landlord/internal/localpg"
	"landlord/internal/pgsql"
)

const (
	maxPlanDatabases = 1.3 // times a bare program that reads the same rows
	maxPlanSchemas   = 1.5 // times psql running the same queries
	maxQueries       = 10
	parallel         = 2 // connections at once, landlord's default
)

// nothingToDo plans over a town that is as it should be.
func nothingToDo(ctx context.Context, t town, conninfo string) (time.Duration, error) {
	start := time.Now()
	p, err := landlord.Plan(ctx, t.on(conninfo), "main", landlord.Options{})
	d := time.Since(start)
	if err == nil && !p.Empty() {
		err = fmt.Errorf("there are %d steps still to do, the first: %s: %q", len(p.Steps), p.Steps[0].Why, p.Steps[0].SQL)
	}
	return d, err
}

// listen plans once through a relay, and returns what landlord asked.
func (b *bench) listen(ctx context.Context, t town, s *localpg.Server) ([]*session, error) {
	r, err := newRelay(s.Dir(), s)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	if _, err := nothingToDo(ctx, t, r.conninfo()); err != nil {
		return nil, err
	}
	return r.heard(), nil
}

// planDatabases compares a plan over many databases with bare programs on as
// many connections.
func (b *bench) planDatabases(ctx context.Context, t town, s *localpg.Server) error {
	asked, err := b.listen(ctx, t, s)
	if err != nil {
		return err
	}
	floors := []floor{
		{"bare program, the plainest SELECTs of the same rows", plainQueries},
		{"bare program, landlord's own queries", func(s *session) []string { return s.texts }},
		{"bare program, connections and no query", func(*session) []string { return nil }},
	}
	var own []time.Duration
	bare := make([][]time.Duration, len(floors))
	for range b.rounds {
		d, err := nothingToDo(ctx, t, conninfo(s))
		if err != nil {
			return err
		}
		own = append(own, d)
		b.say("plan, %d databases: landlord %v", len(t.tenants), d.Round(time.Millisecond))
		for i, f := range floors {
			if d, err = readBare(ctx, s, asked, parallel, f.ask); err != nil {
				return err
			}
			bare[i] = append(bare[i], d)
			b.say("  %s: %v", f.name, d.Round(time.Millisecond))
		}
	}
	b.out.header(fmt.Sprintf("plan with nothing to do, %d databases, %d connections at once", len(t.tenants), parallel),
		"way", "time", "a database", "landlord's time as a ratio")
	b.out.row("landlord plan", seconds(median(own)), b.each(t, median(own)), "")
	for i, f := range floors {
		b.out.row(f.name, seconds(median(bare[i])), b.each(t, median(bare[i])), fmt.Sprintf("%.2f", paired(own, bare[i])))
	}
	b.out.line("\n%s", b.out.bound("plan to the bare program", paired(own, bare[0]), maxPlanDatabases, ""))
	return nil
}

// floor is a bare program, by what it asks over each connection.
type floor struct {
	name string
	ask  func(*session) []string
}

func (b *bench) each(t town, d time.Duration) string {
	return fmt.Sprintf("%.2f ms", d.Seconds()*1000/float64(len(t.tenants)))
}

// readBare connects as often as landlord did, on as many connections at once,
// asks, and drops the answers.
func readBare(ctx context.Context, s *localpg.Server, sessions []*session, parallel int, ask func(*session) []string) (time.Duration, error) {
	start := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for _, one := range sessions {
		group.Go(func() error {
			conn, err := connect.Open(ctx, s.ConnString(one.database, "postgres"), connect.Options{})
			if err != nil {
				return err
			}
			defer connect.Close(conn)
			for _, sql := range ask(one) {
				reply := conn.Exec(ctx, sql)
				for reply.NextResult() {
					for rows := reply.ResultReader(); rows.NextRow(); {
						_ = rows.Values()
					}
				}
				if err := reply.Close(); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err := group.Wait()
	return time.Since(start), err
}

// plainQueries are the shortest queries that give the rows, without a join or
// a computed column, that a database's contents follow from.
func plainQueries(s *session) []string {
	if strings.Contains(strings.Join(s.texts, ""), "pg_auth_members") {
		return []string{`SELECT * FROM pg_authid; SELECT * FROM pg_auth_members; SELECT * FROM pg_database;
			SELECT * FROM pg_db_role_setting; SELECT * FROM pg_shdescription; SELECT * FROM pg_shdepend WHERE dbid = 0 AND deptype = 'a';
			SELECT pg_read_file(current_setting('hba_file'))`}
	}
	return []string{`SELECT oid, nspname, nspowner, nspacl FROM pg_namespace;
		SELECT oid, relnamespace, relname, relkind, relowner, relacl FROM pg_class WHERE oid >= 16384 OR relacl IS NOT NULL;
		SELECT attrelid, attname, attacl FROM pg_attribute WHERE attacl IS NOT NULL;
		SELECT oid, pronamespace, proname, proowner, proacl FROM pg_proc WHERE oid >= 16384 OR proacl IS NOT NULL;
		SELECT oid, typnamespace, typname, typowner, typacl FROM pg_type WHERE oid >= 16384;
		SELECT objoid, classoid, objsubid, initprivs FROM pg_init_privs;
		SELECT oid, fdwname, fdwowner, fdwacl FROM pg_foreign_data_wrapper;
		SELECT * FROM pg_default_acl;
		SELECT * FROM pg_depend WHERE deptype = 'e';
		SELECT * FROM pg_shdepend WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND deptype = 'a'`}
}

// planSchemas compares a plan over many schemas in one database with psql
// running the same queries, and counts them.
func (b *bench) planSchemas(ctx context.Context, t town, s *localpg.Server) error {
	if err := furnish(ctx, t, s); err != nil {
		return err
	}
	asked, err := b.listen(ctx, t, s)
	if err != nil {
		return err
	}
	file := filepath.Join(s.Dir(), "plan.sql")
	if err := os.WriteFile(file, []byte(sameQueries(asked)), 0o600); err != nil {
		return err
	}
	var own, psql []time.Duration
	for range b.rounds {
		d, err := nothingToDo(ctx, t, conninfo(s))
		if err != nil {
			return err
		}
		own = append(own, d)
		start := time.Now()
		if err := b.psqls(ctx, s, []string{file}); err != nil {
			return err
		}
		psql = append(psql, time.Since(start))
		b.say("plan, %d schemas: landlord %v, psql %v", len(t.tenants), d.Round(time.Millisecond), psql[len(psql)-1].Round(time.Millisecond))
	}
	queries, trips := 0, 0
	for _, one := range asked {
		queries += one.queries
		trips += len(one.texts)
	}
	b.out.header(fmt.Sprintf("plan with nothing to do, %d schemas in one database, each with a table and a sequence", len(t.tenants)),
		"way", "time", "landlord's time as a ratio")
	b.out.row("landlord plan", seconds(median(own)), "")
	b.out.row("one psql, the same queries, output to /dev/null", seconds(median(psql)), fmt.Sprintf("%.2f", paired(own, psql)))
	b.out.line("\n%s  ", b.out.bound("plan to psql", paired(own, psql), maxPlanSchemas, ""))
	b.out.line("%s (in %d round trips over %d connections)", b.out.bound("queries of one plan", float64(queries), maxQueries, ""), trips, len(asked))
	return nil
}

// sameQueries is a psql script of what landlord asked.
func sameQueries(asked []*session) string {
	var text strings.Builder
	for _, one := range asked {
		fmt.Fprintf(&text, "\\connect -reuse-previous=on %s\n", pgsql.PsqlArg("dbname="+pgsql.Conninfo(one.database)))
		for _, sql := range one.texts {
			// One message, as landlord sent it.
			sql = strings.TrimRight(strings.TrimSpace(sql), ";")
			fmt.Fprintf(&text, "%s;\n", strings.ReplaceAll(sql, ";", `\;`))
		}
	}
	return text.String()
}

// furnish gives each tenant of the schema model a table with a sequence.
func furnish(ctx context.Context, t town, s *localpg.Server) error {
	conn, err := connect.Open(ctx, s.ConnString(shared, "postgres"), connect.Options{})
	if err != nil {
		return err
	}
	defer connect.Close(conn)
	const atOnce = 20 // tables a transaction
	for i := 0; i < len(t.tenants); i += atOnce {
		var sql strings.Builder
		for _, one := range t.tenants[i:min(i+atOnce, len(t.tenants))] {
			fmt.Fprintf(&sql, "SET ROLE %s; CREATE TABLE %s (id serial, note text);", pgsql.Ident(one.Owner), pgsql.Qualified(one.Name, "orders"))
		}
		if _, err := conn.Exec(ctx, sql.String()+"RESET ROLE").ReadAll(); err != nil {
			return fmt.Errorf("making tables: %w", err)
		}
	}
	return settle(ctx, s)
}
