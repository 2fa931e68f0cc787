package router

import (
	"slices"
	"strings"
	"testing"

	"landlord/internal/isolation"
)

// TestHolesAtTheEdges: each hole is there in the first version that has it and in
// the last, and in no other. The versions are written down here once more, as
// PgBouncer's list of changes and the entries of the list of CVEs have them.
func TestHolesAtTheEdges(t *testing.T) {
	all := Setup{AuthType: "cert", Secrets: 2, Queries: []string{""}, Everywhere: true, Startup: "extra_float_digits", Tracked: "search_path",
		MaxPacket: 1 << 32, Watchers: "w", Servers: 2, Star: true}
	seen := 0
	for _, x := range []struct{ cve, before, first, last, fixed string }{
		{"CVE-2026-107350", "1.16.1", "1.17.0", "1.26.0", "1.26.1"},
		{"CVE-2026-107349", "1.19.1", "1.20.0", "1.26.0", "1.26.1"},
		{"CVE-2026-107348", "1.20.1", "1.21.0", "1.26.0", "1.26.1"},
		{"CVE-2026-6669", "", "1.0.0", "1.25.2", "1.26.0"},
		{"CVE-2026-6668", "", "1.0.0", "1.25.2", "1.26.0"},
		{"CVE-2026-6667", "1.23.1", "1.24.0", "1.25.1", "1.25.2"},
		{"CVE-2026-6666", "", "1.0.0", "1.25.1", "1.25.2"},
		{"CVE-2026-6665", "", "1.0.0", "1.25.1", "1.25.2"},
		{"CVE-2026-6664", "", "1.0.0", "1.25.1", "1.25.2"},
		{"CVE-2025-12819", "1.19.1", "1.20.0", "1.25.0", "1.25.1"},
		{"CVE-2025-2291", "", "1.0.0", "1.24.0", "1.24.1"},
		{"", "1.7.2", "1.8.0", "1.19.1", "1.20.0"},
		{"CVE-2021-3935", "", "1.0.0", "1.16.0", "1.16.1"},
		{"CVE-2015-6817", "1.5.5", "1.6.0", "1.6.0", "1.6.1"},
		{"CVE-2015-4054", "", "1.0.0", "1.5.4", "1.5.5"},
		{"CVE-2012-4575", "", "1.0.0", "1.5.2", "1.5.3"},
	} {
		seen++
		for version, want := range map[string]bool{x.before: false, x.first: true, x.last: true, x.fixed: false} {
			if version == "" {
				continue
			}
			v, ok := ParseVersion(version)
			if !ok {
				t.Fatal(version)
			}
			i := slices.IndexFunc(Holes(v, all), func(h Hole) bool { return h.CVE == x.cve })
			if (i >= 0) != want {
				t.Errorf("%s has %q: %v, not %v", version, x.cve, i >= 0, want)
				continue
			}
			if want {
				h := Holes(v, all)[i]
				if !h.Open || h.Fixed != x.fixed || h.What == "" || h.Here == "" || !strings.HasPrefix(h.Source, "https://") {
					t.Errorf("%s: %+v", version, h)
				}
			}
		}
	}
	if seen != len(holes) {
		t.Errorf("%d holes are tested, and %d are in the list", seen, len(holes))
	}
	if _, ok := ParseVersion("what"); ok {
		t.Error("no version, and one was read")
	}
}

// TestWhatLandlordsConfigurationCloses leaves open what nothing closes, and that
// alone.
func TestWhatLandlordsConfigurationCloses(t *testing.T) {
	for _, x := range []struct {
		version Version
		setup   Setup
		open    []string
	}{
		{Version{1, 18, 0}, Setup{AuthType: "hba", Queries: []string{isolation.LookupQuery}, Servers: 1, Startup: "extra_float_digits"}, []string{"CVE-2026-6668", "CVE-2026-6664"}},
		{Version{1, 18, 0}, Setup{AuthType: "hba", Secrets: 4, Servers: 1}, []string{"CVE-2026-107350", "CVE-2026-6668", "CVE-2026-6664"}},
		{Version{1, 18, 0}, Setup{AuthType: "hba", Secrets: 4, Servers: 1, Shut: true}, []string{"CVE-2026-6668", "CVE-2026-6664"}},
		{Version{1, 18, 0}, Setup{AuthType: "hba", Queries: []string{isolation.LookupQuery}, Servers: 2}, []string{"CVE-2026-6668", "CVE-2026-6664", "CVE-2026-6665", "CVE-2026-6666", "CVE-2026-6669"}},
		{Version{1, 26, 0}, Setup{AuthType: "hba", Queries: []string{isolation.LookupQuery}, Servers: 2, Startup: "extra_float_digits,options"}, nil},
		{Version{1, 26, 1}, Setup{AuthType: "hba", Secrets: 4, Servers: 2}, nil},
		{Version{1, 25, 0}, Setup{AuthType: "hba", Queries: []string{isolation.LookupQuery, "", isolation.LookupQuery}, Servers: 1, Tracked: "search_path"},
			[]string{"CVE-2026-6668", "CVE-2026-6664", "CVE-2025-12819"}},
	} {
		var open []string
		for i, h := range Holes(x.version, x.setup) {
			if h.Open && i != len(open) {
				t.Errorf("%s: %s stands behind one that is closed", x.version, h.CVE)
			}
			if h.Open {
				open = append(open, h.CVE)
			}
		}
		if !slices.Equal(open, x.open) {
			t.Errorf("%s, %+v: open are %v, not %v", x.version, x.setup, open, x.open)
		}
	}
}
