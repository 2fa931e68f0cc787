package cli_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"landlord/internal/cli"
	"landlord/internal/pgtest"
)

// answer runs landlord for a person who types an answer when a question comes;
// before that, something happens.
func answer(question, typed string, first func(), args ...string) (status int, said string) {
	in, person := io.Pipe()
	defer in.Close()
	w := &watched{text: question, then: func() {
		first()
		go fmt.Fprintln(person, typed)
	}}
	status = cli.Main(args, cli.Streams{In: in, Out: io.Discard, Err: w, Getenv: func(string) string { return "" }})
	return status, w.String()
}

// Who types yes has agreed to what was shown, and to nothing that has been
// written, or has come to a tenant, since.
func TestConsentIsToWhatWasShown(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t, slices.Max(pgtest.Majors()))
	file := filepath.Join(t.TempDir(), "landlord.yaml")
	write := func(tenants string) {
		t.Helper()
		text := fmt.Sprintf("servers: {main: {connection: %q}}\ntenants:\n%s", s.ConnString("postgres", "postgres"), tenants)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want := func(status int, words string) func(int, string) {
		return func(got int, said string) {
			t.Helper()
			if got != status || !strings.Contains(said, words) {
				t.Errorf("exit status %d, not %d, or no %q:\n%s", got, status, words, said)
			}
		}
	}
	same := func(before string) {
		t.Helper()
		if diff := cmp.Diff(before, catalogs(t, s)); diff != "" {
			t.Error(diff)
		}
	}
	const asked = "Type yes to go on: "

	write("  acme: {isolation: schema}\n")
	before := catalogs(t, s)
	want(1, "has been changed since you agreed: nothing was changed on the server; run it again")(
		answer(asked, "yes", func() { write("  acme: {isolation: schema}\n  zoe: {isolation: schema}\n") }, "apply", "-f", file))
	same(before)
	want(1, "not confirmed")(answer(asked, "no", func() {}, "apply", "-f", file))
	same(before)
	want(0, asked)(answer(asked, "yes", func() {}, "apply", "-f", file))

	// A tenant that is to go, and gets a database, or is opened, after it was
	// shown what will go.
	const name = "Type zoe to go on: "
	remove := []string{"tenant", "remove", "zoe", "--no-dump", "-f", file}
	add := func() {
		write("  acme: {isolation: schema}\n  zoe: {isolation: schema, databases: {zoe_more: {}}}\n")
		if status, said := landlord([]string{"apply", "--yes", "-f", file}); status != 0 {
			t.Error(said)
		}
	}
	want(1, "tenant zoe has got database zoe_more since you agreed: it stays, and is suspended")(answer(name, "zoe", add, remove...))
	if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), "zoe_more") {
		t.Errorf("what stays on the server is out of the spec: %v\n%s", err, text)
	}
	s.Exec(t, "zoe_more", "SELECT 1")
	before = catalogs(t, s)
	want(1, `the answer was "acme", not "zoe"`)(answer(name, "acme", func() {}, remove...))
	same(before)
	want(0, "and zoe_more")(answer(name, "zoe", func() {}, remove...))
	if text, err := os.ReadFile(file); err != nil || strings.Contains(string(text), "zoe") {
		t.Errorf("what is gone is in the spec: %v\n%s", err, text)
	}
}
