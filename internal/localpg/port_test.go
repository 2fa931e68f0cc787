package localpg_test

import (
	"fmt"
	"os"
	"testing"

	"landlord/internal/localpg"
)

// A port that was given is given to nobody else before it is released.
func TestPortsAreGivenOnce(t *testing.T) {
	given := map[int]bool{}
	for range 300 {
		port, release, err := localpg.FreePort()
		if err != nil {
			t.Fatal(err)
		}
		defer release.Close()
		if given[port] {
			t.Fatalf("port %d was given twice", port)
		}
		given[port] = true
	}
	wanted := fmt.Sprintf("what test %d wants", os.Getpid())
	first, ok := localpg.Claim(wanted)
	if !ok {
		t.Fatal("somebody has it already")
	}
	if _, ok := localpg.Claim(wanted); ok {
		t.Error("two have it")
	}
	for range 2 {
		if err := first.Close(); err != nil {
			t.Error(err)
		}
	}
	again, ok := localpg.Claim(wanted)
	if !ok {
		t.Fatal("nobody gets it any more")
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}
