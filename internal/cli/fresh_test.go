package cli_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"landlord/internal/apply"
	"landlord/internal/cli"
	"landlord/internal/pgtest"
)

// watched passes on what is written, and calls back at the first line that
// holds a text.
type watched struct {
	bytes.Buffer
	text string
	once sync.Once
	then func()
}

func (w *watched) Write(p []byte) (int, error) {
	n, err := w.Buffer.Write(p)
	if strings.Contains(w.String(), w.text) {
		w.once.Do(w.then)
	}
	return n, err
}

// TestApplyReadsTheSpecAgain: what is carried out is what the spec says once
// no other landlord is at work, not what it said before the wait; and where
// nothing is to be done, nobody waits at all.
func TestApplyReadsTheSpecAgain(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t, pgtest.Majors()[0])
	conninfo := s.ConnString("postgres", "postgres")
	file := filepath.Join(t.TempDir(), "landlord.yaml")
	write := func(tenants ...string) {
		text := fmt.Sprintf("servers: {main: {connection: %q}}\ntenants:\n", conninfo)
		for _, name := range tenants {
			text += "  " + name + ": {isolation: schema}\n"
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(err io.Writer, args ...string) int {
		return cli.Main(append(args, "-f", file), cli.Streams{In: strings.NewReader(""), Out: io.Discard, Err: err, Getenv: func(string) string { return "" }})
	}
	write("acme")
	if status := run(t.Output(), "apply", "--yes"); status != 0 {
		t.Fatalf("the first apply: status %d", status)
	}
	lock, err := apply.Lock(t.Context(), conninfo, nil)
	if err != nil {
		t.Fatal(err)
	}
	if status := run(t.Output(), "apply", "--yes"); status != 0 {
		t.Errorf("with nothing to do, while another landlord is at work: status %d", status)
	}
	write("acme", "bolt")
	said := &watched{text: "another landlord is at work", then: func() {
		write("acme", "zoe")
		lock.Release()
	}}
	if status := run(said, "apply", "--yes"); status != 0 {
		t.Errorf("status %d: %s", status, said)
	}
	conn, err := pgx.Connect(t.Context(), conninfo)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if got := strings1(t, conn, "SELECT rolname FROM pg_roles WHERE rolname IN ('bolt', 'zoe')"); len(got) != 1 || got[0] != "zoe" {
		t.Errorf("there are %q, and the spec has zoe, and bolt no more", got)
	}
}
