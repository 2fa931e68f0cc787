package hba_test

import (
	"testing"

	"landlord/internal/hba"
)

func TestRedact(t *testing.T) {
	for text, want := range map[string]string{
		"host a b all md5\n":                                              "host a b all md5\n",
		"host a b all ldap ldapbindpasswd=s3 ldaptls=1\n":                 `host a b all ldap ldapbindpasswd=*** ldaptls=1` + "\n",
		`host a b all ldap ldapbindpasswd="s 3" ldaptls=1`:                `host a b all ldap ldapbindpasswd=*** ldaptls=1`,
		`host a b all ldap "ldapbindpasswd=s ""3" ldaptls=1`:              `host a b all ldap "ldapbindpasswd=***" ldaptls=1`,
		`host a b all radius radiussecrets="""a"",""b""" # x`:             `host a b all radius radiussecrets=*** # x`,
		"host a b all ldap ldapbindpasswd= ldaptls=1":                     "host a b all ldap ldapbindpasswd= ldaptls=1",
		`host a b all radius "radiussecrets=""a b"",""c""" radiusports=1`: `host a b all radius "radiussecrets=***" radiusports=1`,
	} {
		if got := hba.Redact(text); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", text, got, want)
		}
	}
}
