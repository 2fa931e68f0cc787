package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"landlord/internal/pgtest"
)

// What fails leaves nothing behind: a tenant whose house cannot be built, whether
// its disk is full, or the server refuses something half-way.
func TestNothingIsLeft(t *testing.T) {
	t.Parallel()
	for _, major := range ends(pgtest.Majors()) {
		t.Run(fmt.Sprintf("postgres-%d", major), func(t *testing.T) {
			t.Parallel()
			l := newLives(t, major)
			l.must("credentials", "acme", "-f", l.file)
			l.refusedHalfWay()
			l.refusing()
			l.broken()
			if err := l.s.Stop(); err != nil {
				t.Fatal(err)
			}
			fill := smallDisk(t, filepath.Join(l.s.DataDir(), "base"), "size=200m")
			if err := l.s.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			fill(1 << 20)
			l.fullDisk("of "+l.s.DataDir(), "nothing was changed")
			l.afar()
			l.fullDisk("No space left on device", takenBack)
			l.goesOn()
			fill(1 << 40)
			l.must("tenant", "add", "carl", "-f", l.file)
			l.must("tenant", "add", "dora", "--isolation", "schema", "--database", "fresh", "-f", l.file)
			if out := l.must("plan", "-f", l.file); !strings.Contains(out, "nothing to do") {
				t.Error(out)
			}
		})
	}
}

const takenBack = "what had been made was taken back, and nothing has changed"

// refusedHalfWay: the server refuses a parameter when roles and databases are
// there already.
func (l *lives) refusedHalfWay() {
	for _, args := range [][]string{{}, {"--databases", "eve_more"}, {"--isolation", "schema", "--database", "shared"}, {"--isolation", "schema", "--database", "fresh"}} {
		l.both(1, []string{"SQLSTATE 22023", takenBack}, append([]string{"tenant", "add", "eve", "--set", "settings.timezone=Nowhere"}, args...)...)
	}
	text, err := os.ReadFile(l.file)
	if err != nil {
		l.t.Fatal(err)
	}
	l.write("  acme: {}\n  bolt: {isolation: schema, database: shared}\n  eve: {settings: {timezone: Nowhere}}\n  fay: {isolation: schema, database: fresh, settings: {timezone: Nowhere}}\n  gus: {isolation: schema, database: fresh}\n")
	status, _, said := l.landlord("apply", "--yes", "-f", l.file)
	if status != 1 || strings.Count(said, takenBack) != 2 {
		l.t.Errorf("exit status %d: %s", status, said)
	}
	if left := strings1(l.t, l.s.Connect(l.t, "", ""), "SELECT rolname FROM pg_roles WHERE rolname ~ '^(eve|fay)' UNION ALL SELECT datname FROM pg_database WHERE datname ~ '^(eve|fay)'"); len(left) > 0 {
		l.t.Errorf("left over: %v", left)
	}
	l.must("tenant", "remove", "gus", "--confirm", "gus", "--no-dump", "-f", l.file)
	l.s.Exec(l.t, "", "DROP DATABASE fresh", "DROP ROLE fresh")
	if err := os.WriteFile(l.file, text, 0o600); err != nil {
		l.t.Fatal(err)
	}
}

// fullDisk wants no tenant to be added where there is no room for its database.
func (l *lives) fullDisk(words ...string) {
	words = append(words, "SQLSTATE 53100", "next: the server's disk is full: make room")
	l.both(1, words, "tenant", "add", "carl")
	l.both(1, words, "tenant", "add", "dora", "--isolation", "schema", "--database", "fresh")
	text, err := os.ReadFile(l.file)
	if err != nil {
		l.t.Fatal(err)
	}
	l.write("  acme: {}\n  bolt: {isolation: schema, database: shared}\n  carl: {}\n  dora: {isolation: schema, database: fresh}\n")
	l.cannot(1, words, "apply", "--yes", "-f", l.file)
	if err := os.WriteFile(l.file, text, 0o600); err != nil {
		l.t.Fatal(err)
	}
}

// afar makes the server look as one that is not on this machine, so that nobody
// looks at its disk.
func (l *lives) afar() {
	name := filepath.Join(l.s.DataDir(), "postmaster.pid")
	text, err := os.ReadFile(name)
	if err != nil {
		l.t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	lines[2] = "1"
	if err := os.WriteFile(name, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		l.t.Fatal(err)
	}
}

// goesOn: what needs no room, is done on a full disk, too; or nothing is.
func (l *lives) goesOn() {
	for _, args := range [][]string{{"suspend", "acme"}, {"resume", "acme"}, {"rotate", "acme"}, {"rotate", "bolt", "--finish", "--watch", "0s"}, {"suspend", "bolt"}, {"resume", "bolt"}} {
		before := l.look()
		status, _, said := l.landlord(append([]string{"tenant"}, append(args, "-f", l.file)...)...)
		if diff := cmp.Diff(before, l.look()); status != 0 && (diff != "" || !strings.Contains(said, "make room")) {
			l.t.Errorf("landlord tenant %v: exit status %d: %s\n%s", args, status, said, diff)
		}
	}
}

// refusing: databases that let landlord in no more change in nothing but that a
// door can be shut.
func (l *lives) refusing() {
	hba, err := os.ReadFile(l.s.HBAFile())
	if err != nil {
		l.t.Fatal(err)
	}
	l.must("tenant", "suspend", "bolt", "-f", l.file)
	l.s.SetHBA(l.t, "local acme,shared all reject\n"+string(hba))
	rejected := []string{"SQLSTATE 28000", "pg_hba.conf"}
	for _, args := range [][]string{{"add", "acme"}, {"resume", "bolt"}, {"rotate", "acme"}, {"add", "eve", "--isolation", "schema", "--database", "shared"},
		{"remove", "bolt", "--confirm", "bolt", "--no-dump"}} {
		l.both(1, rejected, append([]string{"tenant"}, args...)...)
	}
	l.cannot(1, rejected, "plan", "-f", l.file)
	l.cannot(1, rejected, "apply", "--yes", "-f", l.file)
	if status, out, said := l.landlord("tenant", "suspend", "acme", "-f", l.file); status != 1 || !strings.Contains(out, "is suspended") {
		l.t.Errorf("exit status %d: %s%s", status, out, said)
	}
	l.s.SetHBA(l.t, string(hba))
	for _, name := range []string{"acme", "bolt"} {
		l.must("tenant", "resume", name, "-f", l.file)
	}
}

// broken: a database whose DROP was interrupted can still be taken away.
func (l *lives) broken() {
	l.must("tenant", "add", "hal", "-f", l.file)
	l.s.Exec(l.t, "", "UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'hal'")
	l.both(1, []string{"SQLSTATE 55000", "invalid database"}, "tenant", "add", "hal")
	l.must("tenant", "remove", "hal", "--confirm", "hal", "--no-dump", "-f", l.file)
}
