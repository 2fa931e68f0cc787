package cli_test

import (
	"os"
	"sync"
	"testing"

	"landlord/internal/wiretap"
)

// relay counts the queries that change something on their way to a server,
// which are those of sessions called "landlord apply". Before each it asks
// gate.
type relay struct {
	*wiretap.Tap

	mu    sync.Mutex
	count int
	// gate is told the number of a query, from 1, and says what becomes of it.
	gate func(n int) fate
}

// fate is what becomes of a query: whether it reaches the server, and what is
// done then, before the connection ends without an answer. The zero fate
// passes it on.
type fate struct {
	drop bool
	then func()
}

func newRelay(t *testing.T, socketDir string, port int) *relay {
	t.Helper()
	dir, err := os.MkdirTemp("", "relay")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{}
	if r.Tap, err = wiretap.Open(dir, socketDir, port, r.hear); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.Close()
		os.RemoveAll(dir)
	})
	return r
}

func (r *relay) connection() string { return r.Conninfo() }

// start begins to count anew, with a gate.
func (r *relay) start(gate func(n int) fate) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count, r.gate = 0, gate
}

func (r *relay) queries() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count
}

func (r *relay) hear(startup map[string]string) wiretap.Ear {
	if startup["application_name"] != "landlord apply" {
		return wiretap.Ear{}
	}
	var then func()
	return wiretap.Ear{
		Sent: func(kind byte, _ []byte) wiretap.Verdict {
			if kind != 'Q' {
				return wiretap.Pass
			}
			f := r.next()
			then = f.then
			switch {
			case then == nil:
				return wiretap.Pass
			case f.drop:
				return wiretap.Drop
			}
			return wiretap.PassAndCut
		},
		Cut: func() { then() },
	}
}

// next counts a query and asks the gate about it.
func (r *relay) next() fate {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count++
	if r.gate == nil {
		return fate{}
	}
	return r.gate(r.count)
}
