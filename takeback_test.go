package landlord_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"landlord"
	applying "landlord/internal/apply"
	"landlord/internal/pgtest"
	"landlord/internal/tenant"
)

// What is taken back is a change, too: where it cannot be written down, that is
// said.
func TestTakenBackUnwritten(t *testing.T) {
	e := administered(pgtest.Start(t, slices.Max(pgtest.Majors())))
	e.Servers[0].Admins = nil // so that the house that fails is the last
	e.Tenants = e.Tenants[1:] // in a database that is made before it
	e.Tenants[0].Settings = []tenant.Setting{{Name: "timezone", Value: "Nowhere"}}
	e.Journal = tenant.Journal{File: filepath.Join(t.TempDir(), "journal")}
	if err := syscall.Mkfifo(e.Journal.File, 0o600); err != nil {
		t.Fatal(err)
	}
	reader, err := os.OpenFile(e.Journal.File, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	failed := false
	result, err := landlord.Apply(t.Context(), e, "main", landlord.Options{}, landlord.Hooks{Done: func(o applying.Outcome) {
		if failed {
			t.Errorf("after the failure: %s", o.Group)
		}
		if failed = o.Err != nil; failed { // what is written from here on, takes back
			_ = reader.Close()
		}
	}})
	if len(result.Failed) != 1 || !result.Failed[0].Undone || err == nil || !strings.Contains(err.Error(), "writing the journal") {
		t.Errorf("%v, %v", result.Err(), err)
	}
}
