package cli

import (
	gobytes "bytes"
	"context"
	"errors"
	"fmt"

	"landlord/internal/heap"
	"landlord/internal/spec"
	"landlord/internal/spec/specfile"
	"landlord/internal/tenant"
)

// draft is a change of the spec that is not written yet. It is written when the
// server is about to be changed, under landlord's lock: what cannot be done there
// must not stand in the spec, where it would be in the way of every later apply;
// and what is killed must, so that the next apply goes on.
type draft struct {
	file   string
	change spec.Change
	// orGone says that a tenant whom the spec does not have is well, too.
	orGone bool
	// text is what edited was made of.
	text   []byte
	edited spec.Edited
	// written says that the file has it.
	written bool
}

// read makes the change of what stands in the file.
func (d *draft) read() error {
	text, err := readSpec(d.file)
	if err != nil {
		return err
	}
	_, err = d.make(text)
	return err
}

// make makes the change of a text.
func (d *draft) make(text []byte) ([]byte, error) {
	if d.text != nil && gobytes.Equal(d.text, text) {
		return d.edited.Text, nil
	}
	edited, err := spec.Edit(d.file, text, d.change)
	switch {
	case d.orGone && errors.Is(err, spec.ErrUnknownTenant):
		return text, nil
	case err != nil:
		return nil, usageError{err}
	}
	heap.Fit(len(edited.After.Tenants))
	d.text, d.edited = text, edited
	return edited.Text, nil
}

// now is a refresh: the spec as it is now, with the change.
func (d *draft) now(context.Context) (tenant.Estate, error) {
	if err := d.read(); err != nil {
		return tenant.Estate{}, err
	}
	return d.edited.After, nil
}

// write writes the change into the file, if it is not there yet.
func (d *draft) write() error {
	if d.written {
		return nil
	}
	err := specfile.Update(d.file, d.make)
	if _, ok := err.(usageError); err != nil && !ok {
		err = usageError{err}
	}
	d.written = err == nil
	return err
}

// unwrite takes the change out of the file again: the server did not take it. What
// somebody else has written meanwhile stays.
func (d *draft) unwrite() error {
	if !d.written {
		return nil
	}
	err := specfile.Update(d.file, func(now []byte) ([]byte, error) {
		if gobytes.Equal(now, d.edited.Text) {
			return d.text, nil
		}
		return spec.Revert(d.file, now, d.edited, d.change)
	})
	if err != nil {
		return fmt.Errorf("%s has the change that the server did not take: take it out by hand: %w", d.file, err)
	}
	d.written = false
	return nil
}
