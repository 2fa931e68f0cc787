package pgsql

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseACL(t *testing.T) {
	tests := []struct {
		text string
		want ACL
	}{
		{`{}`, ACL{}},
		{`{=Tc/postgres,acme=c*T/postgres}`, ACL{
			{"", "postgres", Temporary | Connect, 0},
			{"acme", "postgres", Temporary | Connect, Connect},
		}},
		{`{"\"we \"\"ird\"\"\"=r/x","a=b\\\\"}`, nil},
		{`{"\"o'ne,\\ two\"=arwdDxtm/x"}`, ACL{
			{`o'ne,\ two`, "x", Table.All(180000), 0},
		}},
	}
	for _, tt := range tests {
		got, err := ParseACL(tt.text)
		if (err != nil) != (tt.want == nil) {
			t.Errorf("ParseACL(%q): %v", tt.text, err)
		}
		if diff := cmp.Diff(tt.want, got); tt.want != nil && diff != "" {
			t.Errorf("ParseACL(%q): %s", tt.text, diff)
		}
	}
}

func TestChangeOwnerMerges(t *testing.T) {
	acl := ACL{{"a", "a", Select, 0}, {"b", "a", Insert, Insert}, {"c", "b", Insert, 0}}
	want := ACL{{"b", "b", Select | Insert, Insert}, {"c", "b", Insert, 0}}
	if diff := cmp.Diff(want, acl.ChangeOwner("a", "b")); diff != "" {
		t.Error(diff)
	}
}

func TestQuoting(t *testing.T) {
	for in, want := range map[string]string{`a`: `'a'`, `a'b`: `'a''b'`, `a\b'`: `E'a\\b'''`, "new\nline": "'new\nline'"} {
		if got := Literal(in); got != want {
			t.Errorf("Literal(%q) = %s, want %s", in, got, want)
		}
	}
	if got := Qualified(`we"ird`, "user"); got != `"we""ird"."user"` {
		t.Error(got)
	}
}

// The example of RFC 7677, section 3: password "pencil".
func TestScramVerifier(t *testing.T) {
	salt, _ := base64.StdEncoding.DecodeString("W22ZaJ0SNY7soEsUEjb6gQ==")
	got, err := scramVerifier("pencil", salt, 4096)
	if err != nil {
		t.Fatal(err)
	}
	want := "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
	if got != want {
		t.Errorf("got %s", got)
	}
	if _, err := ScramVerifier("Pässwort"); err == nil || strings.Contains(err.Error(), "Pässwort") {
		t.Errorf("a password outside ASCII: %v", err)
	}
}

func FuzzParseACL(f *testing.F) {
	f.Add(`{=Tc/postgres,"\"a b\"=r*/x"}`)
	f.Fuzz(func(t *testing.T, text string) {
		_, _ = ParseACL(text)
	})
}
