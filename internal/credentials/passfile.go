package credentials

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// PassFile keeps passwords in a pgpass file (`secrets: {file: …}`), which
// libpq reads too.
type PassFile struct {
	// Path is the file, mode 0600. It is made where it is missing.
	Path string
}

// Store puts the settings' password into the file, in place of the one that
// it has for the same host, port, database and user. All other lines stay.
// Landlords that store at the same time wait for each other, as long as ctx
// lasts.
func (p PassFile) Store(ctx context.Context, s Settings) error {
	if err := s.check(); err != nil {
		return fmt.Errorf("%s: login %q: %w", p.Path, s.User, err)
	}
	entries, err := passEntries(s)
	if err != nil {
		return fmt.Errorf("%s: login %q: %w", p.Path, s.User, err)
	}
	unlock, err := lock(ctx, p.Path)
	if err != nil {
		return err
	}
	defer unlock()
	before, err := p.read()
	if err != nil {
		return err
	}
	after := before
	for _, e := range entries {
		after = upsertPass(after, e)
	}
	if after == before {
		return nil
	}
	return WriteFile(p.Path, []byte(after))
}

// Lookup finds the password of a login as libpq would; ok is false where the
// file is missing or does not have it. Like libpq, it does not read a file
// that is open to others; unlike libpq, it says so.
func (p PassFile) Lookup(_ context.Context, s Settings) (secret Secret, ok bool, err error) {
	content, err := p.read()
	if err != nil {
		return Secret{}, false, err
	}
	for _, host := range s.hosts() {
		password, ok := lookupPass(content, entry{host, s.port(), s.Database, s.User})
		if ok && password != "" {
			return NewSecret(password), true, nil
		}
	}
	return Secret{}, false, nil
}

func (p PassFile) read() (string, error) {
	switch err := checkPrivate(p.Path); {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case err != nil:
		return "", err
	}
	content, err := os.ReadFile(p.Path)
	return string(content), err
}
