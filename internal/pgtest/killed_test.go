package pgtest_test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"landlord/internal/pgtest"
	"landlord/internal/run"
)

// killedEnv names the major with which TestToBeKilled plays the victim.
const killedEnv = "LANDLORD_PGTEST_KILLED"

// TestToBeKilled starts a server with a busy session and waits to be killed.
func TestToBeKilled(t *testing.T) {
	major, err := strconv.Atoi(os.Getenv(killedEnv))
	if err != nil {
		t.Skip("it is run by TestNothingIsLeftAfterKill")
	}
	s := pgtest.Start(t, major)
	conn := s.Connect(t, "", "")
	go func() {
		time.Sleep(200 * time.Millisecond) // for the next statement to begin
		fmt.Println("DATA", s.DataDir())
	}()
	_, _ = conn.Exec(t.Context(), "SELECT pg_sleep(60)")
}

func TestNothingIsLeftAfterKill(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("only Linux knows a parent-death signal")
	}
	for _, major := range pgtest.Majors() {
		t.Run(strconv.Itoa(major), func(t *testing.T) {
			victim, data := startVictim(t, major)
			if n := len(processesIn(data)); n < 4 {
				t.Fatalf("only %d processes in %s", n, data)
			}
			if err := victim.Stop(syscall.SIGKILL, 10*time.Second); err != nil {
				t.Fatal(err)
			}
			waitEmpty(t, data)

			scratch := filepath.Dir(filepath.Dir(data))
			pgtest.Sweep()
			if _, err := os.Stat(scratch); err != nil {
				t.Fatalf("swept too early: %v", err)
			}
			old := time.Now().Add(-time.Hour)
			if err := os.Chtimes(filepath.Join(scratch, "lock"), old, old); err != nil {
				t.Fatal(err)
			}
			pgtest.Sweep()
			if _, err := os.Stat(scratch); !os.IsNotExist(err) {
				t.Errorf("%s is still there: %v", scratch, err)
			}
		})
	}
}

func TestSweepSparesWhatIsInUse(t *testing.T) {
	majors := pgtest.Majors()
	if len(majors) == 0 {
		t.Skip("no PostgreSQL is installed")
	}
	s := pgtest.Start(t, majors[0])
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(filepath.Dir(s.Dir()), "lock"), old, old); err != nil {
		t.Fatal(err)
	}
	pgtest.Sweep()
	s.Exec(t, "", "CHECKPOINT")
}

// startVictim runs this test binary once more, and returns it together with
// the data directory of its server.
func startVictim(t *testing.T, major int) (*run.Process, string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	victim, err := run.Start(run.Spec{
		Name: self,
		Args: []string{"-test.run=^TestToBeKilled$"},
		Env:  append(os.Environ(), killedEnv+"="+strconv.Itoa(major)),
	}, w, syscall.SIGKILL)
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	var said []string
	for lines := bufio.NewScanner(r); lines.Scan(); {
		if data, ok := strings.CutPrefix(lines.Text(), "DATA "); ok {
			return victim, data
		}
		said = append(said, lines.Text())
	}
	t.Fatalf("the victim did not start its server:\n%s", strings.Join(said, "\n"))
	return nil, ""
}

// processesIn returns the processes that work in a directory, as all of a
// server's do.
func processesIn(dir string) []string {
	var pids []string
	links, _ := filepath.Glob("/proc/[0-9]*/cwd")
	for _, link := range links {
		if cwd, err := os.Readlink(link); err == nil && strings.HasPrefix(cwd, dir) {
			pids = append(pids, filepath.Base(filepath.Dir(link)))
		}
	}
	return pids
}

func waitEmpty(t *testing.T, dir string) {
	t.Helper()
	for range 1000 {
		if len(processesIn(dir)) == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("still running in %s: %v", dir, processesIn(dir))
}
