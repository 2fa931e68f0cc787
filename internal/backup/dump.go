// Package backup keeps what is about to go: it runs pg_dump, which does that
// best.
package backup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"landlord/internal/connect"
	"landlord/internal/localpg"
	"landlord/internal/pgsql"
	"landlord/internal/run"
)

// Dump says what is to be dumped, and whereto.
type Dump struct {
	Conninfo string
	Database string
	// Schemas limits the dump; nil: the whole database.
	Schemas []string
	// Path is the file to make, in pg_dump's custom format, mode 0600. It
	// must not be there yet.
	Path string
	// Version is the server's.
	Version pgsql.Version
	// Superuser says that the login of Conninfo is one.
	Superuser bool
}

// Error says why there is no dump.
type Error struct{ Reason, Next string }

func (e *Error) Error() string { return e.Reason }

// Hint says what to do about it.
func (e *Error) Hint() string { return e.Next }

// Able says why a server of this version cannot be dumped here, or nil.
func Able(ctx context.Context, server pgsql.Version) error {
	_, err := tool(ctx, "pg_dump", server)
	return err
}

// Write makes the dump, and reads its table of contents back before it
// counts: pg_restore must understand it.
func Write(ctx context.Context, d Dump) (bytes int64, err error) {
	pgDump, err := tool(ctx, "pg_dump", d.Version)
	if err != nil {
		return 0, err
	}
	words, err := connect.Words(d.Conninfo)
	if err != nil {
		return 0, err
	}
	words["options"] = strings.TrimSpace(words["options"] + " -c role=none -c search_path=pg_catalog")
	if d.Superuser && d.Version.Major() >= 17 { // no tenant's code at login
		words["options"] += " -c event_triggers=off"
	}
	args := []string{"--format=custom", "--dbname=" + conninfo(words, d.Database)}
	for _, s := range d.Schemas {
		args = append(args, "--schema="+exactly(s))
	}
	spec := run.Spec{Name: pgDump, Args: args}
	if spec.User, err = as(ctx, d.Conninfo); err != nil {
		return 0, err
	}
	if err := into(ctx, d.Path, spec); err != nil {
		return 0, fmt.Errorf("dumping database %s: %w", d.Database, err)
	}
	restore := filepath.Join(filepath.Dir(pgDump), "pg_restore")
	if _, _, err := run.Command(ctx, run.Spec{Name: restore, Args: []string{"--list", d.Path}}); err != nil {
		return 0, fmt.Errorf("reading the dump %s back: %w", d.Path, err)
	}
	info, err := os.Stat(d.Path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// as is the user of the system that the server lets in where it is not us.
func as(ctx context.Context, conninfo string) (*run.Credential, error) {
	account, err := connect.Peer(ctx, conninfo)
	if account == nil || err != nil {
		return nil, err
	}
	return &run.Credential{UID: uint32(account.UID), GID: uint32(account.GID)}, nil
}

// into runs a program with its output into a new file, which nobody else can
// read at any time. Where the program fails, there is no file.
func into(ctx context.Context, path string, spec run.Spec) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	spec.Stdout = f
	_, _, err = run.Command(ctx, spec)
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// conninfo is the connection string for another database. It holds no
// password: pg_dump finds it in PGPASSFILE, as landlord does.
func conninfo(words map[string]string, database string) string {
	words["dbname"] = database
	words["application_name"] = "landlord dump"
	keys := make([]string, 0, len(words))
	for k := range words {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	text := ""
	for _, k := range keys {
		text += k + "=" + pgsql.Conninfo(words[k]) + " "
	}
	return text
}

// exactly makes a schema's name a pattern that matches only itself: what
// stands in double quotes is taken as it is.
func exactly(name string) string { return pgsql.Ident(name) }

var versionPattern = regexp.MustCompile(`\) (\d+)`)

// tool finds a client program that is not older than the server: pg_dump
// refuses a newer one.
func tool(ctx context.Context, name string, server pgsql.Version) (string, error) {
	path, err := localpg.FindTool(name)
	if err != nil {
		return "", &Error{err.Error(), "install Debian's package postgresql-client, or go on with --no-dump"}
	}
	out, _, err := run.Command(ctx, run.Spec{Name: path, Args: []string{"--version"}})
	if err != nil {
		return "", err
	}
	m := versionPattern.FindSubmatch(out)
	if m == nil {
		return "", fmt.Errorf("%s does not say its version: %q", path, out)
	}
	if major, _ := strconv.Atoi(string(m[1])); major < server.Major() {
		return "", &Error{fmt.Sprintf("%s is of PostgreSQL %d and cannot dump a server of PostgreSQL %s", path, major, server),
			fmt.Sprintf("install postgresql-client-%d, or go on with --no-dump", server.Major())}
	}
	return path, nil
}
