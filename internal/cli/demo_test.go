package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"landlord/internal/pgtest"
	"landlord/internal/run"
)

// Ctrl-C ends the demo well and leaves no server and no directory of one; a
// demo that is killed leaves no server either.
func TestDemoEnds(t *testing.T) {
	t.Parallel()
	if len(pgtest.Majors()) == 0 {
		t.Skip("no PostgreSQL is installed")
	}
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
		t.Run(sig.String(), func(t *testing.T) {
			tmp, err := os.MkdirTemp("", "demo") // which the server's user may enter
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(tmp) })
			if err := os.Chmod(tmp, 0o755); err != nil {
				t.Fatal(err)
			}
			out, err := os.Create(filepath.Join(tmp, "out"))
			if err != nil {
				t.Fatal(err)
			}
			defer out.Close()
			p, err := run.Start(run.Spec{Name: "landlord", Args: []string{"demo", "--dir", filepath.Join(tmp, "demo")}, Env: append(os.Environ(), "TMPDIR="+tmp)}, out, syscall.SIGKILL)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = p.Stop(syscall.SIGKILL, 10*time.Second) })
			if text := waitFor(t, out.Name(), "press Ctrl-C", p.Done()); strings.Contains(text, "\x1b") {
				t.Errorf("escape codes, and no terminal:\n%s", text)
			}
			if len(workingIn(tmp)) == 0 {
				t.Fatal("no server is running")
			}
			if err := p.Stop(sig, 30*time.Second); err != nil {
				t.Fatal(err)
			}
			if err := p.Wait(); sig != syscall.SIGKILL && err != nil {
				t.Error(err)
			}
			for deadline := time.Now().Add(20 * time.Second); len(workingIn(tmp)) > 0; time.Sleep(20 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("still running: %v", workingIn(tmp))
				}
			}
			left, _ := filepath.Glob(filepath.Join(tmp, "landlord-demo-*"))
			if sig != syscall.SIGKILL && len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// waitFor waits until a file holds a text.
func waitFor(t *testing.T, file, want string, gone <-chan struct{}) string {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), want) {
			return string(text)
		}
		select {
		case <-gone:
			t.Fatalf("it has ended:\n%s", text)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("never said %q:\n%s", want, text)
		}
	}
}

// workingIn are the processes whose working directory is below a directory, as
// those of a server are.
func workingIn(dir string) (pids []string) {
	links, _ := filepath.Glob("/proc/[0-9]*/cwd")
	for _, link := range links {
		if cwd, err := os.Readlink(link); err == nil && strings.HasPrefix(cwd, dir) {
			pids = append(pids, filepath.Base(filepath.Dir(link)))
		}
	}
	return pids
}
