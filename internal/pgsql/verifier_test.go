package pgsql

import (
	"crypto/md5"
	"encoding/hex"
	"testing"
)

func md5Hex(text string) string {
	sum := md5.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}

func TestVerifier(t *testing.T) {
	scram, err := scramVerifier("acme_app", []byte("0123456789abcdef"), 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		text, role, kind string
		iterations       int
		isName           bool
	}{
		{"", "acme_app", "none", 0, false},
		{"md55bb5f2d2ccaf9c0a4f9e1fb8eb1a9f8e", "acme_app", "md5", 0, false},
		{"md5" + md5Hex("acme_appacme_app"), "acme_app", "md5", 0, true},
		{"md5" + md5Hex("acme_appacme_app"), "acme_ap", "md5", 0, false},
		{scram, "acme_app", "scram-sha-256", 1000, true},
		{scram, "globex_app", "scram-sha-256", 1000, false},
		{"SCRAM-SHA-256$x:y$z:z", "acme_app", "unknown", 0, false},
		{"plain", "plain", "unknown", 0, false},
	} {
		v := ParseVerifier(c.text)
		if v.Kind != c.kind || v.Iterations != c.iterations || v.Is(c.role, c.role) != c.isName {
			t.Errorf("%q of %s: %s, %d iterations, the role's name: %t", c.text, c.role, v.Kind, v.Iterations, v.Is(c.role, c.role))
		}
	}
}
