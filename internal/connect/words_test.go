package connect

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWords(t *testing.T) {
	tests := map[string]map[string]string{
		`host=/run/pg port = 5433  user='o\'ne two'`:        {"host": "/run/pg", "port": "5433", "user": "o'ne two"},
		`postgres://u@db.example:5444/x?sslmode=require`:    {"host": "db.example", "port": "5444", "dbname": "x", "user": "u", "sslmode": "require"},
		`postgresql:///x?host=/run/pg`:                      {"host": "/run/pg", "dbname": "x"},
		``:                                                  {},
		`postgres://[::1]:5432,b/db`:                        {"host": "::1,b", "port": "5432", "dbname": "db"},
		`host=a\ b sslmode=verify-full sslrootcert=/ca.pem`: {"host": "a b", "sslmode": "verify-full", "sslrootcert": "/ca.pem"},
	}
	for in, want := range tests {
		got, err := Words(in)
		if err != nil {
			t.Errorf("Words(%q): %v", in, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Words(%q): %s", in, diff)
		}
	}
	for _, bad := range []string{"host", "host='a"} {
		if _, err := Words(bad); err == nil {
			t.Errorf("Words(%q): no error", bad)
		}
	}
}
