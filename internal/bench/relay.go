package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"landlord/internal/localpg"
)

// relay stands between landlord and a server and writes down what landlord
// asks, for a floor to ask the same.
type relay struct {
	dir      string
	listener net.Listener
	server   string // the real socket

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
	r := &relay{dir: dir, server: filepath.Join(s.SocketDir(), fmt.Sprintf(".s.PGSQL.%d", s.Port()))}
	var err error
	r.listener, err = net.Listen("unix", filepath.Join(dir, ".s.PGSQL.1"))
	if err != nil {
		return nil, err
	}
	go r.accept()
	return r, nil
}

func (r *relay) conninfo() string { return "host=" + r.dir + " port=1 dbname=postgres user=postgres" }

func (r *relay) close() { _ = r.listener.Close() }

func (r *relay) accept() {
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return
		}
		go r.carry(client)
	}
}

func (r *relay) carry(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("unix", r.server)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench: relay:", err)
		return
	}
	defer server.Close()
	s := &session{}
	r.mu.Lock()
	r.sessions = append(r.sessions, s)
	r.mu.Unlock()
	go func() {
		_ = messages(client, server, func(kind byte, body []byte) { r.sent(s, kind, body) }, true)
		server.Close()
	}()
	_ = messages(server, client, func(kind byte, body []byte) { r.answered(s, kind, body) }, false)
}

func (r *relay) sent(s *session, kind byte, body []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch kind {
	case 0: // start-up: protocol, then words that NULs end
		words := strings.Split(string(body[4:]), "\x00")
		for i := 0; i+1 < len(words); i += 2 {
			if words[i] == "database" {
				s.database = words[i+1]
			}
		}
	case 'Q':
		s.texts = append(s.texts, string(bytes.TrimRight(body, "\x00")))
	}
}

func (r *relay) answered(s *session, kind byte, body []byte) {
	if kind == 'C' && bytes.HasPrefix(body, []byte("SELECT ")) { // CommandComplete
		r.mu.Lock()
		s.queries++
		r.mu.Unlock()
	}
}

// messages copies messages of the protocol and shows each to see. The first
// that a client sends has no type, only a length.
func messages(from io.Reader, to io.Writer, see func(kind byte, body []byte), first bool) error {
	for {
		head := make([]byte, 5)
		if first {
			head = head[1:]
		}
		if _, err := io.ReadFull(from, head); err != nil {
			return err
		}
		body := make([]byte, binary.BigEndian.Uint32(head[len(head)-4:])-4)
		if _, err := io.ReadFull(from, body); err != nil {
			return err
		}
		kind := byte(0)
		if !first {
			kind = head[0]
		}
		first = false
		see(kind, body)
		if _, err := to.Write(append(head, body...)); err != nil {
			return err
		}
	}
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
