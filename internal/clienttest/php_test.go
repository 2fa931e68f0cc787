package clienttest

import (
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"landlord/internal/pgtest"
	"landlord/internal/run"
)

// application is a program beside the test, which does the application's work
// round after round: the PHP of the question.
type application struct {
	stop   atomic.Bool
	rounds atomic.Int64
	done   chan struct{}
	said   []string
	stderr string
	err    error
}

func startApplication(t *testing.T, s *pgtest.Server) *application {
	t.Helper()
	a := &application{done: make(chan struct{})}
	dsn := fmt.Sprintf("pgsql:host=%s;port=%d;dbname=user1;user=user1;password=user1-password", s.SocketDir(), s.Port())
	read, write := io.Pipe()
	go a.feed(write)
	go func() {
		defer close(a.done)
		a.said, a.stderr, a.err = start(t, run.Spec{Name: "php", Args: []string{"testdata/client.php", "dsn", dsn}}, read)
		read.Close()
	}()
	return a
}

// feed gives it a round of statements after the other.
func (a *application) feed(to io.WriteCloser) {
	defer to.Close()
	const number = "1000" // of no other client
	for !a.stop.Load() {
		if _, err := io.WriteString(to, strings.ReplaceAll(strings.Join(crud, "\n"), "CLIENT", number)+"\n"); err != nil {
			return
		}
		a.rounds.Add(1)
		time.Sleep(20 * time.Millisecond) // as an application that has users, not as one that is measured
	}
}

// home ends the program's work, in which there must have been no error.
func (a *application) home(t *testing.T) {
	t.Helper()
	a.stop.Store(true)
	<-a.done
	if a.err != nil || a.stderr != "" {
		t.Errorf("php: %v\n%s", a.err, a.stderr)
	}
	worked := 0
	for _, line := range a.said {
		if state, ok := strings.CutPrefix(line, "= "); ok && state != "00000" {
			t.Errorf("php: SQLSTATE %s", state)
		} else if ok {
			worked++
		}
	}
	if want := int(a.rounds.Load()) * len(crud); worked != want {
		t.Errorf("php: %d statements worked, of %d", worked, want)
	}
}
