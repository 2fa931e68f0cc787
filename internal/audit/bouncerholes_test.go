package audit

import (
	"strings"
	"testing"
)

// TestHolesOfPgBouncer: what the files say of each hole. Which versions have it
// is tested with the list (internal/router).
func TestHolesOfPgBouncer(t *testing.T) {
	const databases = "[databases]\na = host=/run\nb = host=/run port=5432\n"
	for _, x := range []struct{ version, ini, users, named, silent string }{
		{"1.26.0", "ignore_startup_parameters = extra_float_digits", "", "CVE-2026-107349", "CVE-2026-6668"},
		{"1.26.0", "ignore_startup_parameters = extra_float_digits, options", "", "", "CVE-2026-107349"},
		{"1.26.0", "", "", "", "CVE-2026-107349"},
		{"1.24.1", "max_packet_size = 2147483649", "", "CVE-2026-107348", "CVE-2026-107349"},
		{"1.24.1", "max_packet_size = 2147483647", "", "CVE-2026-6668", "CVE-2026-107348"},
		{"1.26.0", "auth_file = users.txt", "", "CVE-2026-107350", "CVE-2026-107349"}, // not read
		{"1.26.0", "auth_file = users.txt", `"a" "x" ` + "\n" + `"b" "y"`, "CVE-2026-107350", "CVE-2026-107349"},
		{"1.26.0", "auth_file = users.txt\nauth_user = looker", `"looker" "x"`, "CVE-2026-107350", "CVE-2026-107349"},
		{"1.26.0", "auth_file = users.txt\nauth_user = looker", `"looker" ""`, "", "CVE-2026-107350"},
		{"1.26.0", "auth_file = users.txt", `"a" "x"`, "", "CVE-2026-107350"},
		{"1.25.0", "track_extra_parameters = IntervalStyle, search_path\nauth_user = looker", "", "CVE-2025-12819", "CVE-2026-6667"},
		{"1.25.0", "track_extra_parameters = IntervalStyle\nauth_user = looker", "", "", "CVE-2025-12819"},
		{"1.25.0", "track_extra_parameters = search_path", "", "", "CVE-2025-12819"},
		{"1.25.0", "track_extra_parameters = search_path\nauth_user = landlord_router\nauth_query = SELECT login, verifier FROM landlord.lookup($1)", "", "", "CVE-2025-12819"},
		{"1.24.0", "auth_user = looker", "", "CVE-2025-2291", "CVE-2025-12819"},
		{"1.24.0", "auth_user = looker\nauth_query = SELECT * FROM looker.find($1)", "", "CVE-2025-2291", "CVE-2025-12819"},
		{"1.24.0", "auth_user = looker\nauth_query = SELECT rolname, rolpassword FROM pg_authid WHERE rolname = $1 AND coalesce(rolvaliduntil > now(), true)", "", "", "CVE-2025-2291"},
		{"1.24.0", "", "", "", "CVE-2025-2291"},
		// A query of one database's own does not hide another's.
		{"1.24.0", "[databases]\nc = auth_user=looker auth_query='SELECT 1'\nd = auth_user=looker auth_query='SELECT valuntil'", "", "CVE-2025-2291", "CVE-2025-12819"},
		{"1.24.0", "auth_user = looker\n[databases]\nc = auth_query='SELECT valuntil'", "", "CVE-2025-2291", "CVE-2025-12819"},
		{"1.24.0", "auth_query = SELECT 1\n[databases]\nc = auth_user=looker auth_query='SELECT valuntil'", "", "", "CVE-2025-2291"},
		{"1.25.1", "stats_users = watcher", "", "CVE-2026-6667", "CVE-2026-6665"},
		{"1.25.1", "", "", "", "CVE-2026-6667"},
		{"1.25.1", "[databases]\nc = host=elsewhere", "", "CVE-2026-6665", "CVE-2026-6667"},
		{"1.25.1", "[databases]\nc = host=/run port=5433", "", "CVE-2026-6666", "CVE-2026-6667"},
		{"1.25.2", "[databases]\nc = host=/run,/elsewhere", "", "CVE-2026-6669", "CVE-2026-6666"},
		{"1.25.1", "[databases]\nc = host=/run", "", "CVE-2026-6664", "CVE-2026-6665"},
		{"1.19.1", "auth_user = looker", "", "without a number", "CVE-2025-12819"},
		{"1.19.1", "[databases]\nc = host=/run auth_user=looker", "", "CVE-2025-2291", "without a number"},
		{"1.18.0", "ignore_startup_parameters = extra_float_digits", "", "CVE-2026-6664", "CVE-2026-107349"},
		{"1.16.0", "auth_type = cert", "", "CVE-2021-3935", "CVE-2026-107350"},
		{"1.16.0", "auth_type = scram-sha-256", "", "", "CVE-2021-3935"},
		{"1.26.1", "ignore_startup_parameters = extra_float_digits\nauth_file = f\nauth_user = u\nstats_users = w", "", "", "CVE"},
		{"1.6.0", "auth_user = looker", "", "CVE-2015-6817", "CVE-2015-4054"},
		{"1.6.0", "", "", "", "CVE-2015-6817"},
		{"1.5.2", "[databases]\n* = host=/run", "", "CVE-2012-4575", "CVE-2015-6817"},
		{"1.5.2", "", "", "CVE-2015-4054", "CVE-2012-4575"},
	} {
		b, err := ParseBouncer("pgbouncer.ini", []byte(databases+"[pgbouncer]\nlisten_port = 6432\n"+x.ini+"\n"), nil)
		if err == nil && x.users != "" {
			err = b.ParseUsers("users.txt", []byte(x.users))
		}
		if err != nil {
			t.Fatal(err)
		}
		b.Version = x.version
		said := ""
		for _, f := range bouncerVersion(&facts{Input: Input{Bouncer: b}}) {
			said += f.What
		}
		if !strings.Contains(said, x.named) || strings.Contains(said, x.silent) {
			t.Errorf("%s, %s: %q", x.version, x.ini, said)
		}
	}
}

// TestNobodyToldPgBouncersVersion, and it is said that its holes are not judged.
func TestNobodyToldPgBouncersVersion(t *testing.T) {
	for version, want := range map[string]int{"": 1, "what": 1, "1.26.1": 0, "PgBouncer 1.18.0": 0} {
		b, err := ParseBouncer("pgbouncer.ini", []byte("[databases]\na = host=/run\n"), nil)
		if err != nil {
			t.Fatal(err)
		}
		b.Version = version
		n := 0
		for _, x := range Judge(Input{Bouncer: b, Pasted: true}).NotKnown {
			if len(x.Rules) == 1 && x.Rules[0] == "bouncer-version" {
				n++
			}
		}
		if n != want {
			t.Errorf("version %q: said %d times that it is not known", version, n)
		}
	}
}
