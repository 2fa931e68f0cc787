package localpg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"landlord/internal/run"
)

const (
	readyTimeout     = 60 * time.Second // recovery after a crash included
	fastTimeout      = 30 * time.Second // a checkpoint included
	immediateTimeout = 10 * time.Second // the postmaster itself gives its children 5 s
	reloadTimeout    = 10 * time.Second
	pollInterval     = 3 * time.Millisecond
)

// errPortTaken says that somebody else listens on our port by now.
var errPortTaken = errors.New("the port is taken")

// Start starts the server, and waits until it takes connections. An error
// tells what the server's log says.
func (s *Server) Start(ctx context.Context) error {
	if s.running() {
		return fmt.Errorf("start the server in %s: it runs already, as process %d", s.opts.Dir, s.Pid())
	}
	const tries = 5
	err := s.launch(ctx)
	for range tries {
		if !errors.Is(err, errPortTaken) {
			break
		}
		if err = s.choosePort(); err != nil {
			break
		}
		err = s.launch(ctx)
	}
	if err != nil {
		return fmt.Errorf("start the server in %s: %w", s.opts.Dir, err)
	}
	return nil
}

func (s *Server) running() bool {
	if s.proc == nil {
		return false
	}
	select {
	case <-s.proc.Done():
		return false
	default:
		return true
	}
}

func (s *Server) launch(ctx context.Context) error {
	if err := s.writeSettings(); err != nil {
		return err
	}
	log, err := os.OpenFile(s.LogFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	seen := s.logSize()
	// SIGQUIT is an immediate shutdown: were only the postmaster killed, its
	// children would go on until the end of what they are doing.
	s.proc, err = run.Start(run.Spec{
		Name: filepath.Join(s.BinDir(), "postgres"),
		Args: []string{"-D", s.DataDir()},
		Env:  s.opts.Install.env(),
		Dir:  "/",
		User: s.user.cred,
	}, log, syscall.SIGQUIT)
	if err != nil {
		return err
	}
	if err := s.waitReady(ctx); err != nil {
		said := s.logSince(seen)
		err = errors.Join(err, s.StopImmediate())
		if bytes.Contains(said, []byte("could not bind IPv4 address")) {
			return fmt.Errorf("%d: %w", s.port, errPortTaken)
		}
		return fmt.Errorf("%w; its log says:\n%s", err, bytes.TrimSpace(said))
	}
	return nil
}

// waitReady waits for the word "ready" in the eighth line of postmaster.pid,
// as pg_ctl does.
func (s *Server) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, readyTimeout, fmt.Errorf("not ready after %v", readyTimeout))
	defer cancel()
	return s.poll(ctx, func() bool {
		lines := s.pidFile()
		return len(lines) > 7 && lines[0] == strconv.Itoa(s.Pid()) && strings.TrimSpace(lines[7]) == "ready"
	})
}

// poll waits until done says so, the context or the server ends.
func (s *Server) poll(ctx context.Context, done func() bool) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for !done() {
		select {
		case <-s.proc.Done():
			return fmt.Errorf("the server has ended: %w", s.proc.Wait())
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
	return nil
}

// Reload makes the server read its configuration files, pg_hba.conf among
// them, again. When it returns, they hold for every new connection. Whether
// they were right is for the caller to look up (pg_hba_file_rules,
// pg_file_settings): the server keeps what it had where they are not.
func (s *Server) Reload(ctx context.Context) error {
	seen := s.logSize()
	if s.proc == nil {
		return fmt.Errorf("reload the server in %s: it is not running", s.opts.Dir)
	}
	if err := s.proc.Signal(syscall.SIGHUP); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, reloadTimeout, fmt.Errorf("no word of it in the log after %v", reloadTimeout))
	defer cancel()
	// The postmaster says this, then reads the files, and only then goes on
	// to the next connection.
	err := s.poll(ctx, func() bool {
		return bytes.Contains(s.logSince(seen), []byte("received SIGHUP, reloading configuration files"))
	})
	if err != nil {
		return fmt.Errorf("reload the server in %s: %w", s.opts.Dir, err)
	}
	return nil
}

// Stop ends the server in good order: it rolls back what is open, closes all
// sessions and writes a checkpoint ("fast"). A server that takes too long gets
// the immediate shutdown. It is no error when the server is not running.
func (s *Server) Stop() error {
	return s.stop(syscall.SIGINT, fastTimeout, s.StopImmediate)
}

// StopImmediate ends the server without a checkpoint; it will recover at its
// next start.
func (s *Server) StopImmediate() error {
	return s.stop(syscall.SIGQUIT, immediateTimeout, s.Kill9)
}

func (s *Server) stop(sig syscall.Signal, timeout time.Duration, otherwise func() error) error {
	if s.proc == nil {
		return nil
	}
	err := s.proc.Stop(sig, timeout)
	if errors.Is(err, run.ErrTimeout) {
		return otherwise()
	}
	if err == nil {
		s.proc = nil
	}
	return err
}

// Restart stops the server in good order and starts it again, on the same
// port unless somebody else took it in between.
func (s *Server) Restart(ctx context.Context) error {
	if err := s.Stop(); err != nil {
		return err
	}
	return s.Start(ctx)
}

// Kill9 kills the server and all its children at once: a crash.
func (s *Server) Kill9() error {
	if s.proc == nil {
		return nil
	}
	// A stopped postmaster forks no more children, and does not wait for
	// those it has: so their ids stay theirs until all are killed.
	err := s.proc.Signal(syscall.SIGSTOP)
	err = errors.Join(err, killAll(s.Pid()), s.proc.Stop(syscall.SIGKILL, immediateTimeout))
	s.proc = nil
	return err
}

// killAll kills the children of a stopped process, until none is alive.
func killAll(parent int) error {
	for deadline := time.Now().Add(immediateTimeout); time.Now().Before(deadline); time.Sleep(pollInterval) {
		alive := children(parent)
		if len(alive) == 0 {
			return nil
		}
		for _, pid := range alive {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("kill process %d: %w", pid, err)
			}
		}
	}
	return fmt.Errorf("children of process %d outlived SIGKILL: %v", parent, children(parent))
}

// children returns the processes, zombies apart, whose parent is given. A
// server's are in process groups of their own, so no single signal reaches
// them.
func children(parent int) []int {
	var pids []int
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, stat := range stats {
		text, err := os.ReadFile(stat)
		if err != nil {
			continue // it has ended meanwhile
		}
		// pid (name) state ppid …; the name may hold anything, a ) too.
		fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
		if len(fields) < 2 || string(fields[0]) == "Z" || string(fields[1]) != strconv.Itoa(parent) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(stat))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// removeSharedMemory removes the one thing that a crashed server leaves outside
// its directory: the System V segment by which it sees that it runs already.
// It is named in postmaster.pid, which a server that has stopped well removes.
func (s *Server) removeSharedMemory() {
	lines := s.pidFile()
	if len(lines) < 7 {
		return
	}
	if words := strings.Fields(lines[6]); len(words) == 2 { // key and id
		_, _, _ = run.Command(context.Background(), run.Spec{Name: "ipcrm", Args: []string{"--shmem-id", words[1]}, User: s.user.cred})
	}
}

// pidFile returns the lines of the server's postmaster.pid.
func (s *Server) pidFile() []string { return PidFile(s.DataDir()) }

// PidFile returns the lines of a data directory's postmaster.pid (miscadmin.h,
// LOCK_FILE_LINE_…), none where there is no such file, or it cannot be read.
func PidFile(data string) []string {
	text, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return nil
	}
	return strings.Split(string(text), "\n")
}

func (s *Server) logSize() int {
	info, err := os.Stat(s.LogFile())
	if err != nil {
		return 0
	}
	return int(info.Size())
}

func (s *Server) logSince(offset int) []byte {
	text, err := os.ReadFile(s.LogFile())
	if err != nil || len(text) < offset {
		return nil
	}
	return text[offset:]
}
