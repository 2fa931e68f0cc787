package run_test

import (
	"bufio"
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"landlord/internal/run"
)

func sh(script string) run.Spec {
	return run.Spec{Name: "sh", Args: []string{"-c", script}}
}

func TestCommandReturnsWhatItWrote(t *testing.T) {
	spec := sh(`cat; echo "$WORD"; pwd; echo talk >&2`)
	spec.Stdin = strings.NewReader("in\n")
	spec.Env = []string{"WORD=env"}
	spec.Dir = "/"
	stdout, stderr, err := run.Command(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("in\nenv\n/\n", string(stdout)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff("talk\n", string(stderr)); diff != "" {
		t.Error(diff)
	}
}

func TestErrorTellsStatusAndStderrButNoSecret(t *testing.T) {
	spec := sh("cat >/dev/null; echo sorry >&2; exit 7 # argument-secret")
	spec.Stdin = strings.NewReader("stdin-secret")
	spec.Env = []string{"PASSWORD=env-secret"}
	_, _, err := run.Command(t.Context(), spec)
	if diff := cmp.Diff("sh: exit status 7: sorry", err.Error()); diff != "" {
		t.Error(diff)
	}
	e, ok := errors.AsType[*run.Error](err)
	if !ok || e.Code != 7 || e.Name != "sh" || e.Stderr != "sorry" {
		t.Errorf("got %#v", err)
	}
}

func TestErrorOfWhatCannotStart(t *testing.T) {
	for name, want := range map[string]string{
		"landlord-no-such-program": "landlord-no-such-program: executable file not found in $PATH",
		"/no/such/program":         "/no/such/program: no such file or directory",
	} {
		_, _, err := run.Command(t.Context(), run.Spec{Name: name})
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
		if _, err := run.Start(run.Spec{Name: name}, nil, syscall.SIGTERM); err == nil || err.Error() != want {
			t.Errorf("Start: got %v, want %s", err, want)
		}
	}
}

func TestErrorKeepsTheTailOfStderr(t *testing.T) {
	_, _, err := run.Command(t.Context(), sh(`i=0; while [ $i -lt 2000 ]; do echo "line $i" >&2; i=$((i+1)); done; exit 1`))
	e, ok := errors.AsType[*run.Error](err)
	if !ok || len(e.Stderr) > 5000 || !strings.HasPrefix(e.Stderr, "… line ") || !strings.HasSuffix(e.Stderr, "\nline 1999") {
		t.Errorf("got %v", err)
	}
}

func TestCancelEndsTheWholeGroup(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	spec := sh("sleep 600 & echo $!; sleep 600 & echo $!; wait")
	spec.Stdout = w
	ended := make(chan error)
	go func() {
		_, _, err := run.Command(ctx, spec)
		ended <- err
	}()
	lines := bufio.NewReader(r)
	pids := []int{readPid(t, lines), readPid(t, lines)}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	for _, pid := range pids {
		waitGone(t, pid)
	}
}

func TestUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can run a program as somebody else")
	}
	spec := sh("id -u; id -g; id -G")
	spec.User = &run.Credential{UID: 65534, GID: 65533}
	stdout, _, err := run.Command(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("65534\n65533\n65533\n", string(stdout)); diff != "" {
		t.Error(diff)
	}
}

func TestStartAndStop(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	p, err := run.Start(sh("trap 'exit 3' TERM; echo $$; while :; do sleep 0.01; done"), w, syscall.SIGKILL)
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	readPid(t, bufio.NewReader(r)) // the trap is set
	if err := p.Stop(syscall.SIGCONT, 50*time.Millisecond); !errors.Is(err, run.ErrTimeout) {
		t.Errorf("got %v, want a timeout", err)
	}
	if err := p.Stop(syscall.SIGTERM, time.Minute); err != nil {
		t.Fatal(err)
	}
	if e, ok := errors.AsType[*run.Error](p.Wait()); !ok || e.Code != 3 {
		t.Errorf("got %v, want exit status 3", p.Wait())
	}
	if err := p.Signal(syscall.SIGTERM); err != nil {
		t.Errorf("signal after the end: %v", err)
	}
}

func TestStartWritesToTheFile(t *testing.T) {
	out, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	p, err := run.Start(sh("echo out; echo err >&2"), out, syscall.SIGTERM)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(); err != nil {
		t.Fatal(err)
	}
	text, _ := os.ReadFile(out.Name())
	if diff := cmp.Diff("out\nerr\n", string(text)); diff != "" {
		t.Error(diff)
	}
}

// parentEnv makes TestMain start a child of each kind and wait to be killed.
const parentEnv = "LANDLORD_RUN_TEST_PARENT"

func TestMain(m *testing.M) {
	if os.Getenv(parentEnv) == "" {
		os.Exit(m.Run())
	}
	p, err := run.Start(run.Spec{Name: "sleep", Args: []string{"60"}}, nil, syscall.SIGTERM)
	if err != nil {
		panic(err)
	}
	os.Stdout.WriteString(strconv.Itoa(p.Pid()) + "\n")
	script := "echo $$ >" + os.Getenv(parentEnv) + "; exec sleep 60"
	_, _, _ = run.Command(context.Background(), sh(script))
}

func TestChildrenDieWithUs(t *testing.T) {
	fifo := t.TempDir() + "/pid"
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	parent, err := run.Start(run.Spec{Name: self, Env: append(os.Environ(), parentEnv+"="+fifo)}, w, syscall.SIGKILL)
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	command, err := os.Open(fifo)
	if err != nil {
		t.Fatal(err)
	}
	defer command.Close()
	pids := []int{readPid(t, bufio.NewReader(r)), readPid(t, bufio.NewReader(command))}
	if err := parent.Stop(syscall.SIGKILL, 10*time.Second); err != nil {
		t.Fatal(err)
	}
	for _, pid := range pids {
		waitGone(t, pid)
	}
}

func readPid(t *testing.T, from *bufio.Reader) int {
	t.Helper()
	line, err := from.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func waitGone(t *testing.T, pid int) {
	t.Helper()
	for range 6000 {
		// An orphan that nobody reaps stays a zombie: that is gone, too.
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("process %d outlived its parent", pid)
}
