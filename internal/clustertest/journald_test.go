package clustertest

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"landlord/internal/journal"
	"landlord/internal/run"
	"landlord/internal/tenant"
)

// units of a journald in the box, which has none of its own.
const journald = `[Service]
Type=notify
ExecStart=/lib/systemd/systemd-journald
Sockets=systemd-journald.socket systemd-journald-dev-log.socket
`

// What the journal writes to the system's log is in journald's, whole, by
// landlord's name and with the facility that only administrators read.
func TestJournalInJournald(t *testing.T) {
	if !inBox(t) {
		return
	}
	do := func(name string, args ...string) string {
		t.Helper()
		out, stderr, err := run.Command(t.Context(), run.Spec{Name: name, Args: args})
		if err != nil {
			t.Fatalf("%s %v: %v\n%s", name, args, err, stderr)
		}
		return string(out)
	}
	if err := os.WriteFile("/run/systemd/system/systemd-journald.service", []byte(journald), 0o644); err != nil {
		t.Fatal(err)
	}
	do("systemctl", "daemon-reload")
	do("systemctl", "start", "systemd-journald-dev-log.socket", "systemd-journald.socket", "systemd-journald.service")
	j, err := journal.Open(tenant.Journal{Syslog: true})
	if err != nil {
		t.Fatal(err)
	}
	want := []journal.Statement{{SQL: "CREATE ROLE \"a\nb\""}, {Database: "acme", SQL: strings.Repeat("GRANT ", 20_000)}, {SQL: "COMMIT"}}
	for _, e := range []journal.Entry{{Action: "apply", Server: "main", Group: "short"}, {Action: "apply", Server: "main", Group: "long", Statements: want}} {
		if err := j.Write(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	do("journalctl", "--sync")
	var groups []string
	var got []journal.Statement
	text := ""
	for line := range strings.Lines(do("journalctl", "-t", "landlord", "-o", "json", "--all", "--no-pager")) {
		var kept struct {
			Message  string `json:"MESSAGE"`
			Facility string `json:"SYSLOG_FACILITY"`
			Priority string `json:"PRIORITY"`
		}
		var e journal.Entry
		if err := json.Unmarshal([]byte(line), &kept); err != nil || kept.Facility != "10" || kept.Priority != "5" {
			t.Fatalf("%v: %.300s", err, line)
		}
		if err := json.Unmarshal([]byte(kept.Message), &e); err != nil {
			t.Fatalf("%v: %.300s", err, kept.Message)
		}
		if !slices.Contains(groups, e.Group) {
			groups = append(groups, e.Group)
		}
		for _, s := range e.Statements {
			if text += s.SQL; !s.Continues {
				s.SQL, text = text, ""
				got = append(got, s)
			}
		}
	}
	if !slices.Equal(got, want) || !slices.Equal(groups, []string{"short", "long"}) {
		t.Errorf("of %v journald has %d statements of %d", groups, len(got), len(want))
	}
}
