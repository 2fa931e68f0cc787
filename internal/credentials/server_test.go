package credentials

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"landlord/internal/run"
)

// login is what a client said when it connected.
type login struct{ Database, User, Password string }

// door listens on a TCP port of localhost and on the Unix socket of that
// port, asks every client for its password in clear, and turns it away. So a
// test sees what a real libpq made of the settings, without a server that
// has a database and a role of every hostile name.
type door struct {
	port int
	dir  string
	in   chan login
}

func newDoor(t *testing.T) *door {
	t.Helper()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &door{port: tcp.Addr().(*net.TCPAddr).Port, dir: t.TempDir(), in: make(chan login, 10)}
	unix, err := net.Listen("unix", filepath.Join(d.dir, ".s.PGSQL."+Settings{Port: d.port}.port()))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range []net.Listener{tcp, unix} {
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				go d.greet(conn)
			}
		}()
	}
	return d
}

func (d *door) greet(conn net.Conn) {
	defer conn.Close()
	b := pgproto3.NewBackend(conn, conn)
	msg, err := b.ReceiveStartupMessage()
	if _, ok := msg.(*pgproto3.SSLRequest); ok && err == nil {
		conn.Write([]byte("N"))
		msg, err = b.ReceiveStartupMessage()
	}
	startup, ok := msg.(*pgproto3.StartupMessage)
	if err != nil || !ok {
		return
	}
	l := login{Database: startup.Parameters["database"], User: startup.Parameters["user"]}
	b.Send(&pgproto3.AuthenticationCleartextPassword{})
	b.Flush()
	b.SetAuthType(pgproto3.AuthTypeCleartextPassword)
	if msg, err := b.Receive(); err == nil {
		if p, ok := msg.(*pgproto3.PasswordMessage); ok {
			l.Password = p.Password
		}
	}
	b.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: "28P01", Message: "seen"})
	b.Flush()
	d.in <- l
}

// connect runs a client with only these environment variables and returns
// what it said at the door.
func (d *door) connect(t *testing.T, env []string, name string, args ...string) login {
	t.Helper()
	env = append(env, "PATH="+os.Getenv("PATH"), "PGCONNECT_TIMEOUT=10", "HOME="+t.TempDir(), "LC_ALL=C",
		"LD_LIBRARY_PATH="+os.Getenv("LD_LIBRARY_PATH"))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, stderr, err := run.Command(ctx, run.Spec{Name: name, Args: args, Env: env})
	select {
	case l := <-d.in:
		return l
	case <-time.After(time.Minute):
		t.Fatalf("%s never came to the door: %v\n%s", name, err, stderr)
		panic("unreachable")
	}
}

// program skips the test where a program is not installed.
func program(t *testing.T, name string) string {
	t.Helper()
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 {
			return path
		}
	}
	t.Skipf("%s is not installed", name)
	return ""
}
