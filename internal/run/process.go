package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"
)

// ErrTimeout says that a process was still there when the time was over.
var ErrTimeout = errors.New("still running")

// Process is a program that runs beside us until it ends or is stopped.
type Process struct {
	name    string
	process *os.Process   // a handle, which outlives the reuse of the id
	done    chan struct{} // closed when the process has been waited for
	err     error         // valid once done is closed
}

// Start runs a program in the background, with its standard output and
// standard error going to the file output (nil: nowhere). When landlord
// dies, however it dies, the process gets the signal onDeath (on Linux;
// elsewhere it stays).
func Start(spec Spec, output *os.File, onDeath syscall.Signal) (*Process, error) {
	p := &Process{name: spec.Name, done: make(chan struct{})}
	started := make(chan error)
	go p.run(spec, output, onDeath, started)
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// run is the whole life of the process, on one thread: the kernel sends the
// parent-death signal when the thread that forked ends, not the program.
func (p *Process) run(spec Spec, output *os.File, onDeath syscall.Signal, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := command(context.Background(), spec, onDeath)
	cmd.Stdin = spec.Stdin
	if output != nil {
		cmd.Stdout, cmd.Stderr = output, output
	}
	if err := cmd.Start(); err != nil {
		started <- newError(spec.Name, nil, "", err)
		return
	}
	p.process = cmd.Process
	started <- nil
	err := cmd.Wait()
	p.err = newError(spec.Name, cmd.ProcessState, "", err)
	close(p.done)
}

// Pid returns the process's id, which is its process group's too.
func (p *Process) Pid() int { return p.process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Wait waits for the end of the process and returns nil if its exit status
// was 0, else an [*Error]. Any number of callers may wait.
func (p *Process) Wait() error {
	<-p.done
	return p.err
}

// Signal sends a signal to the process (not to its group). It is no error
// when the process has ended already.
func (p *Process) Signal(sig syscall.Signal) error {
	if err := p.process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("%s: signal %v to process %d: %w", p.name, sig, p.Pid(), err)
	}
	return nil
}

// Stop sends a signal and waits for the process to end, at most for the
// given time; then the error is [ErrTimeout], and the process still runs.
// How the process ended (its exit status) is told by [Process.Wait].
func (p *Process) Stop(sig syscall.Signal, timeout time.Duration) error {
	if err := p.Signal(sig); err != nil {
		return err
	}
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-p.done:
		return nil
	case <-timer.C:
		return fmt.Errorf("%s: process %d, %v after signal %v: %w", p.name, p.Pid(), timeout, sig, ErrTimeout)
	}
}
