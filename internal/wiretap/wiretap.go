// Package wiretap stands between a client and a PostgreSQL server, on unix
// sockets, and shows what they say to each other: to count queries, to ask the
// same again, or to cut the line at a chosen moment. It is for tests and
// benchmarks.
package wiretap

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
)

// Ear hears one connection. Each of its functions may be nil, and is called
// from one goroutine at a time.
type Ear struct {
	// Sent is given each message of the client's before it is passed on, the
	// start-up excepted, and says what becomes of it.
	Sent func(kind byte, body []byte) Verdict
	// Cut is called when Drop or PassAndCut has been done, before either side
	// sees its connection end.
	Cut func()
	// Answered is given each message of the server's before it is passed on.
	Answered func(kind byte, body []byte)
}

// Verdict is what becomes of a message of the client's.
type Verdict int

const (
	// Pass passes it on.
	Pass Verdict = iota
	// Drop ends the connection instead.
	Drop
	// PassAndCut passes it on, and ends the connection without the answer.
	PassAndCut
)

// Tap is a listener that passes connections on.
type Tap struct {
	dir, target string
	port        int
	listener    net.Listener
	hear        func(startup map[string]string) Ear
}

// Open listens in a directory for connections to the server whose sockets are
// in socketDir, at the same port. For each it asks hear, with the client's
// start-up parameters, who listens to it.
func Open(dir, socketDir string, port int, hear func(startup map[string]string) Ear) (*Tap, error) {
	name := fmt.Sprintf(".s.PGSQL.%d", port)
	t := &Tap{dir: dir, port: port, target: filepath.Join(socketDir, name), hear: hear}
	var err error
	if t.listener, err = net.Listen("unix", filepath.Join(dir, name)); err != nil {
		return nil, err
	}
	go t.accept()
	return t, nil
}

// Conninfo leads through the tap, as user postgres.
func (t *Tap) Conninfo() string {
	return fmt.Sprintf("host=%s port=%d user=postgres", t.dir, t.port)
}

// Close takes no more connections.
func (t *Tap) Close() error { return t.listener.Close() }

func (t *Tap) accept() {
	for {
		client, err := t.listener.Accept()
		if err != nil {
			return
		}
		go t.carry(client)
	}
}

// carry passes one connection's messages on until either side ends it.
func (t *Tap) carry(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("unix", t.target)
	if err != nil {
		return // the client sees the end of its connection, as it would without a tap
	}
	defer server.Close()
	head, body, err := read(client, 4) // the start-up has a length and no type
	if err != nil || pass(server, head, body) != nil {
		return
	}
	ear := t.hear(parameters(body))
	go func() {
		defer client.Close()
		for {
			head, body, err := read(server, 5)
			if err != nil {
				return
			}
			if ear.Answered != nil {
				ear.Answered(head[0], body)
			}
			if pass(client, head, body) != nil {
				return
			}
		}
	}()
	for {
		head, body, err := read(client, 5)
		if err != nil {
			return
		}
		verdict := Pass
		if ear.Sent != nil {
			verdict = ear.Sent(head[0], body)
		}
		if verdict != Drop && pass(server, head, body) != nil {
			return
		}
		if verdict != Pass {
			if ear.Cut != nil {
				ear.Cut()
			}
			return
		}
	}
}

// read reads a message, whose length stands in the last four bytes of its
// head and counts itself.
func read(from io.Reader, headSize int) (head, body []byte, err error) {
	head = make([]byte, headSize)
	if _, err := io.ReadFull(from, head); err != nil {
		return nil, nil, err
	}
	body = make([]byte, binary.BigEndian.Uint32(head[headSize-4:])-4)
	_, err = io.ReadFull(from, body)
	return head, body, err
}

func pass(to io.Writer, head, body []byte) error {
	_, err := to.Write(append(head, body...))
	return err
}

// parameters are a start-up message's: after the protocol's version come
// names and values that NULs end.
func parameters(body []byte) map[string]string {
	out := map[string]string{}
	if len(body) < 4 {
		return out
	}
	words := strings.Split(string(body[4:]), "\x00")
	for i := 0; i+1 < len(words); i += 2 {
		out[words[i]] = words[i+1]
	}
	return out
}
