package pgtest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"landlord/internal/localpg"
	"landlord/internal/pgtest"
)

func TestEachStartsTheMajor(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		start := time.Now()
		var num int
		var super bool
		err := s.Connect(t, "", "").QueryRow(t.Context(),
			`SELECT current_setting('server_version_num')::int, rolsuper FROM pg_roles WHERE rolname = current_user`).Scan(&num, &super)
		if err != nil {
			t.Fatal(err)
		}
		if num/10000 != s.Major() || !super {
			t.Errorf("got version %d, superuser %t; want major %d and a superuser", num, super, s.Major())
		}
		t.Logf("connected in %v", time.Since(start))
	})
}

func TestExecConnectAndLog(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		s.Exec(t, "", "CREATE DATABASE shop", "CREATE ROLE clerk LOGIN")
		s.Exec(t, "shop", "CREATE TABLE a (n int); INSERT INTO a VALUES (1)", "GRANT SELECT ON a TO clerk")
		var n int
		if err := s.Connect(t, "shop", "clerk").QueryRow(t.Context(), "SELECT n FROM a").Scan(&n); err != nil || n != 1 {
			t.Errorf("got %d, %v", n, err)
		}
		if log := s.Log(t); !strings.Contains(log, "CREATE DATABASE shop") {
			t.Errorf("the log lacks the statement:\n%s", log)
		}
	}, pgtest.WithTrust(), pgtest.WithSettings(map[string]string{"log_statement": "all"}))
}

func TestSetHBAHoldsForTheNextConnection(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		s.Exec(t, "", "CREATE ROLE clerk LOGIN")
		for range 5 {
			s.SetHBA(t, localpg.DefaultHBA+"local all clerk trust\n")
			s.Connect(t, "", "clerk")
			s.SetHBA(t, localpg.DefaultHBA)
			if err := pgtest.TryConnect(t, s, "postgres", "clerk"); err == nil {
				t.Fatal("clerk came in")
			}
		}
		s.SetHBA(t, "local all all reject\n")
		if err := pgtest.TryConnect(t, s, "postgres", "postgres"); err == nil {
			t.Fatal("postgres came in")
		}
		s.SetHBA(t, localpg.DefaultHBA)
		s.Connect(t, "", "")
	})
}

func TestSetHBARefusesErrors(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		err := pgtest.TrySetHBA(t, s, localpg.DefaultHBA+"local all all nonsense\n")
		if err == nil || !strings.Contains(err.Error(), "line 2: invalid authentication method") {
			t.Errorf("got %v", err)
		}
		s.SetHBA(t, localpg.DefaultHBA)
	})
}

func TestMajorsCanBeChosen(t *testing.T) {
	t.Setenv("LANDLORD_MAJORS", "15, 18")
	if diff := cmp.Diff([]int{15, 18}, pgtest.Majors()); diff != "" {
		t.Error(diff)
	}
}

func TestAllMajorsInCI(t *testing.T) {
	t.Setenv("LANDLORD_MAJORS", "")
	t.Setenv("CI", "true")
	if diff := cmp.Diff(pgtest.Supported, pgtest.Majors()); diff != "" {
		t.Error(diff)
	}
}
