package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"landlord/internal/localpg"
	"landlord/internal/pgsql"
	"landlord/internal/plan"
	"landlord/internal/run"
)

// arrangement is one way to bring a plan's SQL to a server with psql: scripts
// that run one after the other, each by as many psqls as it has parts.
type arrangement struct {
	name  string
	parts func(plan.Plan) ([][]string, error) // by stage, then by psql
}

// arrangements are the ways that are tried. All but the first take every
// tenant's statements apart by database, so that each database is connected
// to once, and send a transaction of up to perBatch statements as one message.
func arrangements() []arrangement {
	return []arrangement{
		{"one psql, `plan --output sql` as it is", func(p plan.Plan) ([][]string, error) {
			var text strings.Builder
			err := plan.Script(&text, p, "", "true")
			return [][]string{{text.String()}}, err
		}},
		{"one psql, batches", func(p plan.Plan) ([][]string, error) { return arrange(p, 1), nil }},
		{"2 psqls, batches", func(p plan.Plan) ([][]string, error) { return arrange(p, 2), nil }},
		{"4 psqls, batches", func(p plan.Plan) ([][]string, error) { return arrange(p, 4), nil }},
	}
}

// perBatch is about as many statements as a transaction can hold: each takes
// a lock or two, and the lock table has room for 64 a session.
const perBatch = 400

// arrange makes a plan's stages: what all share first, then the tenants,
// dealt out to n psqls.
func arrange(p plan.Plan, n int) [][]string {
	var common []plan.Step
	tenants := make([][]plan.Step, n)
	dealt := map[string]int{}
	for _, s := range p.Steps {
		if s.Phase != plan.Houses {
			common = append(common, s)
			continue
		}
		i, ok := dealt[s.Group]
		if !ok {
			i = len(dealt) % n
			dealt[s.Group] = i
		}
		tenants[i] = append(tenants[i], s)
	}
	stages := [][]string{{script(common)}, nil}
	for _, steps := range tenants {
		stages[1] = append(stages[1], script(byDatabase(steps)))
	}
	return stages
}

// byDatabase puts what runs in landlord's own database first (the roles of
// all tenants, then their databases one after the other, then their ACLs),
// and then each tenant's inside.
func byDatabase(steps []plan.Step) []plan.Step {
	var roles, create, doors, inside []plan.Step
	made := map[string]bool{}
	for _, s := range steps {
		switch {
		case s.Database != "":
			inside = append(inside, s)
		case s.Alone:
			create = append(create, s)
			made[s.Group] = true
		case made[s.Group]:
			doors = append(doors, s)
		default:
			roles = append(roles, s)
		}
	}
	roles = append(roles, create...)
	roles = append(roles, doors...)
	return append(roles, inside...)
}

// script writes steps for psql, batched.
func script(steps []plan.Step) string {
	var out strings.Builder
	out.WriteString("\\set ON_ERROR_STOP on\n\\set QUIET on\nSELECT pg_catalog.current_database() AS home \\gset\n")
	database, group := "", ""
	var batch, late []string // late: what locks what tenants share, and so goes last, as in apply
	flush := func() {
		if batch = append(batch, late...); len(batch) > 0 {
			fmt.Fprintf(&out, "BEGIN\\; %s\\; COMMIT;\n", strings.Join(batch, `\; `))
			batch, late = nil, nil
		}
	}
	for _, s := range steps {
		// A transaction ends between two tenants: one that begins in the
		// middle of a tenant takes the locks of what they share in another
		// order than its neighbour, and both wait for each other.
		if s.Database != database || s.Alone || len(batch)+len(late) > perBatch && s.Group != group {
			flush()
		}
		group = s.Group
		if s.Database != database {
			database = s.Database
			to := ":home"
			if database != "" {
				to = pgsql.PsqlArg("dbname=" + pgsql.Conninfo(database))
			}
			fmt.Fprintf(&out, "\\connect -reuse-previous=on %s\n", to)
		}
		if s.Alone {
			fmt.Fprintf(&out, "%s;\n", strings.Join(s.SQL, ";\n"))
			continue
		}
		if s.Late {
			late = append(late, s.SQL...)
			continue
		}
		batch = append(batch, s.SQL...)
	}
	flush()
	return out.String()
}

// play runs a plan's SQL in an arrangement and says how long the psqls took.
func (b *bench) play(ctx context.Context, a arrangement, p plan.Plan, s *localpg.Server) (time.Duration, error) {
	stages, err := a.parts(p)
	if err != nil {
		return 0, err
	}
	files := make([][]string, len(stages))
	for i, parts := range stages {
		for j, text := range parts {
			name := filepath.Join(s.Dir(), fmt.Sprintf("stage%d-%d.sql", i, j))
			if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
				return 0, err
			}
			files[i] = append(files[i], name)
		}
	}
	start := time.Now()
	for _, stage := range files {
		if err := b.psqls(ctx, s, stage); err != nil {
			return 0, fmt.Errorf("%s: %w", a.name, err)
		}
	}
	return time.Since(start), nil
}

// psqls runs one psql for each file, all at once.
func (b *bench) psqls(ctx context.Context, s *localpg.Server, files []string) error {
	errs := make([]error, len(files))
	var all sync.WaitGroup
	for i, file := range files {
		all.Go(func() {
			_, _, errs[i] = run.Command(ctx, run.Spec{Name: b.psql, Args: []string{"-XqAt", "-d", conninfo(s), "-f", file, "-o", os.DevNull}})
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
