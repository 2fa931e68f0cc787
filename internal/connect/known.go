package connect

import (
	"context"
	"strconv"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"
)

// An event trigger can run code at login (since 17), as whoever logs in. Who
// owns its function decides what that does, and whoever lets a superuser in
// that way is one. A superuser can ask for a session without event triggers,
// but must do so as it starts; who is none, or an older server, refuses a
// session that asks. So the first session asks, and is tried again without if
// it is refused (which leaves one line in that server's log).

// withLoginTriggers is the first major that has triggers at login, and the
// parameter that switches them off.
const withLoginTriggers = 17

// Known is what a session has told of its server and its login, and decides
// what the next one can ask for as it starts.
type Known struct {
	// Major is the server's major version; 0: not known.
	Major int
	// Superuser says that the login is one.
	Superuser bool
	// Become says that root comes as the user of the system that has the
	// login's name: the server lets nobody else in (peer).
	Become bool
}

// Account is a user of the operating system.
type Account struct{ UID, GID int }

// Peer is the user of the operating system as which root comes to a server
// that lets in nobody else; nil: it comes as itself. Its errors are those of
// [Open].
func Peer(ctx context.Context, conninfo string) (*Account, error) {
	ctx = Remember(ctx)
	conn, err := Open(ctx, conninfo, Options{})
	if err != nil {
		return nil, err
	}
	defer Close(conn)
	cfg, err := Config(conninfo, Options{})
	if err != nil || !ctx.Value(memoryKey{}).(*memory).recall(place(cfg)).Become {
		return nil, err
	}
	return become(cfg), nil
}

// Of reads what a session has told.
func Of(conn *pgconn.PgConn) Known {
	text := conn.ParameterStatus("server_version") // 18.4 (Debian …), 19beta1
	if end := strings.IndexFunc(text, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
		text = text[:end]
	}
	n, _ := strconv.Atoi(text)
	return Known{Major: n, Superuser: conn.ParameterStatus("is_superuser") == "on"}
}

// memory is what one run of landlord knows of the servers that it talks to.
type memory struct {
	mu sync.Mutex
	of map[string]Known
}

type memoryKey struct{}

// Remember lets all sessions that are opened under a context know what the
// first of them has found out.
func Remember(ctx context.Context) context.Context {
	if _, ok := ctx.Value(memoryKey{}).(*memory); ok {
		return ctx
	}
	return context.WithValue(ctx, memoryKey{}, &memory{of: map[string]Known{}})
}

func (m *memory) recall(key string) Known {
	if m == nil {
		return Known{}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.of[key]
}

func (m *memory) note(key string, k Known) {
	if m != nil {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.of[key] = k
	}
}

// place is where a connection leads, and as whom.
func place(cfg *pgconn.Config) string {
	return cfg.Host + "\x00" + strconv.Itoa(int(cfg.Port)) + "\x00" + cfg.User
}
