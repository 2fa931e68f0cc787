package audit

import (
	"fmt"
	"io"
	"strings"

	"landlord/internal/pgsql"
)

// SQL writes the fixes as a psql script, the worst findings first. What is
// no SQL, and what has to be decided first, stands in it as comments.
func SQL(w io.Writer, r Report) error {
	p := &printer{w: w}
	p.line("-- The fixes of landlord audit for %s, PostgreSQL %s. Read each before you run it:", pgsql.Comment(r.Name), VersionText(r.Version))
	p.line("-- what it may break stands above it.")
	p.line(`\set ON_ERROR_STOP on`)
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
			case !x.SQL():
				p.line("-- in %s:  %s", pgsql.Comment(x.In), pgsql.Comment(x.Text))
				continue
			case x.Database() != "" && x.Database() != at:
				at = x.Database()
				p.line(`\connect -reuse-previous=on %s`, pgsql.PsqlConnect(at))
			}
			if done[x] && x.SQL() { // another finding has it too
				continue
			}
			done[x] = true
			if strings.Contains(x.Text, "…") || strings.HasPrefix(x.Text, `\`) { // it wants words of somebody's own
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
