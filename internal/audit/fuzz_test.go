package audit

import (
	"regexp"
	"testing"
)

var placed = regexp.MustCompile(`^[^\n]*:[0-9]+: `)

// FuzzBouncer: a mistake has its place, and what is read is judged.
func FuzzBouncer(f *testing.F) {
	f.Add("[databases]\n* = host=h user='a ''b'\n[pgbouncer]\nauth_type = any\nadmin_users = a, b\n", "\"a\" \"md5aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"\n")
	f.Add("%include x\n[users]\na = pool_mode=session\n", "\"a\"\"b\" \"hidden\" ; c\n")
	f.Add("[databases]\nx = auth_query=SELECT 1\n; c\n[pgbouncer]\nauth_user=postgres\n", "")
	f.Fuzz(func(t *testing.T, ini, users string) {
		b, err := ParseBouncer("b.ini", []byte(ini), func(string) ([]byte, error) { return []byte(ini), nil })
		if err == nil {
			err = b.ParseUsers("users.txt", []byte(users))
		}
		if err != nil {
			if !placed.MatchString(err.Error()) {
				t.Fatalf("no place: %v", err)
			}
			return
		}
		Judge(Input{Name: "f", Bouncer: b, Pasted: true})
	})
}
