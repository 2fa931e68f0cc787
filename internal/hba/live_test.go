package hba_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"landlord/internal/hba"
	"landlord/internal/localpg"
	"landlord/internal/pgtest"
)

// Who there is on the live servers. The superuser is a member of nothing, and
// so must not match samerole or +group.
var (
	liveRoles     = []string{"acme_app", "acme", "bolt_app", "boss", "all", "x y", "acme_late"}
	liveDatabases = []string{"acme", "bolt", "shared", "replication", "all", "acme_app"}
	liveSetup     = []string{
		`CREATE ROLE acme LOGIN`, `CREATE ROLE bolt`, `CREATE ROLE grp`, `CREATE ROLE "odd, grp"`,
		`CREATE ROLE acme_app LOGIN NOINHERIT IN ROLE acme`, `CREATE ROLE bolt_app LOGIN IN ROLE bolt, "odd, grp"`,
		`CREATE ROLE boss LOGIN SUPERUSER`, `CREATE ROLE "all" LOGIN`, `CREATE ROLE "x y" LOGIN`,
		`CREATE ROLE acme_late LOGIN IN ROLE acme_app`, `GRANT grp TO acme`,
	}
	liveMembers = map[string][]string{
		"acme": {"acme_app", "acme_late"}, "acme_app": {"acme_late"}, "bolt": {"bolt_app"},
		"odd, grp": {"bolt_app"}, "grp": {"acme", "acme_app", "acme_late"},
	}
)

// seed is fixed, so that a failure comes back; LANDLORD_SEED chooses another.
func seed(t *testing.T) *rand.Rand {
	n := uint64(1)
	if s := os.Getenv("LANDLORD_SEED"); s != "" {
		var err error
		if n, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("LANDLORD_SEED=%d", n)
	return rand.New(rand.NewPCG(n, 0))
}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// TestDecideAgreesWithServers writes random rules, tries random logins, and
// compares which line the server says decided with which one Decide says.
func TestDecideAgreesWithServers(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		l := newLive(t, s)
		for range 8 {
			text := l.rules()
			file := hba.Parse(s.HBAFile(), []byte(text), l.options())
			s.SetHBA(t, text)
			for range 45 {
				l.compare(t, file, l.aimed(file))
			}
		}
		t.Logf("outcomes: %v; line known: %d", l.outcomes, l.lines)
		for _, outcome := range []string{"trust", "reject", "implicit reject", "scram-sha-256"} {
			if l.outcomes[outcome] < 10 {
				t.Errorf("outcome %s was seen %d times only", outcome, l.outcomes[outcome])
			}
		}
	}, pgtest.WithTLS(), pgtest.WithSettings(map[string]string{"log_connections": "on"}))
}

type live struct {
	*pgtest.Server
	r        *rand.Rand
	env      hba.Env
	outcomes map[string]int
	lines    int
}

func newLive(t *testing.T, s *pgtest.Server) *live {
	t.Helper()
	s.Exec(t, "", liveSetup...)
	for _, db := range liveDatabases {
		s.Exec(t, "", fmt.Sprintf("CREATE DATABASE %q", db))
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	l := &live{Server: s, r: seed(t), outcomes: map[string]int{}}
	for _, a := range addrs {
		l.env.Interfaces = append(l.env.Interfaces, netip.MustParsePrefix(a.String()))
	}
	l.env.IsMember = func(user, role string) bool { return slices.Contains(liveMembers[role], user) }
	writeFile(t, filepath.Join(s.DataDir(), "some"), "acme, \"all\"\n+grp # members\n")
	writeFile(t, filepath.Join(s.DataDir(), "more.conf"), "local bolt all trust\nhost shared acme all scram-sha-256\n")
	return l
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (l *live) options() hba.Options { return hba.Options{Major: l.Major(), Read: os.ReadFile} }

// rules makes a file that the server takes.
func (l *live) rules() string {
	var b strings.Builder
	b.WriteString(localpg.DefaultHBA)
	for range 8 + l.r.IntN(20) {
		b.WriteString(l.rule())
	}
	return b.String()
}

func (l *live) rule() string {
	if l.Major() >= 16 && l.r.IntN(15) == 0 {
		return "include more.conf\n"
	}
	databases := []string{"all", "all", `"all"`, "samerole", "samegroup", "sameuser", "acme", "bolt,shared", `"acme", "replication"`, "replication", "replication,all", "+acme", "@some",
		"/cm", "/^acme$", `"/^(acme|bo.t)(_[a-z]{3})?$"`, `/^[[:alpha:]]+_\w*$`, `/^\S{4}$`}
	users := []string{"all", "all", `"all"`, "+acme", "+grp", `+"odd, grp"`, `"+grp"`, "acme_app,bolt_app", "boss", `"x y"`, "+boss", "+acme_app", "@some", "samerole",
		"/^acme", "/app$", `"/ y$"`, `/^x\sy$`, `/\yapp\y|^b`}
	addresses := []string{"all", "0.0.0.0/0", "127.0.0.0/8", "127.0.0.1/32", "127.0.0.2/31", "127.0.0.2 255.255.255.254", "127.0.0.3 255.0.0.255", "127.3/32", "::/0", "10.0.0.0/8", "samehost", "samenet"}
	types := []string{"local", "local", "local", "host", "host", "hostssl", "hostnossl", "hostnogssenc"}
	methods := []string{"scram-sha-256", "scram-sha-256", "trust", "reject"}
	kind, address := pick(l.r, types), ""
	if kind != "local" {
		address = pick(l.r, addresses)
	}
	space := pick(l.r, []string{" ", "\t", "  ", " \\\n"})
	end := pick(l.r, []string{"\n", "\n", " # comment\n", "\r\n", "\n\n# local all all trust\n"})
	return strings.Join([]string{kind, pick(l.r, databases), pick(l.r, users), address, pick(l.r, methods)}, space) + end
}

func (l *live) attempt() hba.Attempt {
	a := hba.Attempt{User: pick(l.r, liveRoles), Database: pick(l.r, liveDatabases), Replication: l.r.IntN(6) == 0}
	if l.r.IntN(5) > 1 {
		a.Addr = netip.AddrFrom4([4]byte{127, 0, 0, byte(1 + l.r.IntN(4))})
		a.TLS = l.r.IntN(2) == 0
	}
	return a
}

// aimed is an attempt that more often than not some rule is about: most random
// ones match nothing.
func (l *live) aimed(file *hba.File) hba.Attempt {
	a := l.attempt()
	for range l.r.IntN(12) {
		if file.Decide(a, l.env).Rule != nil {
			break
		}
		a = l.attempt()
	}
	return a
}

func (l *live) compare(t *testing.T, file *hba.File, a hba.Attempt) {
	t.Helper()
	want := file.Decide(a, l.env)
	if !want.Certain {
		t.Fatalf("%s: not certain: %s", a, want)
	}
	offset := l.logSize(t)
	err := l.connect(t.Context(), a)
	got := outcome(err)
	l.outcomes[got]++
	if got != string(want.Method) {
		t.Errorf("%s: the server says %s (%v), Decide says %s\n%s", a, got, err, want, file)
	}
	if name, line := l.matched(t, offset); line > 0 {
		l.lines++
		if want.Rule == nil || want.Rule.Line != line || name != "" && name != want.Rule.File {
			t.Errorf("%s: the server says %s line %d, Decide says %s\n%s", a, name, line, want, file)
		}
	}
}

// connect logs in without a password. An attempt to replicate counts as let in
// when it is only the role's missing attribute that ends it.
func (l *live) connect(ctx context.Context, a hba.Attempt) error {
	dsn := l.ConnString("db", "user")
	if a.Addr.IsValid() {
		dsn = fmt.Sprintf("host=127.0.0.1 port=%d sslmode=%s", l.Port(), map[bool]string{true: "require", false: "disable"}[a.TLS])
	}
	config, err := pgconn.ParseConfig(dsn)
	if err != nil {
		return err
	}
	config.User, config.Database, config.Password, config.Fallbacks = a.User, a.Database, "", nil
	if a.Replication {
		config.RuntimeParams["replication"] = "true"
	}
	if a.Addr.IsValid() {
		dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: a.Addr.AsSlice()}}
		config.DialFunc = dialer.DialContext
	}
	conn, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// outcome tells by the server's answer what kind of line decided.
func outcome(err error) string {
	var pgErr *pgconn.PgError
	switch {
	case err == nil:
		return "trust"
	case !errors.As(err, &pgErr):
		return err.Error()
	case pgErr.Code == "28P01":
		return "scram-sha-256"
	case pgErr.Code == "28000" && strings.Contains(pgErr.Message, "rejects"):
		return "reject"
	case pgErr.Code == "28000" && strings.Contains(pgErr.Message, "no pg_hba.conf entry"):
		return "implicit reject"
	case pgErr.Code == "42501" && strings.Contains(strings.ToLower(pgErr.Message), "replication") || strings.Contains(pgErr.Message, "WAL sender"):
		return "trust" // it got past pg_hba.conf
	}
	return err.Error()
}

func (l *live) logSize(t *testing.T) int64 {
	t.Helper()
	info, err := os.Stat(l.LogFile())
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// The server tells in its log which line a failed login matched, and since 16
// which one a trusted login matched.
var matchedLine = regexp.MustCompile(`Connection matched (?:file "([^"]*)"|pg_hba\.conf) line (\d+): |connection authenticated: user=.* method=trust \((.*):(\d+)\)`)

func (l *live) matched(t *testing.T, offset int64) (file string, line int) {
	t.Helper()
	f, err := os.Open(l.LogFile())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.NewSectionReader(f, offset, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	m := matchedLine.FindSubmatch(text)
	if m == nil {
		return "", 0
	}
	line, _ = strconv.Atoi(string(m[2]) + string(m[4]))
	return string(m[1]) + string(m[3]), line
}

// TestBlockOnServers puts landlord's block above initdb's own rules and sees
// who gets in.
func TestBlockOnServers(t *testing.T) {
	block, err := hba.Render(hba.Block{
		Superusers: []string{"boss"}, TenantGroup: "grp", Clients: []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")},
		AdminGroup: "odd, grp", Adopted: []hba.Door{{Database: "shared", Group: "acme_app"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		l := newLive(t, s)
		spliced, _, err := hba.Splice("local all all trust\nhost all all all trust\nlocal replication all trust\nhost replication all all trust\n", block)
		if err != nil {
			t.Fatal(err)
		}
		text := localpg.DefaultHBA + spliced
		s.SetHBA(t, text)
		file := hba.Parse(s.HBAFile(), []byte(text), l.options())
		for range 150 {
			a := l.attempt()
			if a.User == "boss" && !a.Addr.IsValid() {
				continue // peer: the test runs as another OS user
			}
			l.compare(t, file, a)
		}
		t.Logf("outcomes: %v", l.outcomes)
		if l.outcomes["trust"] > 0 {
			t.Error("somebody got in without a password")
		}
	}, pgtest.WithTLS())
}
