// Package run starts other programs. It is the only package of landlord that
// imports os/exec, so that one place decides what a child process inherits,
// how it ends with its parent, and what of it may appear in an error.
//
// Errors never hold a child's standard input, its environment or its
// arguments: secrets travel there.
package run

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// killDelay is how long a cancelled command may take to end on SIGTERM
// before it gets SIGKILL.
const killDelay = 5 * time.Second

// tailSize is how many bytes of standard error an [Error] keeps.
const tailSize = 4096

// Credential is the operating system's user and group to run a program as.
// Supplementary groups are dropped. Only root may ask for another user.
type Credential struct {
	UID, GID uint32
}

// Spec says what to run.
type Spec struct {
	Name  string    // a path, or a name to look up in PATH
	Args  []string  // without the name; visible to every user of the machine: no secrets
	Env   []string  // the whole environment; nil inherits ours
	Dir   string    // working directory; empty for ours
	Stdin io.Reader // nil for /dev/null
	// Stdout gets what the program writes; nil: it is returned.
	Stdout *os.File
	User   *Credential // nil for ourselves
}

// Error is a program that could not be started or did not end well.
type Error struct {
	Name   string // the program
	Code   int    // exit status; -1 if it was ended by a signal or not started
	Stderr string // the last lines it wrote to standard error
	Err    error  // what the operating system said
}

func (e *Error) Error() string {
	msg := fmt.Sprintf("%s: %v", e.Name, e.Err)
	if e.Stderr == "" {
		return msg
	}
	return msg + ": " + e.Stderr
}

// Unwrap returns the operating system's error, or the context's where the
// program was ended because of it.
func (e *Error) Unwrap() error { return e.Err }

// Command runs a program to its end and returns what it wrote. The program and
// its children end with the context: SIGTERM, and SIGKILL five seconds later.
// They also get SIGTERM when landlord itself is killed (on Linux).
// An error is always an [*Error].
func Command(ctx context.Context, spec Spec) (stdout, stderr []byte, err error) {
	var out, errOut bytes.Buffer
	cmd := command(ctx, spec, syscall.SIGTERM)
	cmd.Stdin = spec.Stdin
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if spec.Stdout != nil {
		cmd.Stdout = spec.Stdout
	}

	// The parent-death signal is sent when the thread that forked ends, so
	// that thread must outlive the child.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err = cmd.Run()
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return out.Bytes(), errOut.Bytes(), newError(spec.Name, cmd.ProcessState, errOut.String(), err)
}

func command(ctx context.Context, spec Spec, onDeath syscall.Signal) *exec.Cmd {
	cmd := exec.CommandContext(ctx, spec.Name, spec.Args...)
	cmd.Env, cmd.Dir = spec.Env, spec.Dir
	cmd.SysProcAttr = procAttr(onDeath)
	// A group of its own: a Ctrl-C on the terminal reaches landlord alone,
	// which then ends its children in good order.
	cmd.SysProcAttr.Setpgid = true
	if spec.User != nil {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: spec.User.UID, Gid: spec.User.GID}
	}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = killDelay
	return cmd
}

func newError(name string, state *os.ProcessState, stderr string, err error) error {
	if err == nil {
		return nil
	}
	code := -1
	if state != nil {
		code = state.ExitCode()
	}
	// These two name the program a second time.
	if pathErr, ok := errors.AsType[*os.PathError](err); ok {
		err = pathErr.Err
	}
	if lookErr, ok := errors.AsType[*exec.Error](err); ok {
		err = lookErr.Err
	}
	return &Error{Name: name, Code: code, Stderr: tail(stderr), Err: err}
}

// tail returns the last whole lines of s that fit in tailSize bytes.
func tail(s string) string {
	s = strings.TrimSpace(s)
	if len(s) <= tailSize {
		return s
	}
	s = s[len(s)-tailSize:]
	if _, rest, ok := strings.Cut(s, "\n"); ok {
		s = rest
	}
	return "… " + s
}

// Systemd says whether systemd manages this machine (sd_booted(3)).
func Systemd() bool {
	info, err := os.Stat("/run/systemd/system")
	return err == nil && info.IsDir()
}
