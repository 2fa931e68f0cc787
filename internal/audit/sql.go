package audit

import (
	"fmt"
	"io"
	"strings"

	"landlord/internal/pgsql"
)

// safely undoes what the owner of a database may have set for everybody's
// sessions in it.
const safely = "SET search_path = pg_catalog; SET SESSION AUTHORIZATION DEFAULT; SET ROLE NONE;"

// SQL writes the fixes as a psql script, the worst findings first. What is
// no SQL, what has to be decided first, and what is only advice stands in it as
// comments.
func SQL(w io.Writer, r Report) error {
	p := &printer{w: w}
	p.line("-- The fixes of landlord audit for %s, PostgreSQL %s. Read each before you run it:", pgsql.Comment(r.Name), VersionText(r.Version))
	p.line("-- what it may break stands above it.")
	p.line(`\set ON_ERROR_STOP on`)
	p.line(safely)
	at, done := "", map[Fix]bool{}
	for _, f := range r.Findings {
		p.line("")
		p.line("-- %s: %s (%s)", f.Severity, pgsql.Comment(f.Title), f.Code)
		p.line("-- %s: %s", pgsql.Comment(f.Object.String()), pgsql.Comment(f.What))
		if f.Breaks != "" {
			p.line("-- May break: %s", pgsql.Comment(f.Breaks))
		}
		for _, x := range f.Fix {
			switch {
			case strings.HasPrefix(x.Text, "-- "): // for somebody to think about
				p.line("-- %s", pgsql.Comment(strings.TrimPrefix(x.Text, "-- ")))
				continue
			case !x.SQL():
				p.line("-- in %s:  %s", pgsql.Comment(x.In), pgsql.Comment(x.Text))
				continue
			case x.Database() != "" && x.Database() != at:
				at = x.Database()
				p.line(`\connect -reuse-previous=on %s`, pgsql.PsqlConnect(at))
				p.line(safely)
			}
			if done[x] && x.SQL() { // another finding has it too
				continue
			}
			done[x] = true
			if f.Severity == Advice || strings.Contains(x.Text, "…") || strings.HasPrefix(x.Text, `\`) { // it wants words of somebody's own
				p.line("-- %s", pgsql.Comment(x.Text))
			} else {
				p.line("%s", x.Text)
			}
		}
	}
	return p.err
}

// printer writes lines until one fails.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}
