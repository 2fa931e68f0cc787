package snapshot_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

func sample() snapshot.Snapshot {
	return snapshot.Snapshot{
		Format: snapshot.Format, Taken: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC), Version: 180004,
		Unread:    []snapshot.Unread{{Part: snapshot.PartVerifiers, Reason: "no superuser"}, {Part: snapshot.PartContents, Database: "b", Reason: "closed"}},
		Roles:     []snapshot.Role{{OID: 10, Name: "postgres", Superuser: true, ConnLimit: -1}},
		Databases: []snapshot.Database{{Name: "a", ACL: pgsql.ACL{}}, {Name: "b"}},
		Server:    snapshot.Server{Slots: []snapshot.ReplicationSlot{{Name: "s"}}},
		Contents: []snapshot.Contents{{
			Database: "a",
			Relations: []snapshot.Relation{{Schema: "public", Name: "t", Kind: 'p', Owner: "o", ACL: pgsql.ACL{
				{Grantee: "o", Grantor: "o", Privs: pgsql.Select | pgsql.Insert, Grantable: pgsql.Select},
				{Grantor: `a "b" <c>`, Privs: pgsql.Select},
			}}},
			DefaultACLs: []snapshot.DefaultACL{{Creator: "o", Kind: pgsql.Routine}},
			Inside:      snapshot.Inside{SystemACLs: []snapshot.SystemACL{{Kind: pgsql.ServerKind, Identity: "x"}}},
		}},
	}
}

func TestJSONKeepsEverything(t *testing.T) {
	var b bytes.Buffer
	if err := snapshot.Encode(&b, sample()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"acl":["o=r*a/o","=r/\"a \"\"b\"\" <c>\""]`, `"kind":"p"`, `"kind":"foreign server"`, `"acl":null`, `"acl":[]`, `"slots":[`} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %s in %s", want, b.String())
		}
	}
	got, err := snapshot.Decode(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sample(), got); diff != "" {
		t.Error(diff)
	}
}

func TestDecodeSaysWhatIsWrong(t *testing.T) {
	var b bytes.Buffer
	if err := snapshot.Encode(&b, sample()); err != nil {
		t.Fatal(err)
	}
	whole := b.String()
	for name, c := range map[string]struct{ text, want string }{
		"empty":         {" \n", "the file is empty"},
		"newer":         {strings.Replace(whole, `"format":1`, `"format":2`, 1), "it has format 2, and this landlord reads formats up to 1"},
		"newer, other":  {`{"format": 3, "roles": "none"}`, "it has format 3"},
		"cut off":       {whole[:len(whole)/2], "the file is cut off after"},
		"cut off early": {`{"format"`, "the file is cut off after 9 bytes"},
		"no JSON":       {"{\n\n List of roles", "it is no JSON: line 3"},
		"two":           {whole + whole, "it is no JSON: line 2"},
		"another JSON":  {`{"a": 1}`, `it has no "format"`},
		"a list":        {`[1]`, "it is no snapshot of landlord's"},
		"wrong type":    {"{\"format\": 1,\n\"roles\": 7}", "line 2: roles is a number"},
		"wrong kind":    {`{"format": 1, "contents": [{"relations": [{"kind": "é"}]}]}`, `no kind of relation is called "é"`},
		"a NUL":         {`{"format": 1, "roles": [{"name": "a\u0000"}]}`, "it has a NUL in it"},
		"wrong ACL":     {`{"format": 1, "databases": [{"acl": ["nonsense"]}]}`, `no = in aclitem "nonsense"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := snapshot.Decode([]byte(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestDecodeOfEveryPart(t *testing.T) {
	var b bytes.Buffer
	if err := snapshot.Encode(&b, sample()); err != nil {
		t.Fatal(err)
	}
	for n := range b.Len() - 1 { // all but its last newline
		if _, err := snapshot.Decode(b.Bytes()[:n]); err == nil {
			t.Fatalf("the first %d bytes are taken for a snapshot", n)
		}
	}
}

func TestKnows(t *testing.T) {
	s := sample()
	for _, c := range []struct {
		database string
		part     snapshot.Part
		want     string
	}{
		{"", snapshot.PartVerifiers, "no superuser"},
		{"", snapshot.PartRoles, ""},
		{"a", snapshot.PartRelations, ""},
		{"b", snapshot.PartRelations, "closed"},
		{"c", snapshot.PartRelations, "nobody looked into the database"},
	} {
		if got := s.WhyUnread(c.database, c.part); got != c.want || s.KnowsIn(c.database, c.part) != (c.want == "") {
			t.Errorf("%s in %q: %q, want %q", c.part, c.database, got, c.want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	var b bytes.Buffer
	if err := snapshot.Encode(&b, sample()); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := snapshot.Decode(text)
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := snapshot.Encode(&out, s); err != nil {
			t.Fatal(err)
		}
	})
}
