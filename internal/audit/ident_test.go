package audit

import (
	"slices"
	"strings"
	"testing"

	"landlord/internal/hba"
)

// codes are those of the findings that begin so.
func codes(in *Input, prefix string) []string {
	var list []string
	for _, f := range Judge(*in).Findings {
		if strings.HasPrefix(f.Code, prefix) {
			list = append(list, f.Code)
		}
	}
	return slices.Compact(list)
}

func TestMapsOfPgIdentConf(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"an OS user for each":               {"m acme_web acme\nm bolt_web bolt", nil},
		"the server's own user":             {"m postgres postgres\nm root postgres", nil},
		"the user that it runs as":          {"m ll_acme postgres", nil},
		"whoever is called so":              {`m /^(.*)$ \1`, nil},
		"an administrator":                  {"m alice postgres", []string{"ident-superuser"}},
		"one for all":                       {"m www-data acme\nm www-data bolt", []string{"ident-crosses"}},
		"a customer's name for another's":   {"m acme bolt", []string{"ident-crosses"}},
		"all":                               {"m www-data all", []string{"ident-superuser", "ident-crosses"}},
		"what a realm says":                 {`m /^(.*)@example\.com$ \1`, []string{"ident-superuser"}},
		"what a realm says, but superusers": {`m /^([a-o]+)@example\.com$ \1`, nil},
		"anywhere in a name":                {`m /acme acme`, []string{"ident-open"}},
		"another map":                       {"n www-data acme\nn www-data bolt", []string{"ident-missing"}},
	} {
		t.Run(name, func(t *testing.T) {
			in := clean()
			in.mapped(c.text)
			in.Snapshot.Session.ServerUser = "ll_acme"
			if got := codes(in, "ident"); !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

// TestServersUserNotKnown: where nobody tells as whom the server runs, as over TCP,
// a map for its own user is found, with what is not known of it; and where it is
// told, or the line is none by which the kernel tells who comes, that is not said.
func TestServersUserNotKnown(t *testing.T) {
	for name, c := range map[string]struct {
		runs, text  string
		found, says bool
	}{
		"not known":                       {"", "m ll_acme postgres", true, true},
		"it is that user":                 {"ll_acme", "m ll_acme postgres", false, false},
		"it is another":                   {"postgres", "m ll_acme postgres", true, false},
		"not known, but nobody's own":     {"", "m postgres postgres", false, false},
		"not known, and an expression":    {"", `m /^admin_.*$ postgres`, true, false},
		"not known, and a customer's map": {"", "m acme_web acme", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			in := clean()
			in.mapped(c.text)
			in.Snapshot.Session.ServerUser = c.runs
			found := slices.DeleteFunc(Judge(*in).Findings, func(f Finding) bool { return f.Code != "ident-superuser" })
			if (len(found) > 0) != c.found || c.found && strings.Contains(found[0].What, notKnownUser) != c.says {
				t.Errorf("%+v", found)
			}
		})
	}
}

// TestMapsNotKnown: where lines go by a map and nobody gave pg_ident.conf, that
// is said, and where none does it is not asked for.
func TestMapsNotKnown(t *testing.T) {
	in := clean()
	asked := func() bool {
		return slices.ContainsFunc(Judge(*in).NotKnown, func(n NotKnown) bool { return slices.Contains(n.Rules, "ident-superuser") })
	}
	if asked() {
		t.Error("no line goes by a map, and pg_ident.conf is asked for")
	}
	in.mapped("")
	in.Ident = nil
	if !asked() {
		t.Error("a line goes by a map, and pg_ident.conf is not asked for")
	}
}

func TestLinesThatAskOthers(t *testing.T) {
	for line, want := range map[string][]string{
		"hostssl acme acme 10.0.0.1/32 ldap ldapserver=x ldaptls=1 ldapprefix=cn=":                             nil,
		"hostssl acme acme 10.0.0.1/32 ldap ldapurl=ldaps://x/dc=a":                                            nil,
		"host acme acme 10.0.0.1/32 ldap ldapserver=x ldapscheme=ldaps ldapprefix=cn=":                         {"hba-clear"},
		"host acme acme 127.0.0.1/32 pam":                                                                      nil,
		"hostssl acme acme 10.0.0.1/32 trust clientcert=verify-full":                                           nil,
		"hostssl acme acme 10.0.0.1/32 trust clientcert=verify-ca":                                             {"hba-trust"},
		`hostssl acme acme 10.0.0.1/32 ldap ldapserver=x ldapbasedn="dc=a" ldapbinddn=b ldapbindpasswd=geheim`: {"hba-ldap"},
	} {
		in := clean()
		in.also(line)
		r := Judge(*in)
		var got []string
		for _, f := range r.Findings {
			if slices.Contains([]string{"hba-clear", "hba-ldap", "hba-radius", "hba-trust"}, f.Code) {
				got = append(got, f.Code)
			}
			if text := f.Key + f.What + f.Object.Name + f.Fix[0].Text; strings.Contains(text, "geheim") {
				t.Errorf("a secret is shown: %s", text)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", line, got, want)
		}
	}
}

func TestErrorsOfPgIdentConfAreItsOwn(t *testing.T) {
	in := clean()
	in.mapped("m www acme")
	in.Ident = hba.ParseIdent("pg_ident.conf", []byte("m www"), hba.Options{})
	if got := codes(in, "hba-error"); len(got) > 0 {
		t.Errorf("got %v", got)
	}
}
