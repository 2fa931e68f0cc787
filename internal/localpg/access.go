package localpg

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// Major returns the server's major version.
func (s *Server) Major() int { return s.opts.Install.Major }

// Port returns the port, which also names the socket.
func (s *Server) Port() int { return s.port }

// Pid returns the postmaster's process id, or 0 when the server is not
// running.
func (s *Server) Pid() int {
	if s.proc == nil {
		return 0
	}
	return s.proc.Pid()
}

// Dir returns the directory that holds everything of the server.
func (s *Server) Dir() string { return s.opts.Dir }

// SocketDir returns the directory of the Unix socket: libpq's host.
func (s *Server) SocketDir() string { return s.path("run") }

// DataDir returns the data directory.
func (s *Server) DataDir() string { return s.path("data") }

// BinDir returns the directory of the server's programs. It has postgres and
// initdb; for client programs see [FindTool].
func (s *Server) BinDir() string { return s.opts.Install.BinDir }

// HBAFile returns the path of pg_hba.conf.
func (s *Server) HBAFile() string { return filepath.Join(s.DataDir(), "pg_hba.conf") }

// IdentFile returns the path of pg_ident.conf.
func (s *Server) IdentFile() string { return filepath.Join(s.DataDir(), "pg_ident.conf") }

// LogFile returns the path of the server's log.
func (s *Server) LogFile() string { return s.path("server.log") }

// CAFile returns the path of the certificate authority's certificate, for
// sslrootcert, or "" if the server has no TLS.
func (s *Server) CAFile() string {
	if !s.opts.TLS {
		return ""
	}
	return s.path("tls", "ca.pem")
}

// Log returns what the server has written to its log so far.
func (s *Server) Log() (string, error) {
	text, err := os.ReadFile(s.LogFile())
	if err != nil && !os.IsNotExist(err) {
		return "", fmt.Errorf("read the server's log: %w", err)
	}
	return string(text), nil
}

// ConnString returns libpq's keywords and values for a connection over the
// socket.
func (s *Server) ConnString(db, user string) string {
	return connString("host", s.SocketDir(), "port", strconv.Itoa(s.port), "dbname", db, "user", user)
}

// TCPConnString is [Server.ConnString] over 127.0.0.1, for a server with TCP.
// With TLS the server's certificate is verified.
func (s *Server) TCPConnString(db, user string) string {
	words := []string{"host", "127.0.0.1", "port", strconv.Itoa(s.port), "dbname", db, "user", user}
	if s.opts.TLS {
		return connString(append(words, "sslmode", "verify-full", "sslrootcert", s.CAFile())...)
	}
	return connString(append(words, "sslmode", "disable")...)
}

var plainWord = regexp.MustCompile(`^[\w./-]+$`)

// connString joins keywords and values; words alternate between them.
func connString(words ...string) string {
	var pairs []string
	for i := 0; i < len(words); i += 2 {
		value := words[i+1]
		if !plainWord.MatchString(value) {
			value = "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value) + "'"
		}
		pairs = append(pairs, words[i]+"="+value)
	}
	return strings.Join(pairs, " ")
}
