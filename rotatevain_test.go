package landlord_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"landlord"
	"landlord/internal/pgtest"
	"landlord/internal/tenant"
	"landlord/internal/wiretap"
)

// cutting ends one of landlord's sessions that change something after their n-th
// query, without the answer.
type cutting struct {
	mu    sync.Mutex
	n, at int
	lost  bool // and nothing is heard of the server any more
}

func (c *cutting) hear(startup map[string]string) wiretap.Ear {
	if name := startup["application_name"]; name != "landlord apply" && name != "landlord lock" {
		return wiretap.Ear{}
	}
	return wiretap.Ear{Sent: func(kind byte, _ []byte) wiretap.Verdict {
		c.mu.Lock()
		defer c.mu.Unlock()
		if kind != 'Q' || c.at == 0 {
			return wiretap.Pass
		}
		switch c.n++; {
		case c.n == c.at:
			return wiretap.PassAndCut
		case c.n > c.at && c.lost:
			return wiretap.Drop
		}
		return wiretap.Pass
	}}
}

// start begins to count; at 0 nothing is cut.
func (c *cutting) start(at int, lost bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n, c.at, c.lost = 0, at, lost
}

func (c *cutting) reached() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n >= c.at
}

// A rotation that fails, wherever it does, leaves the first login as it was; the
// second goes again, or it is said that it stays, and the next rotation goes on
// with it. Where the server did it all the same, it is done.
func TestRotationInVain(t *testing.T) {
	s := pgtest.Start(t, slices.Max(pgtest.Majors()))
	dir, err := os.MkdirTemp("", "tap")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	cut := &cutting{}
	tap, err := wiretap.Open(dir, s.SocketDir(), s.Port(), cut.hear)
	if err != nil {
		t.Fatal(err)
	}
	defer tap.Close()
	e := estate(s)
	e.Tenants = e.Tenants[1:2] // in a shared database
	apply(t, e, landlord.Options{})
	if _, err := landlord.Login(t.Context(), e, e.Tenants[0], "bolt_app", false); err != nil {
		t.Fatal(err)
	}
	tapped := e
	tapped.Servers = slices.Clone(e.Servers)
	tapped.Servers[0].Connection = tap.Conninfo()
	rotate := func(e tenant.Estate, r landlord.Rotation) (landlord.Rotated, error) {
		return landlord.Rotate(t.Context(), e, "bolt", "bolt_app", r, landlord.Hooks{})
	}
	var gone, stayed, done, unsure int
	judge := func(what string, got landlord.Rotated, err error, closely bool) {
		t.Helper()
		there, open, first := bothLogins(t, s, "bolt_app")
		var vain *landlord.VainError
		in := errors.As(err, &vain)
		switch {
		case !first:
			t.Errorf("%s: the first login is closed", what)
		case in && vain.Unsure:
			unsure++
		case open != (got.New && got.Settings.User == "bolt_app_b"):
			t.Errorf("%s: the second login is open: %v; %v", what, open, err)
		case err == nil && !open:
			t.Errorf("%s: it says that it is done", what)
		case open:
			done++
		case there && (!in || vain.Stays == nil):
			t.Errorf("%s: the second login stays, and that is not said: %v", what, err)
		case there:
			stayed++
			if !strings.Contains(vain.Hint(), "landlord tenant rotate bolt --login bolt_app goes on with it") {
				t.Error(vain.Hint())
			}
		default:
			gone++
		}
		if there || closely {
			settled(t, e, landlord.Options{}) // whatever it is, it is nothing to do
		}
		if !open && (there || closely) { // the next one goes on
			if got, err := rotate(e, landlord.Rotation{}); err != nil || got.Old != "bolt_app" || got.Settings.User != "bolt_app_b" {
				t.Errorf("%s: the next rotation: %v, %v", what, got.Settings.User, err)
			}
		}
		s.Exec(t, "", "DROP ROLE IF EXISTS bolt_app_b") // as if there had been none
	}
	for at := 1; ; at++ {
		for _, lost := range []bool{false, true} {
			cut.start(at, lost)
			got, err := rotate(tapped, landlord.Rotation{})
			reached := cut.reached()
			cut.start(0, false)
			judge(fmt.Sprintf("cut at query %d, lost from then on: %v", at, lost), got, err, at%3 == 0)
			if !reached {
				t.Logf("%d queries: taken back %d times, stayed %d, done all the same %d, not known %d", at-1, gone, stayed, done, unsure)
				if gone == 0 || stayed == 0 || done == 0 || unsure == 0 {
					t.Error("not all ends were seen")
				}
				inVain(t, s, e, rotate)
				return
			}
		}
	}
}

// bothLogins says whether a login's second is there, whether it is open, and
// whether the first still is.
func bothLogins(t *testing.T, s *pgtest.Server, login string) (there, open, first bool) {
	t.Helper()
	if err := s.Connect(t, "", "").QueryRow(t.Context(), `SELECT count(b.*) > 0, COALESCE(bool_or(b.rolcanlogin), false), bool_and(a.rolcanlogin AND a.rolpassword IS NOT NULL)
		FROM pg_authid AS a LEFT JOIN pg_authid AS b ON b.rolname = a.rolname || '_b' WHERE a.rolname = $1`, login).Scan(&there, &open, &first); err != nil {
		t.Fatal(err)
	}
	return there, open, first
}

// inVain are failures that are no end of a session: all of it is taken back, and
// said so; but what the journal could not take has happened.
func inVain(t *testing.T, s *pgtest.Server, e tenant.Estate, rotate func(tenant.Estate, landlord.Rotation) (landlord.Rotated, error)) {
	exists := func() bool {
		t.Helper()
		there, _, _ := bothLogins(t, s, "bolt_app")
		return there
	}
	undelivered := landlord.Rotation{Deliver: func(landlord.Credentials) error { return errors.New("no room on the disk") }}
	_, err := rotate(e, undelivered)
	if err == nil || exists() || !strings.Contains(err.Error(), "no room on the disk") || !strings.Contains(err.Error(), "its second login bolt_app_b was taken back, and bolt_app goes on as before") {
		t.Errorf("not delivered: %v, it is there: %v", err, exists())
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err = landlord.Rotate(ctx, e, "bolt", "bolt_app", landlord.Rotation{Deliver: func(landlord.Credentials) error { cancel(); return ctx.Err() }}, landlord.Hooks{})
	if err == nil || !exists() || !strings.Contains(err.Error(), "may have been made, and stays then") {
		t.Errorf("interrupted: %v", err)
	}
	settled(t, e, landlord.Options{})
	if _, err = rotate(e, undelivered); err == nil || !exists() || strings.Contains(err.Error(), "second login") {
		t.Errorf("what an earlier one has made is not this one's to take back: %v", err)
	}
	journal := filepath.Join(t.TempDir(), "journals")
	if err := os.Mkdir(journal, 0o700); err != nil {
		t.Fatal(err)
	}
	e.Journal = tenant.Journal{File: filepath.Join(journal, "journal")}
	got, err := rotate(e, landlord.Rotation{Deliver: func(landlord.Credentials) error { return os.RemoveAll(journal) }})
	if err == nil || !strings.Contains(err.Error(), "journal") || !got.New || got.Settings.User != "bolt_app_b" || got.Old != "bolt_app" {
		t.Errorf("the next one, which cannot be written down: %+v, %v", got.Settings, err)
	}
}
