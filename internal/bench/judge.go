package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"landlord"
	"landlord/internal/access"
	"landlord/internal/audit"
	"landlord/internal/connect"
	"landlord/internal/localpg"
	"landlord/internal/pgsql"
	"landlord/internal/report"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

const (
	maxJudgeDatabases = 1.3  // times a bare program that reads the same rows
	maxJudgeSeconds   = 60.0 // of each question about one large database
	maxCrossings      = 2.0  // times as much a tenant among all as among a tenth
	judgeParallel     = 4    // connections at once, landlord's default
	tablesEach        = 10   // tables of a tenant in the large database
)

// judgement is how long it took to read a server, and to judge it.
type judgement struct{ read, judge time.Duration }

// judgeOnce does what landlord audit does.
func judgeOnce(ctx context.Context, conninfo string) (j judgement, in audit.Input, err error) {
	start := time.Now()
	snap, err := landlord.Snapshot(ctx, landlord.SnapshotOptions{Conninfo: conninfo})
	if err != nil {
		return j, in, err
	}
	j.read = time.Since(start)
	start = time.Now()
	in = landlord.AuditSnapshot("main", snap, tenant.Estate{}, "main")
	in.Now = start
	if r := landlord.Audit(in); len(r.Findings) == 0 {
		err = errors.New("the audit finds nothing, not even that the server keeps no archive")
	}
	j.judge = time.Since(start)
	return j, in, err
}

// judgeDatabases compares a snapshot and an audit of many databases with bare
// programs on as many connections.
func (b *bench) judgeDatabases(ctx context.Context, t town, s *localpg.Server) error {
	if err := furnishEach(ctx, t, s); err != nil {
		return err
	}
	r, err := newRelay(s.Dir(), s)
	if err != nil {
		return err
	}
	_, _, err = judgeOnce(ctx, r.conninfo())
	asked := r.heard()
	if err = errors.Join(err, r.Close()); err != nil {
		return err
	}
	floors := []floor{
		{"bare program, the plainest SELECTs of the same rows", plainCensus},
		{"bare program, landlord's own queries", func(s *session) []string { return s.texts }},
		{"bare program, connections and no query", func(*session) []string { return nil }},
	}
	var own, judging []time.Duration
	bare := make([][]time.Duration, len(floors))
	for range b.rounds {
		j, _, err := judgeOnce(ctx, conninfo(s))
		if err != nil {
			return err
		}
		own, judging = append(own, j.read+j.judge), append(judging, j.judge)
		b.say("snapshot and audit, %d databases: landlord %v, of it judging %v", len(t.tenants), (j.read + j.judge).Round(time.Millisecond), j.judge.Round(time.Millisecond))
		for i, f := range floors {
			d, err := readBare(ctx, s, asked, judgeParallel, f.ask)
			if err != nil {
				return err
			}
			bare[i] = append(bare[i], d)
			b.say("  %s: %v", f.name, d.Round(time.Millisecond))
		}
	}
	b.out.header(fmt.Sprintf("snapshot and audit, %d databases, %d connections at once", len(t.tenants), judgeParallel), "way", "time", "a database", "landlord's time as a ratio")
	b.out.row("landlord audit", seconds(median(own)), b.each(t, median(own)), "")
	b.out.row("of it judging", seconds(median(judging)), b.each(t, median(judging)), "")
	for i, f := range floors {
		b.out.row(f.name, seconds(median(bare[i])), b.each(t, median(bare[i])), fmt.Sprintf("%.2f", paired(own, bare[i])))
	}
	b.out.line("\n%s", b.out.bound("snapshot and audit to the bare program", paired(own, bare[0]), maxJudgeDatabases, ""))
	return nil
}

// plainCensus are the shortest queries, without a join or a computed column,
// that give the rows that a census is made of.
func plainCensus(s *session) []string {
	if strings.Contains(strings.Join(s.texts, ""), "pg_auth_members") {
		return []string{plainQueries(s)[0] + `; SELECT * FROM pg_settings; SELECT * FROM pg_tablespace; SELECT * FROM pg_replication_slots;
			SELECT * FROM pg_subscription; SELECT * FROM pg_stat_activity; SELECT * FROM pg_available_extension_versions;
			SELECT * FROM pg_available_extensions; SELECT * FROM pg_hba_file_rules; SELECT pg_read_file(current_setting('ident_file'))`}
	}
	return []string{plainQueries(s)[0] + `;
		SELECT oid, relrowsecurity, relforcerowsecurity, relispartition, reloptions FROM pg_class
		WHERE relrowsecurity OR relforcerowsecurity OR relispartition OR reloptions IS NOT NULL;
		SELECT * FROM pg_inherits; SELECT * FROM pg_policy; SELECT * FROM pg_trigger; SELECT * FROM pg_event_trigger;
		SELECT ev_class, rulename, ev_type, ev_enabled FROM pg_rewrite WHERE rulename <> '_RETURN';
		SELECT * FROM pg_depend WHERE deptype IN ('a', 'i') AND refobjsubid > 0;
		SELECT * FROM pg_depend WHERE classid = 'pg_rewrite'::regclass AND objid >= 16384;
		SELECT * FROM pg_language; SELECT * FROM pg_extension; SELECT * FROM pg_foreign_server; SELECT * FROM pg_foreign_table;
		SELECT * FROM pg_user_mapping; SELECT * FROM pg_publication; SELECT * FROM pg_largeobject_metadata`}
}

// furnishEach gives each tenant of the database model two tables with
// sequences, and a view.
func furnishEach(ctx context.Context, t town, s *localpg.Server) error {
	for _, one := range t.tenants {
		conn, err := connect.Open(ctx, s.ConnString(one.Home.Database, "postgres"), connect.Options{})
		if err != nil {
			return err
		}
		orders, lines, view := pgsql.Qualified(one.Name, "orders"), pgsql.Qualified(one.Name, "lines"), pgsql.Qualified(one.Name, "open_orders")
		_, err = conn.Exec(ctx, fmt.Sprintf("SET ROLE %s; CREATE TABLE %s (id serial PRIMARY KEY, note text);"+
			"CREATE TABLE %s (id int GENERATED ALWAYS AS IDENTITY, ord int REFERENCES %s); CREATE VIEW %s AS SELECT * FROM %s",
			pgsql.Ident(one.Owner), orders, lines, orders, view, orders)).ReadAll()
		connect.Close(conn)
		if err != nil {
			return fmt.Errorf("making tables: %w", err)
		}
	}
	return settle(ctx, s)
}

// largeDatabase is a server with one database that holds all tenants.
func (b *bench) largeDatabase(ctx context.Context, t town) (*localpg.Server, error) {
	s, _, err := b.build(ctx, t)
	if err != nil {
		return nil, err
	}
	if err := furnishMore(ctx, t, s); err != nil {
		return nil, errors.Join(err, s.Remove())
	}
	return s, nil
}

// furnishMore gives each tenant of the schema model as many tables as the
// large database has.
func furnishMore(ctx context.Context, t town, s *localpg.Server) error {
	conn, err := connect.Open(ctx, s.ConnString(shared, "postgres"), connect.Options{})
	if err != nil {
		return err
	}
	defer connect.Close(conn)
	const atOnce = 10 // tenants a transaction: its locks are limited
	for i := 0; i < len(t.tenants); i += atOnce {
		var sql strings.Builder
		for _, one := range t.tenants[i:min(i+atOnce, len(t.tenants))] {
			fmt.Fprintf(&sql, "SET ROLE %s;", pgsql.Ident(one.Owner))
			for n := range tablesEach {
				fmt.Fprintf(&sql, "CREATE TABLE %s (id int, note varchar(80));", pgsql.Qualified(one.Name, fmt.Sprintf("table_%d", n)))
			}
		}
		if _, err := conn.Exec(ctx, sql.String()+"RESET ROLE").ReadAll(); err != nil {
			return fmt.Errorf("making tables: %w", err)
		}
	}
	return settle(ctx, s)
}

// question is something that is asked of the large database.
type question struct {
	name string
	ask  func() error
}

// judgeSchemas asks everything of one database with many schemas and tables.
func (b *bench) judgeSchemas(ctx context.Context) error {
	t := estateOf("schema", b.schemas)
	b.say("judging one database: building %d schemas with %d tables", len(t.tenants), len(t.tenants)*tablesEach)
	s, err := b.largeDatabase(ctx, t)
	if err != nil {
		return err
	}
	defer func() { _ = s.Remove() }()
	var in audit.Input
	var file bytes.Buffer
	var page int
	questions := []question{
		{"snapshot and audit", func() (err error) {
			_, in, err = judgeOnce(ctx, conninfo(s))
			return err
		}},
		{"snapshot written as JSON", func() error { file.Reset(); return snapshot.Encode(&file, in.Snapshot) }},
		{"snapshot read from JSON", func() error { _, err := snapshot.Decode(file.Bytes()); return err }},
		{"audit", func() error { landlord.Audit(in); return nil }},
		{"access of a login", func() error { _, err := access.Prepare(in.Snapshot).Of(t.tenants[0].Name+"_app", nil); return err }},
		{"access who may SELECT from a table", func() error { return whoReads(in.Snapshot, t.tenants[0].Name+".table_0") }},
		{"access path from one tenant to another", func() error {
			_, err := access.Prepare(in.Snapshot).Paths(t.tenants[0].Name+"_app", t.tenants[len(t.tenants)-1].Name)
			return err
		}},
		{"paths between all pairs of tenants", func() error { return allPairs(in) }},
		{"report, as an HTML file", func() error {
			var html bytes.Buffer
			err := report.HTML(&html, landlord.Report(in))
			page = html.Len()
			return err
		}},
	}
	b.out.header(fmt.Sprintf("judging one database with %d schemas and %d tables", len(t.tenants), len(t.tenants)*tablesEach), "question", "time")
	var worst time.Duration
	for _, q := range questions {
		times := make([]time.Duration, b.rounds)
		for i := range times {
			start := time.Now()
			if err := q.ask(); err != nil {
				return fmt.Errorf("%s: %w", q.name, err)
			}
			times[i] = time.Since(start)
		}
		b.say("%s: %v", q.name, median(times).Round(time.Millisecond))
		b.out.row(q.name, seconds(median(times)))
		worst = max(worst, median(times))
	}
	b.out.line("\nThe snapshot is a file of %d KiB, the report one of %d KiB.\n", file.Len()>>10, page>>10)
	b.out.line("%s  ", b.out.bound("the slowest of them", worst.Seconds(), maxJudgeSeconds, " s"))
	return b.pairsGrow(ctx, in)
}

// whoReads answers who may read a table.
func whoReads(s snapshot.Snapshot, table string) error {
	st := access.Prepare(s)
	found, err := st.Find(table, nil)
	if err == nil && len(st.Who(found[0], pgsql.Select).Holders) == 0 {
		err = errors.New("nobody may read " + table)
	}
	return err
}

func allPairs(in audit.Input) error {
	homes := audit.Homes(audit.Residents(in))
	if len(homes) == 0 {
		return errors.New("no tenant is found")
	}
	access.Prepare(in.Snapshot).Crossings(homes, access.Possible)
	return nil
}

// pairsGrow compares what paths between all pairs cost a tenant among all, and
// among a tenth of them.
func (b *bench) pairsGrow(ctx context.Context, all audit.Input) error {
	s, err := b.largeDatabase(ctx, estateOf("schema", max(b.schemas/10, 1)))
	if err != nil {
		return err
	}
	_, some, err := judgeOnce(ctx, conninfo(s))
	if err = errors.Join(err, s.Remove()); err != nil {
		return err
	}
	var ratios []float64
	for range b.rounds {
		var each [2]float64
		for i, in := range []audit.Input{all, some} {
			start := time.Now()
			if err := allPairs(in); err != nil {
				return err
			}
			each[i] = time.Since(start).Seconds() / float64(len(audit.Residents(in)))
		}
		ratios = append(ratios, each[0]/each[1])
	}
	b.out.line("%s", b.out.bound("paths between all pairs, a tenant among all to one among a tenth", median(ratios), maxCrossings, ""))
	return nil
}
