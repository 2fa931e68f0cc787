package snapshot_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"landlord/internal/snapshot"
)

func TestSetKeepsEverything(t *testing.T) {
	set := snapshot.Set{Format: snapshot.SetFormat, Servers: []snapshot.Named{{Name: "main", Snapshot: sample()}, {Name: "acme", Snapshot: sample()}},
		Missing: []snapshot.Missing{{Name: "bolt", Reason: "it is down"}, {Name: "crux", Reason: "suspended", Stopped: true}}}
	var b bytes.Buffer
	if err := snapshot.EncodeSet(&b, set); err != nil {
		t.Fatal(err)
	}
	got, err := snapshot.DecodeSet(b.Bytes())
	if diff := cmp.Diff(set, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	// A program that reads one server must not take them for one.
	if _, err := snapshot.Decode(b.Bytes()); err == nil || !strings.Contains(err.Error(), "it has format 2") {
		t.Errorf("read as one: %v", err)
	}
	b.Reset()
	if err := snapshot.Encode(&b, sample()); err != nil {
		t.Fatal(err)
	}
	one, err := snapshot.DecodeSet(b.Bytes())
	if diff := cmp.Diff([]snapshot.Named{{Snapshot: sample()}}, one.Servers); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestDecodeSetSaysWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		`{"format": 2}`: "no server is in it",
		`{"format": 2, "servers": [{"snapshot": {"version": 150000}}]}`:                                                        "without a name",
		`{"format": 2, "servers": [{"server": "a"}]}`:                                                                          `no snapshot of server "a"`,
		`{"format": 2, "servers": [{"server": "a", "snapshot": {"version": 1}}, {"server": "a", "snapshot": {"version": 1}}]}`: `two servers called "a"`,
		`{"format": 3, "servers": []}`:                                                                                         "reads formats up to 2",
		`{"format": 2, "servers": 7}`:                                                                                          "servers is a number",
		`{"format": 2, "servers": [`:                                                                                           "cut off",
		`{"servers": []}`:                                                                                                      `no "format"`,
	} {
		if _, err := snapshot.DecodeSet([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}
