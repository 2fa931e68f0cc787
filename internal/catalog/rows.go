package catalog

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"landlord/internal/connect"
	"landlord/internal/pgsql"
)

// reader decodes the rows of one connection's results, which come as text.
// Owners, schemas and ACLs repeat, mostly soon: of those met lately, each
// distinct one is kept once. A table of all that a server has would cost more
// than it saves, where ten thousand tenants have fifty thousand roles.
type reader struct {
	names map[string]string
	acls  map[string]pgsql.ACL
	err   error
}

// How many of each a reader remembers: tables that fit a processor's cache.
const (
	rememberedNames = 4096
	rememberedACLs  = 512
)

func newReader() *reader {
	return &reader{names: map[string]string{}, acls: map[string]pgsql.ACL{}}
}

// name decodes a text; NULL is "".
func (r *reader) name(b []byte) string {
	if s, ok := r.names[string(b)]; ok {
		return s
	}
	return r.remember(string(b))
}

// same returns the remembered copy of a name that is a part of a longer text.
func (r *reader) same(s string) string {
	if same, ok := r.names[s]; ok {
		return same
	}
	return r.remember(strings.Clone(s))
}

func (r *reader) remember(s string) string {
	if len(r.names) >= rememberedNames {
		clear(r.names)
	}
	r.names[s] = s
	return s
}

// acl decodes an aclitem[]; NULL is nil.
func (r *reader) acl(b []byte) pgsql.ACL {
	if b == nil {
		return nil
	}
	if a, ok := r.acls[string(b)]; ok {
		return a
	}
	a, err := pgsql.ParseACL(string(b))
	if err != nil {
		r.fail(fmt.Errorf("reading an ACL: %w", err))
	}
	for i := range a {
		a[i].Grantee, a[i].Grantor = r.same(a[i].Grantee), r.same(a[i].Grantor)
	}
	if len(r.acls) >= rememberedACLs {
		clear(r.acls)
	}
	r.acls[string(b)] = a
	return a
}

func (r *reader) int(b []byte) int {
	n, err := strconv.Atoi(string(b))
	if err != nil {
		r.fail(fmt.Errorf("reading a number: %w", err))
	}
	return n
}

// oid decodes an object's number; NULL is 0.
func (r *reader) oid(b []byte) uint32 {
	if b == nil {
		return 0
	}
	n, err := strconv.ParseUint(string(b), 10, 32)
	if err != nil {
		r.fail(fmt.Errorf("reading an object's number: %w", err))
	}
	return uint32(n)
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

func yes(b []byte) bool { return len(b) == 1 && b[0] == 't' }

func char(b []byte) byte {
	if len(b) == 0 {
		return 0
	}
	return b[0]
}

// rowFunc takes one row of a result.
type rowFunc func(row [][]byte)

// query runs several statements in one round trip, all of which see the same
// read-only snapshot, and hands the rows of each to its function.
func query(ctx context.Context, conn *pgconn.PgConn, r *reader, sql string, results ...rowFunc) (err error) {
	defer func() {
		if err != nil && !conn.IsClosed() { // the next one shall find no broken transaction
			_, _ = conn.Exec(ctx, "ROLLBACK").ReadAll()
		}
	}()
	reply := conn.Exec(ctx, "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;"+sql+"COMMIT")
	defer reply.Close()
	seen := -1 // BEGIN's own result has no columns
	for reply.NextResult() {
		rows := reply.ResultReader()
		if len(rows.FieldDescriptions()) == 0 {
			_, _ = rows.Close()
			continue
		}
		if seen++; seen >= len(results) {
			return fmt.Errorf("reading the catalog: more results than expected")
		}
		for rows.NextRow() {
			results[seen](rows.Values())
		}
		if _, err := rows.Close(); err != nil {
			return fmt.Errorf("reading the catalog (SQLSTATE %s): %w", connect.State(err), err)
		}
	}
	if err := reply.Close(); err != nil {
		return fmt.Errorf("reading the catalog (SQLSTATE %s): %w", connect.State(err), err)
	}
	return r.err
}
