package connect_test

import (
	"errors"
	"os"
	"testing"

	"landlord/internal/connect"
	"landlord/internal/localpg"
	"landlord/internal/pgtest"
)

// Root comes as the user of the system that the server lets in, and as nobody
// else: a probe, which stands for an ordinary client, and a login without such
// a user stay outside.
func TestRootComesAsTheServersUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: only root can become another user")
	}
	majors := pgtest.Majors()
	s := pgtest.Start(t, majors[len(majors)-1])
	account, err := localpg.ServerUser()
	if err != nil {
		t.Fatal(err)
	}
	s.Exec(t, "", "DO $$ BEGIN IF current_user <> '"+account+"' THEN EXECUTE 'CREATE ROLE "+account+" LOGIN SUPERUSER'; END IF; END $$", "CREATE ROLE nobody_of_the_system LOGIN")
	s.SetHBA(t, "local all all peer\n")
	ctx := connect.Remember(t.Context())
	for range 2 { // the second one knows what the first has found out
		conn, err := connect.Open(ctx, s.ConnString("", account), connect.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := connect.ServerUser(conn); got != account {
			t.Errorf("the server runs as %q, and not as %q", got, account)
		}
		connect.Close(conn)
	}
	for name, o := range map[string]connect.Options{
		"a login that no user of the system has": {User: "nobody_of_the_system"},
		"an ordinary client":                     {Plain: true},
	} {
		conn, err := connect.Open(ctx, s.ConnString("", account), o)
		var refused *connect.Error
		if !errors.As(err, &refused) || connect.State(err) != "28000" {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			connect.Close(conn)
		}
	}
	if os.Geteuid() != 0 {
		t.Error("the process is not root any more")
	}
}
