package plan

import (
	"fmt"
	"io"
	"strings"

	"landlord/internal/pgsql"
)

// Script writes the plan as a psql script that does what apply does.
// hbaCommand is the shell command that changes pg_hba.conf. A plan that
// destroys data asks for the names first.
func Script(w io.Writer, p Plan, conninfo, hbaCommand string) error {
	s := &script{w: w, hba: hbaCommand, plan: p}
	s.line("-- landlord's plan for server %s: %d steps. Run it with psql, as landlord would connect:", pgsql.Comment(p.Server), len(p.Steps))
	s.line(`--   psql -X %s -f THIS_FILE`, pgsql.Comment(shellWord(conninfo)))
	s.onHost()
	s.line(`\set ON_ERROR_STOP on`)
	s.line(`\set QUIET on`)
	s.line("%s", homeSQL)
	s.connect("")
	for _, n := range p.Notes {
		if n.Cannot {
			s.line("-- cannot: %s; %s", pgsql.Comment(n.What), pgsql.Comment(n.Next))
		}
	}
	for _, l := range p.Losses() {
		s.ask(l)
	}
	for run := range Runs(p.Steps) {
		if run[0].Phase > Shared {
			s.changeHBA()
		}
		s.run(run)
	}
	s.changeHBA()
	return s.err
}

// onHost lists, as remarks, what is to be done on the machine first.
func (s *script) onHost() {
	if len(s.plan.Host) == 0 {
		return
	}
	s.line("-- First, as root, on the machine of the server:")
	for _, step := range s.plan.Host {
		s.line("-- # %s", pgsql.Comment(step.Why))
		for _, c := range step.Commands {
			for line := range strings.Lines(c) {
				s.line("-- %s", pgsql.Comment(strings.TrimSuffix(line, "\n")))
			}
		}
	}
}

// homeSQL notes the session's own database as pgsql.PsqlConnect writes one.
const homeSQL = `SELECT pg_catalog.concat('"dbname=''', pg_catalog.replace(pg_catalog.regexp_replace(` +
	`pg_catalog.current_database(), '([\x5c\x27])', '\\\1', 'g'), '"', '""'), '''"') AS landlord_home \gset`

// Runs yields the steps that go together: consecutive ones of a group in the
// same database, all in one transaction, or a single one that cannot be in
// any, or has its own.
func Runs(steps []Step) func(func([]Step) bool) {
	return func(yield func([]Step) bool) {
		for i := 0; i < len(steps); {
			j := i + 1
			for j < len(steps) && together(steps[i], steps[j]) {
				j++
			}
			if !yield(steps[i:j]) {
				return
			}
			i = j
		}
	}
}

func together(a, b Step) bool {
	return !a.Alone && !b.Alone && !a.Apart && !b.Apart && a.Phase == b.Phase && a.Group == b.Group && a.Database == b.Database
}

type script struct {
	w        io.Writer
	err      error
	plan     Plan
	hba      string
	hbaDone  bool
	database string
}

func (s *script) line(format string, args ...any) {
	if s.err == nil {
		_, s.err = fmt.Fprintf(s.w, format+"\n", args...)
	}
}

func (s *script) connect(database string) {
	s.database = database
	if database == "" {
		s.line(`\connect -reuse-previous=on :landlord_home`)
	} else {
		s.line(`\connect -reuse-previous=on %s`, pgsql.PsqlConnect(database))
	}
	s.line(`SET search_path = pg_catalog; SET SESSION AUTHORIZATION DEFAULT; SET ROLE NONE; SET client_min_messages = warning;`)
}

func (s *script) ask(l Loss) {
	s.line(`\prompt %s landlord_answer`, pgsql.PsqlArg(fmt.Sprintf("This drops %s (%s). Type its name to go on: ", l.What, size(l.Bytes))))
	s.line(`SELECT :'landlord_answer' OPERATOR(pg_catalog.=) %s AS landlord_yes \gset`, pgsql.Literal(l.Name))
	s.line(`\if :landlord_yes`)
	s.line(`\else`)
	s.line(`\echo 'nothing was changed'`)
	s.line(`\quit`)
	s.line(`\endif`)
}

func size(bytes int64) string {
	if bytes < 0 {
		return "size unknown"
	}
	return pgsql.Size(bytes)
}

func (s *script) changeHBA() {
	if s.plan.HBA == nil || s.hbaDone {
		return
	}
	s.hbaDone = true
	s.line("\n-- pg_hba.conf: checked, changed and reloaded by landlord")
	s.line(`\! %s`, s.hba)
}

func (s *script) run(steps []Step) {
	if steps[0].Database != s.database {
		s.line("")
		s.connect(steps[0].Database)
	}
	s.line("\n-- %s", pgsql.Comment(steps[0].Group))
	if !steps[0].Alone {
		s.line("BEGIN;")
	}
	as := ""
	for _, step := range steps {
		s.line("-- %s", pgsql.Comment(step.Why))
		if step.As != as {
			s.line("%s;", SetRole(step.As))
			as = step.As
		}
		for _, sql := range step.SQL {
			s.line("%s;", sql)
		}
	}
	if as != "" {
		s.line("%s;", SetRole(""))
	}
	if !steps[0].Alone {
		s.line("COMMIT;")
	}
}

// SetRole is the statement that makes a session act as a role; "" is its own.
func SetRole(role string) string {
	if role == "" {
		return "RESET ROLE"
	}
	return "SET ROLE " + pgsql.Ident(role)
}

func shellWord(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
