package snapshot_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"landlord/internal/snapshot"
)

// TestOldFilesAreRead reads a file of format 1 as landlord wrote it once, of a
// real server (internal/paste/testdata/furnish.sql, PostgreSQL 14). The file
// is never written anew: where a field changes its meaning, the format gets
// another number, and this one is still read.
func TestOldFilesAreRead(t *testing.T) {
	text, err := os.ReadFile("testdata/format-1.json")
	if err != nil {
		t.Fatal(err)
	}
	s, err := snapshot.Decode(text)
	if err != nil {
		t.Fatal(err)
	}
	c := s.Contents[0]
	got := []any{s.Version.String(), len(s.Databases), c.Database, len(c.Policies), len(c.DefaultACLs), c.SequenceOf[0].Table, s.Knows(snapshot.PartHBA), s.HBA.Text}
	want := []any{"14.23", 5, "acme", 2, 3, "orders", true, "local all all peer\n"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	var b bytes.Buffer
	if err := snapshot.Encode(&b, s); err != nil {
		t.Fatal(err)
	}
	again, err := snapshot.Decode(b.Bytes())
	if diff := cmp.Diff(s, again); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
}
