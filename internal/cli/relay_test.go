package cli_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// relay stands between landlord and a server: a unix socket that passes on
// PostgreSQL's protocol and counts the queries that change something, which
// are those of sessions called "landlord apply". Before each it asks gate.
type relay struct {
	dir, target string
	port        int
	listener    net.Listener

	mu    sync.Mutex
	count int
	// gate is told the number of a query, from 1, and says what becomes of it.
	gate func(n int) fate
}

// fate is what becomes of a query: whether it reaches the server, and what is
// done then, before any answer is passed on.
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
	name := fmt.Sprintf(".s.PGSQL.%d", port)
	r := &relay{dir: dir, port: port, target: filepath.Join(socketDir, name)}
	if r.listener, err = net.Listen("unix", filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.listener.Close()
		os.RemoveAll(dir)
	})
	go r.serve()
	return r
}

func (r *relay) connection() string {
	return fmt.Sprintf("host=%s port=%d user=postgres", r.dir, r.port)
}

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

func (r *relay) serve() {
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return
		}
		go r.session(client)
	}
}

func (r *relay) session(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("unix", r.target)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(client, server)
		client.Close()
	}()
	head := make([]byte, 4)
	startup, err := message(client, head)
	if err != nil {
		return
	}
	changes := bytes.Contains(startup, []byte("application_name\x00landlord apply\x00"))
	if _, err := server.Write(startup); err != nil {
		return
	}
	head = make([]byte, 5)
	for {
		m, err := message(client, head)
		if err != nil {
			return
		}
		if !r.pass(server, m, changes && m[0] == 'Q') {
			return
		}
	}
}

// pass passes a message on, or not.
func (r *relay) pass(server net.Conn, m []byte, counts bool) bool {
	var f fate
	if counts {
		r.mu.Lock()
		r.count++
		if r.gate != nil {
			f = r.gate(r.count)
		}
		r.mu.Unlock()
	}
	if !f.drop {
		if _, err := server.Write(m); err != nil {
			return false
		}
	}
	if f.then != nil {
		f.then()
		return false
	}
	return true
}

// message reads a message, whose length stands in the last four bytes of its
// head and counts itself.
func message(from io.Reader, head []byte) ([]byte, error) {
	if _, err := io.ReadFull(from, head); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint32(head[len(head)-4:])) - 4
	m := append(bytes.Clone(head), make([]byte, n)...)
	_, err := io.ReadFull(from, m[len(head):])
	return m, err
}
