// Package localpg runs a private, real PostgreSQL server of one's own: with
// its own data directory, socket directory, pg_hba.conf and, where wanted, a
// TLS certificate, as an unprivileged user when we are root. `landlord demo`
// and the tests use it.
//
// A server ends with the program that started it, also when that is killed
// with SIGKILL (on Linux; elsewhere it must be stopped).
//
// Everything is under one directory:
//
//	data/        the data directory, with postgresql.conf and pg_hba.conf
//	run/         the socket
//	tls/         ca.pem, server.crt, server.key
//	server.log   what the server says
package localpg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"landlord/internal/run"
)

// Options says what server is wanted. Only Dir is required.
type Options struct {
	// Install is the programs to use; the zero value means the newest found.
	Install Install
	// Dir will hold everything. It must be empty or not there yet, and, when
	// we are root, in a place that the server's user may enter.
	Dir string
	// TCP makes the server listen on 127.0.0.1 too, not only on its socket.
	TCP bool
	// TLS gives the server a throwaway certificate for localhost. Implies TCP.
	TLS bool
	// HBA is the text of pg_hba.conf; empty means [DefaultHBA].
	HBA string
	// Settings go to the configuration file after, and so before, all others.
	Settings map[string]string
	// Unsafe does without what protects the data from a power cut. What is
	// committed still outlives a crash of the server.
	Unsafe bool
	// Template is a data directory made by [Initdb], to be copied instead of
	// making a new one.
	Template string
}

// Server is a private server. Its methods that start and stop it are not safe
// for use by several goroutines at once.
type Server struct {
	opts Options
	user account
	port int
	// claim keeps the port while the server is stopped, too.
	claim io.Closer
	proc  *run.Process // nil while not running
}

// socketPathLimit is the size of sockaddr_un.sun_path on Linux, less its NUL.
const socketPathLimit = 107

// Create makes a server's directories, data and configuration, and does not
// start it. What it has made it removes again on an error.
func Create(ctx context.Context, opts Options) (_ *Server, err error) {
	if opts.Install.BinDir == "" {
		if opts.Install, err = Find(ctx, 0); err != nil {
			return nil, err
		}
	}
	if opts.Dir, err = filepath.Abs(opts.Dir); err != nil {
		return nil, fmt.Errorf("directory of the server: %w", err)
	}
	s := &Server{opts: opts}
	if s.user, err = serverAccount(); err != nil {
		return nil, err
	}
	if err := s.choosePort(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.claim.Close())
		}
	}()
	if n := len(s.socket()); n > socketPathLimit {
		return nil, fmt.Errorf("directory %s is too long a name: its socket's path would have %d bytes, and %d are the most that a socket can have", opts.Dir, n, socketPathLimit)
	}
	if err := s.makeDir(); err != nil {
		return nil, fmt.Errorf("make %s: %w", opts.Dir, err)
	}
	if err := s.fill(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("prepare a server in %s: %w", opts.Dir, err), os.RemoveAll(opts.Dir))
	}
	return s, nil
}

// makeDir makes the directory, or takes an empty one.
func (s *Server) makeDir() error {
	if err := os.MkdirAll(s.opts.Dir, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(s.opts.Dir)
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("it is not empty (there is %s): choose another place", entries[0].Name())
	}
	return s.user.canReach(s.opts.Dir)
}

func (s *Server) fill(ctx context.Context) error {
	if err := s.makeData(ctx); err != nil {
		return err
	}
	if err := s.user.mkdir(s.SocketDir(), 0o755); err != nil {
		return err
	}
	if s.opts.TLS {
		if err := s.makeCertificates(); err != nil {
			return err
		}
	}
	return s.configure()
}

func (s *Server) makeData(ctx context.Context) error {
	if s.opts.Template == "" {
		return Initdb(ctx, s.opts.Install, s.DataDir(), s.opts.Unsafe)
	}
	_, _, err := run.Command(ctx, run.Spec{Name: "cp", Args: []string{"-a", s.opts.Template, s.DataDir()}})
	return err
}

// Initdb makes a data directory at dir, which must not be there yet, with the
// superuser postgres, for whom no way in is open until pg_hba.conf is written.
// Unsafe does not wait until it is on the disk.
func Initdb(ctx context.Context, in Install, dir string, unsafe bool) error {
	user, err := serverAccount()
	if err != nil {
		return err
	}
	if err := user.mkdir(dir, 0o700); err != nil {
		return err
	}
	args := []string{"--pgdata", dir, "--username=postgres", "--auth=reject", "--encoding=UTF8", "--locale=C.UTF-8"}
	if unsafe {
		args = append(args, "--no-sync")
	}
	_, _, err = run.Command(ctx, run.Spec{Name: filepath.Join(in.BinDir, "initdb"), Args: args, Env: in.env(), Dir: "/", User: user.cred})
	return err
}

func (s *Server) makeCertificates() error {
	certs, err := newCertificates(time.Now())
	if err != nil {
		return err
	}
	return errors.Join(
		s.user.mkdir(s.path("tls"), 0o755),
		s.user.write(s.path("tls", "ca.pem"), certs.ca, 0o644),
		s.user.write(s.path("tls", "server.crt"), certs.server, 0o644),
		s.user.write(s.path("tls", "server.key"), certs.serverKey, 0o600),
	)
}

// ownConf holds our settings, in a file of its own that postgresql.conf
// includes last, so that it can be written anew.
const ownConf = "landlord.conf"

func (s *Server) configure() error {
	conf := filepath.Join(s.DataDir(), "postgresql.conf")
	standard, err := os.ReadFile(conf)
	if err != nil {
		return err
	}
	hba := s.opts.HBA
	if hba == "" {
		hba = DefaultHBA
	}
	return errors.Join(
		s.user.write(conf, append(standard, "\ninclude '"+ownConf+"'\n"...), 0o600),
		s.writeSettings(),
		s.WriteHBA(hba),
		s.user.write(filepath.Join(s.DataDir(), "pg_ident.conf"), []byte(identConf(s.user.peers())), 0o600),
	)
}

func (s *Server) writeSettings() error {
	return s.user.write(filepath.Join(s.DataDir(), ownConf), []byte(configFile(s.settings())), 0o600)
}

// WriteHBA replaces pg_hba.conf. A running server takes no notice of it until
// [Server.Reload].
func (s *Server) WriteHBA(text string) error {
	return s.user.write(s.HBAFile(), []byte(text), 0o600)
}

// Remove stops the server at once and removes all that it had.
func (s *Server) Remove() error {
	err := s.StopImmediate()
	s.removeSharedMemory()
	return errors.Join(err, os.RemoveAll(s.opts.Dir), s.claim.Close())
}

func (s *Server) path(elem ...string) string {
	return filepath.Join(append([]string{s.opts.Dir}, elem...)...)
}

// socket is the path of the socket.
func (s *Server) socket() string {
	return filepath.Join(s.SocketDir(), ".s.PGSQL."+strconv.Itoa(s.port))
}
