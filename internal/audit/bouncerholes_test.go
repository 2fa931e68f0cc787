package audit

import (
	"strings"
	"testing"
)

// TestHolesOfPgBouncer: each is named for the versions that have it, and only
// where the configuration opens it.
func TestHolesOfPgBouncer(t *testing.T) {
	for _, x := range []struct{ version, ini, named, silent string }{
		{"1.26.0", "ignore_startup_parameters = extra_float_digits", "CVE-2026-107349", "CVE-2026-6668"},
		{"1.26.0", "ignore_startup_parameters = extra_float_digits, options", "", "CVE-2026-107349"},
		{"1.24.1", "max_packet_size = 2147483649", "CVE-2026-107348", "CVE-2026-107349"},
		{"1.24.1", "max_packet_size = 2147483647", "CVE-2026-6668", "CVE-2026-107348"},
		{"1.18.0", "ignore_startup_parameters = extra_float_digits", "CVE-2026-6664", "CVE-2026-107349"},
		{"1.26.1", "ignore_startup_parameters = extra_float_digits", "", "CVE"},
		{"1.6.0", "", "CVE-2015-6817", "CVE-2015-4054"},
		{"1.5.2", "[databases]\n* = host=/run", "CVE-2012-4575", "CVE-2015-6817"},
		{"1.5.2", "", "CVE-2015-4054", "CVE-2012-4575"},
	} {
		b, err := ParseBouncer("pgbouncer.ini", []byte("[pgbouncer]\nlisten_port = 6432\n"+x.ini+"\n"), nil)
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
