package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// The program runs itself to measure a process; here that is the test's binary.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == childArg || os.Args[1] == commandArg) {
		main()
	}
	os.Exit(m.Run())
}

// No time is asserted: only that everything can still be measured.
func TestEverythingCanBeMeasured(t *testing.T) {
	var out, talk bytes.Buffer
	code := program(t.Context(), []string{"-databases", "3", "-schemas", "20", "-rounds", "1"}, &out, &talk)
	if code != 0 {
		t.Fatalf("exit %d\n%s\n%s", code, &out, &talk)
	}
	for _, want := range []string{
		"Machine: ", "### apply, 3 tenants in the database model", "### apply, 20 tenants in the schema model",
		"### plan with nothing to do, 3 databases", "### plan with nothing to do, 20 schemas", "queries of one plan", "peak memory", "### one more tenant", "`tenant add` with a spec of 20 to one with 10",
		"### tenants' own servers, idle", "### snapshot and audit, 3 databases", "### judging one database with 20 schemas and 200 tables", "### the pool",
		"### 20 tenants behind one process, each used", "### 20 tenants behind several processes of the router",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the page lacks %q:\n%s", want, &out)
		}
	}
}

func TestUsage(t *testing.T) {
	var out, talk bytes.Buffer
	if code := program(t.Context(), []string{"-scale", "huge"}, &out, &talk); code != 2 {
		t.Errorf("exit %d, want 2", code)
	}
}
