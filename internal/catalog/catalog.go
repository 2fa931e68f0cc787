// Package catalog reads a snapshot from a server: one round trip for all that
// the server shares, one for each database, never one per object.
package catalog

import (
	"context"
	_ "embed"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sync/errgroup"

	"landlord/internal/connect"
	"landlord/internal/hba"
	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

var (
	//go:embed sql/session.sql
	sessionSQL string
	//go:embed sql/roles.sql
	rolesSQL string
	//go:embed sql/settable.sql
	settableSQL string
	//go:embed sql/dependencies.sql
	dependenciesSQL string
	//go:embed sql/hba.sql
	hbaSQL string
	//go:embed sql/sizes.sql
	sizesSQL string
)

// Options say how much to read.
type Options struct {
	// Conninfo is where landlord connects: libpq keywords and values or a URI.
	Conninfo string
	// Want chooses the databases whose contents are read, from those that
	// exist. With Dependencies it sees all that the server shares, else the
	// session and the databases alone: the rest is read beside the contents.
	Want func(snapshot.Snapshot) []string
	// HBA also reads pg_hba.conf, where the role may.
	HBA bool
	// Dependencies also reads what depends on each role, and sizes, for a
	// plan that drops something.
	Dependencies bool
	// Available also reads which extensions the server's machine has.
	Available bool
	// Focus, if any, limits what is read of roles, and of databases that many
	// share. Who is no superuser reads everything.
	Focus *snapshot.Focus
	// Parallel is how many databases are read at once; 0 means 2, which is
	// what two cores do best. One more connection reads what they share.
	Parallel int
}

// Read takes a snapshot.
func Read(parent context.Context, o Options) (snapshot.Snapshot, error) {
	parent = connect.Remember(parent)
	conn, err := connect.Open(parent, o.Conninfo, connect.Options{})
	if err != nil {
		return snapshot.Snapshot{}, err
	}
	defer connect.Close(conn)
	snap, err := Session(parent, conn)
	if err != nil {
		return snap, err
	}
	if o, err = focused(parent, conn, o, &snap); err != nil {
		return snap, err
	}
	var inside []snapshot.Contents
	group, ctx := errgroup.WithContext(parent)
	if o.Want != nil && !o.Dependencies {
		wanted := o.Want(snap)
		group.Go(func() (err error) {
			inside, err = contents(ctx, o, snap.Databases, wanted)
			return err
		})
	}
	group.Go(func() error { return shared(ctx, conn, o, &snap) })
	if err := group.Wait(); err != nil {
		return snap, err
	}
	if o.Want != nil && o.Dependencies {
		inside, err = contents(parent, o, snap.Databases, o.Want(snap))
	}
	snap.Contents = inside
	return snap, err
}

// Session reads who is connected to what, and which databases there are.
func Session(ctx context.Context, conn *pgconn.PgConn) (snapshot.Snapshot, error) {
	snap := snapshot.Snapshot{Parameters: map[string]string{}}
	r := newReader()
	err := query(ctx, conn, r, sessionSQL, func(row [][]byte) {
		snap.Version = pgsql.Version(r.int(row[0]))
		snap.Session = snapshot.Session{
			User: string(row[1]), Superuser: yes(row[2]), CreateRole: yes(row[3]), CreateDB: yes(row[4]),
			Database: string(row[5]), Standby: yes(row[6]), Local: yes(row[7]), Address: string(row[8]), TLS: yes(row[9]), ServerUser: connect.ServerUser(conn),
		}
		snap.Parameters[string(row[10])] = string(row[11])
	}, func(row [][]byte) {
		snap.Databases = append(snap.Databases, snapshot.Database{
			OID: uint32(r.int(row[0])), Name: r.name(row[1]), Owner: r.name(row[2]), ACL: r.acl(row[3]), AllowConn: yes(row[4]),
			Template: yes(row[5]), ConnLimit: r.int(row[6]), Comment: string(row[7]), Size: -1,
		})
	})
	return snap, err
}

// Shared reads what all databases of a server share.
func Shared(ctx context.Context, conn *pgconn.PgConn, o Options) (snapshot.Snapshot, error) {
	snap, err := Session(ctx, conn)
	if err != nil {
		return snap, err
	}
	if o, err = focused(ctx, conn, o, &snap); err != nil {
		return snap, err
	}
	err = shared(ctx, conn, o, &snap)
	return snap, err
}

// focused says in the snapshot what it is limited to. Who is no superuser reads
// everything.
func focused(ctx context.Context, conn *pgconn.PgConn, o Options, snap *snapshot.Snapshot) (_ Options, err error) {
	if !snap.Session.Superuser {
		o.Focus = nil
	}
	o.Focus, err = marked(ctx, conn, o.Focus)
	snap.Focus = o.Focus
	return o, err
}

// shared reads what Session does not.
func shared(ctx context.Context, conn *pgconn.PgConn, o Options, snap *snapshot.Snapshot) error {
	r := newReader()
	err := query(ctx, conn, r, sharedSQL(*snap, o.Focus), func(row [][]byte) {
		snap.Roles = append(snap.Roles, snapshot.Role{
			OID: uint32(r.int(row[0])), Name: r.name(row[1]), Superuser: yes(row[2]), Inherit: yes(row[3]), CreateRole: yes(row[4]),
			CreateDB: yes(row[5]), Login: yes(row[6]), Replicate: yes(row[7]), BypassRLS: yes(row[8]), ConnLimit: r.int(row[9]),
			ValidUntil: string(row[10]), Expired: yes(row[11]), Verifier: r.name(row[12]), Comment: string(row[13]), Shelters: yes(row[14]),
		})
	}, func(row [][]byte) {
		snap.Memberships = append(snap.Memberships, snapshot.Membership{
			Role: r.name(row[0]), Member: r.name(row[1]), Grantor: r.name(row[2]), Admin: yes(row[3]), Inherit: yes(row[4]), Set: yes(row[5]),
		})
	}, func(row [][]byte) {
		snap.Settings = append(snap.Settings, snapshot.Setting{
			Role: r.name(row[0]), Database: r.name(row[1]), Name: r.name(row[2]), Value: r.name(row[3]),
		})
	}, func(row [][]byte) {
		snap.ParameterGrants = append(snap.ParameterGrants, snapshot.Stray{Role: r.name(row[0]), Kind: r.name(row[1]), Identity: r.name(row[2]), Grantor: r.name(row[3]), Owns: yes(row[4])})
	}, func(row [][]byte) {
		snap.Session.Settable = append(snap.Session.Settable, string(row[0]))
	})
	if err != nil {
		return err
	}
	if !snap.Session.Superuser {
		snap.Session.Settable = append(snap.Session.Settable, "role") // pg_settings leaves it out
		slices.Sort(snap.Session.Settable)
	}
	if o.Dependencies {
		if err := dependencies(ctx, conn, snap); err != nil {
			return err
		}
	}
	if o.Available {
		err := query(ctx, conn, r, censusSQL("available", "{{trusted}}", "v.trusted"), func(row [][]byte) { snap.Available = append(snap.Available, available(row)) })
		if err != nil {
			return err
		}
	}
	if o.HBA {
		snap.HBA = hbaFile(ctx, conn, *snap)
	}
	return nil
}

// sharedSQL fits the query to the version and to what the role may read.
func sharedSQL(s snapshot.Snapshot, f *snapshot.Focus) string {
	words := []string{
		"{{roles}}", "pg_catalog.pg_roles", "{{verifier}}", "''",
		"{{inherit}}", "m.rolinherit", "{{set}}", "true", "{{parameters}}", "", "{{publicparameters}}", "", "{{settable}}", "s.context IN ('user', 'backend')",
	}
	if s.Session.Superuser {
		words[1] = "pg_catalog.pg_authid"
		words[3] = `CASE WHEN r.rolpassword IS NULL THEN 'none' WHEN r.rolpassword LIKE 'md5%' THEN 'md5'
			WHEN r.rolpassword LIKE 'SCRAM-SHA-256$%' THEN 'scram-sha-256' ELSE 'unknown' END`
	}
	if s.Version.MembershipOptions() {
		words[5], words[7] = "a.inherit_option", "a.set_option"
	}
	if s.Version.ParameterACLs() {
		words[13] += " OR pg_catalog.has_parameter_privilege(s.name, 'SET')"
		words[9] = `UNION ALL SELECT o.paracl FROM pg_catalog.pg_parameter_acl AS o
			WHERE s.classid = 'pg_catalog.pg_parameter_acl'::pg_catalog.regclass AND o.oid = s.objid`
		words[11] = `UNION ALL SELECT 'pg_catalog.pg_parameter_acl'::pg_catalog.regclass, p.oid, a.grantor
			FROM pg_catalog.pg_parameter_acl AS p CROSS JOIN LATERAL pg_catalog.aclexplode(p.paracl) AS a WHERE a.grantee = 0`
	}
	sql := rolesSQL
	if !s.Session.Superuser { // who may set everything
		sql += settableSQL
	}
	return strings.NewReplacer(append(words, sharedWords(f, s.Session.User)...)...).Replace(sql)
}

func dependencies(ctx context.Context, conn *pgconn.PgConn, snap *snapshot.Snapshot) error {
	r := newReader()
	sizes := map[string]int64{}
	words := []string{"{{whose}}", "", "{{which}}", ""}
	if f := snap.Focus; f != nil {
		words = []string{"{{whose}}", " AND s.refobjid IN " + numbered(f.Roles), "{{which}}", " AND d.datname IN (" + pgsql.Literals(append([]string{""}, f.Alone...)...) + ")"}
	}
	err := query(ctx, conn, r, strings.NewReplacer(words...).Replace(dependenciesSQL), func(row [][]byte) {
		snap.Dependencies = append(snap.Dependencies, snapshot.Dependency{Role: r.name(row[0]), Database: r.name(row[1]), Owns: yes(row[2])})
	}, func(row [][]byte) {
		sizes[string(row[0])] = int64(r.int(row[1]))
	})
	for i, d := range snap.Databases {
		if size, ok := sizes[d.Name]; ok {
			snap.Databases[i].Size = size
		}
	}
	return err
}

// hbaFile reads pg_hba.conf through the server; only a superuser may.
func hbaFile(ctx context.Context, conn *pgconn.PgConn, snap snapshot.Snapshot) *snapshot.HBA {
	if !snap.Session.Superuser {
		return &snapshot.HBA{Error: fmt.Sprintf("role %q is no superuser and cannot read pg_hba.conf", snap.Session.User)}
	}
	file := &snapshot.HBA{}
	r := newReader()
	err := query(ctx, conn, r, hbaSQL, func(row [][]byte) {
		file.Path = string(row[0])
		text, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(string(row[1]), "\n", ""))
		if err != nil {
			file.Error = err.Error()
		}
		file.Text = string(text)
		loaded := time.UnixMicro(int64(r.int(row[3])))
		file.Stale = stale(file.Path, time.Unix(int64(r.int(row[2])), 0), loaded)
		if text, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(string(row[5]), "\n", "")); err == nil && row[5] != nil {
			file.Ident = &snapshot.File{Path: string(row[4]), Text: string(text)}
			// Of the map's changes, landlord answers for its own alone.
			file.Stale = file.Stale || hba.IdentUser(file.Ident.Text) != "" && stale(file.Ident.Path, time.Unix(int64(r.int(row[6])), 0), loaded)
		}
	})
	if err != nil {
		file.Error = err.Error()
	}
	return file
}

// available is a row of census/available.sql.
func available(row [][]byte) snapshot.Available {
	a := snapshot.Available{Name: string(row[0]), Default: string(row[1]), Trusted: yes(row[2]), Schema: string(row[3])}
	if len(row[4]) > 0 {
		a.Requires = strings.Split(string(row[4]), ",")
	}
	return a
}
