package apply

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"landlord/internal/connect"
	"landlord/internal/plan"
	"landlord/internal/wholefile"
)

// WriteHBA changes pg_hba.conf: written beside, moved in, read back through
// pg_hba_file_rules (which parses the file on disk before any reload), and
// only then loaded. On any error, and if landlord itself cannot get in any
// more, the old file goes back.
func WriteHBA(ctx context.Context, conninfo string, c plan.HBAChange) error {
	conn, err := connect.Open(ctx, conninfo, connect.Options{Application: Application})
	if err != nil {
		return err
	}
	defer connect.Close(conn)
	files := []plan.HBAChange{c}
	if c.Ident != nil {
		files = append(files, *c.Ident)
	}
	for _, f := range files {
		if err := sameFile(f); err != nil {
			return err
		}
	}
	// pg_ident.conf first: a map that nobody names lets nobody in.
	slices.Reverse(files)
	for i, f := range files {
		if f.After == f.Before {
			continue
		}
		if err := wholefile.Replace(f.Path, []byte(f.After), nil); err != nil {
			return errors.Join(changeFailed(f.Path, err), putBack(files[:i]))
		}
	}
	if err := tryHBA(ctx, conn, conninfo); err != nil {
		back := putBack(files)
		if back == nil {
			back = reload(context.WithoutCancel(ctx), conn)
		}
		return errors.Join(fmt.Errorf("%s was put back as it was: %w", c.Path, err), back)
	}
	return nil
}

func putBack(files []plan.HBAChange) error {
	var errs []error
	for _, f := range files {
		errs = append(errs, wholefile.Replace(f.Path, []byte(f.Before), nil))
	}
	return errors.Join(errs...)
}

func changeFailed(path string, err error) error {
	err = fmt.Errorf("changing %s: %w", path, err)
	if errors.Is(err, wholefile.ErrOwner) {
		return fmt.Errorf("%w; it belongs to another user, and would not any more: run landlord as root, or give the file to this user", err)
	}
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		err = fmt.Errorf("%w; run landlord as the server's user (sudo -u postgres)", err)
	}
	return err
}

// sameFile refuses to write over a file that is not what the server read:
// another machine's, or changed in the meantime.
func sameFile(c plan.HBAChange) error {
	have, err := os.ReadFile(c.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s is not on this machine: run landlord where the server is, or set the rules by hand (landlord hba show)", c.Path)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s is not readable for this user: run landlord as the server's user (sudo -u postgres)", c.Path)
	case err != nil:
		return err
	case string(have) != c.Before:
		return fmt.Errorf("%s is not what the server read a moment ago: plan again", c.Path)
	}
	return nil
}

// tryHBA looks at the file through the server's eyes, loads it, and knocks.
func tryHBA(ctx context.Context, conn *pgconn.PgConn, conninfo string) error {
	// A bad clientcert= shows as a row without a type and without an error. A
	// hostssl line where TLS is off shows an error, and the file still loads.
	bad, err := scalar(ctx, conn, `SELECT pg_catalog.string_agg(pg_catalog.format('line %s: %s', r.line_number, r.error), '; ')
		FROM pg_catalog.pg_hba_file_rules AS r
		WHERE r.type IS NULL AND COALESCE(r.error, '') NOT LIKE 'hostssl record cannot match because SSL is disabled%'`)
	if err != nil {
		return fmt.Errorf("reading the rules back: %w", err)
	}
	if bad != "" {
		return fmt.Errorf("the server does not understand it: %s", bad)
	}
	if conn.ParameterStatus("server_version") >= "15" {
		bad, err := scalar(ctx, conn, `SELECT pg_catalog.string_agg(pg_catalog.format('line %s: %s', m.line_number, m.error), '; ')
			FROM pg_catalog.pg_ident_file_mappings AS m WHERE m.error IS NOT NULL`)
		if err != nil || bad != "" {
			return fmt.Errorf("the server does not understand pg_ident.conf: %s", cmp.Or(bad, fmt.Sprint(err)))
		}
	}
	if err := reload(ctx, conn); err != nil {
		return err
	}
	again, err := connect.Open(ctx, conninfo, connect.Options{Application: Application})
	if err != nil {
		return fmt.Errorf("landlord would be locked out: %w", err)
	}
	connect.Close(again)
	return nil
}

// reload makes the server load its configuration and waits until it has.
func reload(ctx context.Context, conn *pgconn.PgConn) error {
	before, err := scalar(ctx, conn, "SELECT pg_catalog.pg_conf_load_time()")
	if err == nil {
		_, err = scalar(ctx, conn, "SELECT pg_catalog.pg_reload_conf()")
	}
	for range 200 {
		if err != nil {
			break
		}
		var now string
		if now, err = scalar(ctx, conn, "SELECT pg_catalog.pg_conf_load_time()"); err == nil && now != before {
			return nil
		}
		time.Sleep(25 * time.Millisecond)
	}
	return fmt.Errorf("the server did not load its configuration: %w", errors.Join(err, ctx.Err()))
}
