package landlord

import (
	"context"
	"errors"
	"fmt"

	"landlord/internal/apply"
	"landlord/internal/connect"
	"landlord/internal/tenant"
)

// VainError is a rotation that failed after it had begun to make a second login.
// The first goes on as before.
type VainError struct {
	// Login is the first, Second the other.
	Login, Second string
	// Command goes on with it.
	Command string
	Err     error
	// Stays says why the second login, which lets nobody in, could not be taken
	// back; nil: it is gone.
	Stays error
	// Unsure says that the server was lost just as the second login was opened.
	Unsure bool
}

func (e *VainError) Error() string {
	switch {
	case e.Stays == nil:
		return fmt.Sprintf("%v; its second login %s was taken back, and %s goes on as before", e.Err, e.Second, e.Login)
	case e.Unsure:
		return fmt.Sprintf("%v; %s goes on as before; whether its second login %s is open is not known: %v", e.Err, e.Login, e.Second, e.Stays)
	}
	return fmt.Sprintf("%v; %s goes on as before; its second login %s, by which nobody can log in, may have been made, and stays then: %v", e.Err, e.Login, e.Second, e.Stays)
}

func (e *VainError) Unwrap() error { return e.Err }

// Hint says what to do about it.
func (e *VainError) Hint() string {
	switch {
	case e.Unsure:
		return e.Command + " goes on with it if not, and says so if it is"
	case e.Stays != nil:
		return e.Command + " goes on with it"
	}
	var hinted interface{ Hint() string }
	if errors.As(e.Err, &hinted) {
		return hinted.Hint()
	}
	return "put that right, then run it again"
}

// giveUp ends a rotation that failed: a second login that it has made goes again,
// unless it is open. Then the server did all of it, and could not say so.
func (w *work) giveUp(ctx context.Context, twin tenant.Twin, failed error) (opened bool, err error) {
	connect.Close(w.conn) // or it might still be in its transaction
	w.conn = nil
	if err = ctx.Err(); err == nil && !w.lock.Still(ctx) {
		err = errors.New("the session with landlord's lock is gone")
	}
	if err == nil {
		w.conn, err = connect.Open(ctx, w.of.server.Connection, connect.Options{Application: apply.Application, Database: w.pool.Database})
	}
	if err == nil {
		err = w.see(ctx)
	}
	if err == nil {
		now, has := w.twin(twin.Of)
		if r := w.role(twin.Current()); has && now.Open && now.Old == twin.Old && r != nil && r.Verifier != "none" {
			return true, nil
		}
		w.made = w.made && has
	}
	if !w.made {
		return false, failed
	}
	if err == nil {
		sql := w.unmake(twin)
		if err = w.run(ctx, sql...); err == nil {
			err = w.record("apply", twin.Name, sql)
		}
	}
	_, unsure := errors.AsType[*unansweredError](failed)
	return false, &VainError{Unsure: unsure && err != nil, Login: twin.Of, Second: twin.Name, Err: failed, Stays: err, Command: w.of.command(twin.Of)}
}
