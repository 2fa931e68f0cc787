package main

import (
	"bytes"
	"sync"

	"landlord/internal/localpg"
	"landlord/internal/wiretap"
)

// relay writes down what landlord asks a server, for a floor to ask the same.
type relay struct {
	*wiretap.Tap

	mu       sync.Mutex
	sessions []*session
}

// session is what was asked over one connection.
type session struct {
	database string
	texts    []string // simple queries, as sent
	queries  int      // that the server has answered: BEGIN and COMMIT are none
}

func newRelay(dir string, s *localpg.Server) (*relay, error) {
	r := &relay{}
	var err error
	r.Tap, err = wiretap.Open(dir, s.SocketDir(), s.Port(), r.hear)
	return r, err
}

func (r *relay) conninfo() string { return r.Conninfo() + " dbname=postgres" }

func (r *relay) hear(startup map[string]string) wiretap.Ear {
	s := &session{database: startup["database"]}
	r.locked(func() { r.sessions = append(r.sessions, s) })
	return wiretap.Ear{
		Sent: func(kind byte, body []byte) wiretap.Verdict {
			if kind == 'Q' {
				r.locked(func() { s.texts = append(s.texts, string(bytes.TrimRight(body, "\x00"))) })
			}
			return wiretap.Pass
		},
		Answered: func(kind byte, body []byte) {
			if kind == 'C' && bytes.HasPrefix(body, []byte("SELECT ")) { // CommandComplete
				r.locked(func() { s.queries++ })
			}
		},
	}
}

func (r *relay) locked(do func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	do()
}

// heard is what was asked, by session, in order of their start.
func (r *relay) heard() []*session {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []*session
	for _, s := range r.sessions {
		if len(s.texts) > 0 {
			out = append(out, s)
		}
	}
	return out
}
