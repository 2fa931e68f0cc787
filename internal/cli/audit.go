package cli

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"landlord"
	"landlord/internal/audit"
	"landlord/internal/hba"
	"landlord/internal/paste"
	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
	"landlord/internal/term"
)

// judged is what an audit is about.
type judged struct {
	place
	snapshot, psql, hba, ident, since, postgres string
	bouncer, users, bouncerVersion              string
}

func (a *app) auditCommand() *cobra.Command {
	var j judged
	c := &cobra.Command{
		Use:   "audit",
		Short: "Judge a server: what is wrong, how bad, and how to mend it",
		Long: `Judge who can do what on a server, the worst first: what is wrong, where, why it
matters, the exact lines that mend it, and what these may break. It judges a
running server, a file that landlord snapshot wrote, or text: what psql prints
for \du, \l, \drg, \dn+, \dp and \ddp (psql 9.2 to 18, in any order, wrapped or
indented), and a pg_hba.conf with its pg_ident.conf. What cannot be judged it
calls not known, and says what to paste or read next.

Without --server it judges all servers of the spec, tenants' own ones among
them, and names the server in each finding. One that could not be read is not
judged, and said; so is one that is stopped while its tenant is suspended, which
is no failure.

Nothing is changed. Advice is no finding: it does not count for the exit status.
Findings that you know of and live with are waived in the spec (audit.waivers).

Exit status: 0 nothing found; 1 failed, or a server could not be judged; 2 bad
usage, spec or text; 3 something was found.`,
		Example: "  landlord audit --server 'host=/var/run/postgresql user=postgres'\n" +
			"  landlord audit --psql paste.txt --hba pg_hba.conf\n" +
			"  landlord audit --snapshot server.json --output json > today.json\n" +
			"  landlord audit -f landlord.yaml --since yesterday.json",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.audit(c, j) },
	}
	a.liveFlags(c, &j.place)
	c.Flags().StringVar(&j.snapshot, "snapshot", "", "judge a file of landlord snapshot (- for standard input)")
	c.Flags().StringVar(&j.psql, "psql", "", "judge a text with psql's output in it (- for standard input)")
	c.Flags().StringVar(&j.hba, "hba", "", "the pg_hba.conf to judge, instead of the server's own or beside --psql")
	c.Flags().StringVar(&j.ident, "ident", "", "and the pg_ident.conf whose maps its lines name")
	c.Flags().StringVar(&j.postgres, "postgres", "", "the server's version, such as 9.2 or 15.4, where the text does not tell")
	c.Flags().StringVar(&j.bouncer, "pgbouncer", "", "also judge this pgbouncer.ini")
	c.Flags().StringVar(&j.users, "userlist", "", "and this userlist.txt of PgBouncer's")
	c.Flags().StringVar(&j.bouncerVersion, "pgbouncer-version", "", "PgBouncer's version, such as 1.24.1")
	c.Flags().StringVar(&j.since, "since", "", "say what is new and what is gone since this result of --output json")
	a.outputFlag(c, "text", "json", "sql", "html", "sarif")
	return c
}

func (a *app) audit(c *cobra.Command, j judged) error {
	if err := j.check(); err != nil {
		return usageError{err}
	}
	list, missing, err := a.judge(c, j)
	if err != nil {
		return err
	}
	if flag := j.besideOne(); flag != "" && len(list)+len(missing) != 1 {
		return usageError{fmt.Errorf("%s is judged beside one server, and there are %d: choose one with --server", flag, len(list)+len(missing))}
	}
	if a.output == "sql" && len(list)+len(missing) != 1 {
		return usageError{fmt.Errorf("a script is for one server, and there are %d: choose one with --server", len(list)+len(missing))}
	}
	at := time.Now()
	for i := range list {
		if err := addFiles(&list[i], j); err != nil {
			return err
		}
		list[i].Now = at
	}
	o := landlord.AuditAll(list, missing)
	if j.since != "" {
		if err := since(&o, j.since); err != nil {
			return usageError{err}
		}
	}
	if err := a.printAudit(o); err != nil {
		return err
	}
	if o.Unreached() == 0 && o.Bad() > 0 {
		return exitError(exitFindings)
	}
	if a.output == "text" { // which has said it
		return unreached(missing)
	}
	return a.missing(missing)
}

// besideOne is the flag of a file that is judged beside a server.
func (j judged) besideOne() string {
	switch {
	case j.hba != "":
		return "--hba"
	case j.ident != "":
		return "--ident"
	case j.bouncer != "":
		return "--pgbouncer"
	}
	return ""
}

// check refuses flags that contradict each other.
func (j judged) check() error {
	sources := 0
	for _, s := range []string{j.snapshot, j.psql, j.connection()} {
		if s != "" {
			sources++
		}
	}
	switch {
	case sources > 1:
		return errors.New("a server to connect to, --snapshot and --psql: only one of them")
	case j.postgres != "" && j.psql == "" && !j.hbaOnly():
		return errors.New("--postgres is for --psql and --hba: a server and a snapshot know their own version")
	case j.ident != "" && j.hba == "" && j.snapshot == "" && j.psql == "" && j.connection() == "" && j.server == "":
		return errors.New("--ident wants a pg_hba.conf beside it (--hba), or a server: only lines that name a map count")
	case j.users != "" && j.bouncer == "":
		return errors.New("--userlist wants --pgbouncer beside it")
	case j.bouncerVersion != "" && j.bouncer == "":
		return errors.New("--pgbouncer-version wants --pgbouncer beside it")
	case j.bouncerVersion != "" && !landlord.IsBouncerVersion(j.bouncerVersion):
		return fmt.Errorf("--pgbouncer-version: %q is no version of PgBouncer's, such as 1.24.1", j.bouncerVersion)
	}
	return nil
}

// connection is --server where it is a connection string, and no name of the
// spec's.
func (j judged) connection() string {
	if bareServer(j.server) {
		return j.server
	}
	return ""
}

// hbaOnly says whether nothing but files is to be judged.
func (j judged) hbaOnly() bool {
	return (j.hba != "" || j.bouncer != "") && j.snapshot == "" && j.psql == "" && j.connection() == "" && j.server == ""
}

// judge gathers what the flags name, of one server or of several, and the servers
// of which nothing is known. With a pg_hba.conf alone, and no spec here, that is
// all there is to judge.
func (a *app) judge(c *cobra.Command, j judged) ([]audit.Input, []snapshot.Missing, error) {
	e, err := a.specOf(c, j)
	if err != nil {
		return nil, nil, err
	}
	server := j.server
	if j.connection() != "" {
		server = ""
	}
	if server == "" && len(e.Servers) == 1 {
		server = e.Servers[0].Name
	}
	switch {
	case j.psql != "":
		in, err := a.judgeText(j, e, server)
		return []audit.Input{in}, nil, err
	case j.snapshot == "" && j.hbaOnly() && !c.Flags().Changed("file"):
		in, err := filesOnly(j)
		return []audit.Input{in}, nil, err
	}
	set, err := a.lookFor(c, j)
	if err != nil {
		return nil, nil, err
	}
	if len(set.Servers) == 1 && len(set.Missing) == 0 {
		n := set.Servers[0]
		return []audit.Input{landlord.AuditSnapshot(nameOf(n, j), n.Snapshot, e, cmp.Or(n.Name, server))}, nil, nil
	}
	return landlord.AuditSet(set, e), set.Missing, nil
}

// lookFor reads what is judged. Of a file about one server, --server says which of
// the spec that is.
func (a *app) lookFor(c *cobra.Command, j judged) (snapshot.Set, error) {
	if j.snapshot == "" {
		return a.look(c, j.place)
	}
	set, err := a.stored(j.snapshot)
	if err == nil && len(set.Servers)+len(set.Missing) > 1 {
		err = choose(&set, j.snapshot, j.server)
	}
	return set, err
}

// nameOf is what a server is called for people.
func nameOf(n snapshot.Named, j judged) string {
	return cmp.Or(n.Name, j.snapshot, "the server")
}

// specOf reads the spec where one is named, or where there is no other way
// to the server. Without one there are no waivers.
func (a *app) specOf(c *cobra.Command, j judged) (tenant.Estate, error) {
	named := c.Flags().Changed("file")
	if !named && (j.connection() != "" || j.snapshot != "" || j.psql != "" || j.hbaOnly()) {
		return tenant.Estate{}, nil
	}
	return a.load()
}

func (a *app) judgeText(j judged, e tenant.Estate, server string) (audit.Input, error) {
	text, err := a.text(j.psql)
	if err != nil {
		return audit.Input{}, usageError{err}
	}
	result, err := paste.Parse(j.psql, text)
	if err != nil {
		return audit.Input{}, usageError{err}
	}
	for _, n := range result.Notes {
		if !a.quiet {
			fmt.Fprintf(a.Err, "%s:%d: %s: %s\n", term.Clean(j.psql), n.Line, n.Reason, term.Clean(n.Text))
		}
	}
	version, err := versionFlag(j.postgres)
	if err != nil {
		return audit.Input{}, usageError{err}
	}
	in := landlord.AuditText(result, version)
	known := landlord.AuditSnapshot(j.psql, in.Snapshot, e, server)
	in.Policy, in.Operators, in.Tenants = known.Policy, known.Operators, known.Tenants
	return in, nil
}

// filesOnly is an input of which nothing is known but files.
func filesOnly(j judged) (audit.Input, error) {
	version, err := versionFlag(j.postgres)
	if err != nil {
		return audit.Input{}, usageError{err}
	}
	in := audit.Input{Name: j.hba, Pasted: true, NoMinor: true}
	if in.Name == "" {
		in.Name = j.bouncer
	}
	in.Snapshot.Version = version
	for _, p := range snapshot.ServerParts() {
		in.Snapshot.Unread = append(in.Snapshot.Unread, snapshot.Unread{Part: p, Reason: "only files were given"})
	}
	return in, nil
}

// addFiles reads the files that are judged beside the server, or instead.
func addFiles(in *audit.Input, j judged) error {
	if j.hba != "" {
		text, err := textFile(j.hba, "pg_hba.conf")
		if err != nil {
			return usageError{err}
		}
		in.HBA = landlord.AuditHBA(*in, j.hba, text, hba.Options{Read: readFile, ReadDir: readDir})
		if err := circle(in.HBA.Errors); err != nil {
			return usageError{err}
		}
	}
	if j.ident != "" {
		text, err := textFile(j.ident, "pg_ident.conf")
		if err != nil {
			return usageError{err}
		}
		in.Ident = landlord.AuditIdent(*in, j.ident, text, hba.Options{Read: readFile, ReadDir: readDir})
		if err := circle(in.Ident.Errors); err != nil {
			return usageError{err}
		}
	}
	if j.bouncer == "" {
		return nil
	}
	b, err := readBouncer(j)
	in.Bouncer = b
	return err
}

// circle is an error where files include each other without end: of such there
// is nothing to judge, and the server refuses them too.
func circle(errs []*hba.Error) error {
	for _, e := range errs {
		if e.Endless() {
			return fmt.Errorf("%s:%d: files include each other, or themselves (%s): the server refuses that; take the include away", e.File, e.Line, e.Message)
		}
	}
	return nil
}

// textFile reads a file of the server's configuration.
func textFile(path, what string) ([]byte, error) {
	text, err := readFile(path)
	if err == nil && strings.ContainsRune(string(text), 0) {
		err = fmt.Errorf("%s: there are NUL bytes in it: it is no %s, which is text", path, what)
	}
	return text, err
}

func readBouncer(j judged) (*audit.Bouncer, error) {
	text, err := readFile(j.bouncer)
	if err != nil {
		return nil, usageError{err}
	}
	b, err := audit.ParseBouncer(j.bouncer, text, func(name string) ([]byte, error) {
		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(j.bouncer), name)
		}
		return readFile(name)
	})
	if err != nil {
		return nil, usageError{err}
	}
	b.Version = j.bouncerVersion
	if j.users == "" {
		return b, nil
	}
	if text, err = readFile(j.users); err != nil {
		return nil, usageError{err}
	}
	if err := b.ParseUsers(j.users, text); err != nil {
		return nil, usageError{err}
	}
	return b, nil
}

// readDir lists a directory that a pg_hba.conf includes.
func readDir(path string) ([]string, error) {
	list, err := os.ReadDir(path)
	names := make([]string, len(list))
	for i, e := range list {
		names[i] = e.Name()
	}
	return names, err
}

// text reads a file, or the standard input for "-".
func (a *app) text(path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(io.LimitReader(a.In, maxFile))
	}
	text, err := readFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("there is no file %s: put what psql printed into one, or give - and paste", path)
	}
	return text, err
}

// versionFlag reads a version as people write it.
func versionFlag(text string) (pgsql.Version, error) {
	if text == "" {
		return 0, nil
	}
	parts := strings.Split(text, ".")
	var n [3]int
	for i, p := range parts {
		x, err := strconv.Atoi(p)
		if err != nil || i > 2 || x < 0 || x > 99 {
			return 0, fmt.Errorf("--postgres %s: a version is such as 9.2, 15 or 15.4", text)
		}
		n[i] = x
	}
	if n[0] < 10 {
		return pgsql.Version(n[0]*10000 + n[1]*100 + n[2]), nil
	}
	return pgsql.Version(n[0]*10000 + n[1]), nil
}

func since(o *audit.Output, path string) error {
	text, err := readFile(path)
	if err != nil {
		return err
	}
	earlier, err := audit.Decode(text)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	o.Since(earlier)
	return nil
}

func (a *app) printAudit(o audit.Output) error {
	w := bufio.NewWriter(a.Out)
	var err error
	switch a.output {
	case "json":
		return a.json(o)
	case "sql":
		err = audit.SQL(w, o.Reports[0])
	case "sarif":
		err = audit.SARIF(w, o)
	case "html":
		err = audit.HTML(w, audit.Merge(o))
	default:
		verdict{w: w, look: a.outLook(), report: audit.Merge(o), verbose: a.verbose}.print()
	}
	return errors.Join(err, w.Flush())
}
