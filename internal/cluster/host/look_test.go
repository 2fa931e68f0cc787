package host

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"landlord/internal/cluster"
)

// TestUnreaped: a server that was killed is in the way of its start until its
// parent asks what became of it.
func TestUnreaped(t *testing.T) {
	data := t.TempDir()
	p, err := os.StartProcess("/bin/sleep", []string{"sleep", "600"}, &os.ProcAttr{})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, "postmaster.pid"), fmt.Appendf(nil, "%d\n%s\n", p.Pid, data), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := unreaped(data); got != 0 {
		t.Errorf("it runs, and is %d", got)
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	for unreaped(data) == 0 { // the kernel is at it
	}
	if got := unreaped(data); got != p.Pid {
		t.Errorf("killed: %d, and not %d", got, p.Pid)
	}
	wait := cluster.Op{Run: cluster.Reaped(cluster.Have{Unreaped: p.Pid})[0].Run}
	done := make(chan error, 1)
	go func() { done <- Do(t.Context(), wait) }()
	if _, err := p.Wait(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got := unreaped(data); got != 0 {
		t.Errorf("reaped: %d", got)
	}
	if got := unreaped(filepath.Join(data, "none")); got != 0 {
		t.Errorf("no server: %d", got)
	}
}
