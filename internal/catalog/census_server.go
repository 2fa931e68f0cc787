package catalog

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"

	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

// censusServer reads what all databases of a server share.
func censusServer(ctx context.Context, conn *pgconn.PgConn, snap *snapshot.Snapshot) error {
	if err := shared(ctx, conn, Options{}, snap); err != nil {
		return err
	}
	r := newReader()
	unread, err := readPieces(ctx, conn, r, "", serverPieces(r, major(conn), snap), func() { snap.Server = snapshot.Server{} })
	if err != nil {
		return err
	}
	snap.Unread = append(snap.Unread, unread...)
	if err := verifiers(ctx, conn, snap); err != nil {
		return err
	}
	return configuration(ctx, conn, snap)
}

// serverPieces are the queries of what a server has once.
func serverPieces(r *reader, major int, snap *snapshot.Snapshot) []piece {
	required, asOwner, trusted := "false", "true", "false"
	if major >= 16 {
		required, asOwner = "s.subpasswordrequired", "s.subrunasowner"
	}
	if major >= 13 {
		trusted = "v.trusted"
	}
	s := &snap.Server
	pieces := []piece{
		{snapshot.PartParameters, "parameters", censusSQL("parameters"), []rowFunc{func(row [][]byte) { snap.Parameters[string(row[0])] = string(row[1]) }}},
		{snapshot.PartTablespaces, "tablespaces", censusSQL("tablespaces"), []rowFunc{func(row [][]byte) {
			s.Tablespaces = append(s.Tablespaces, snapshot.Tablespace{Name: string(row[0]), Owner: r.name(row[1]), ACL: r.acl(row[2])})
		}}},
		{snapshot.PartSlots, "slots", censusSQL("slots"), []rowFunc{func(row [][]byte) {
			s.Slots = append(s.Slots, snapshot.ReplicationSlot{Name: string(row[0]), Logical: yes(row[1]), Plugin: string(row[2]), Database: r.name(row[3]), Active: yes(row[4])})
		}}},
		{snapshot.PartSubscriptions, "subscriptions", censusSQL("subscriptions", "{{passwordrequired}}", required, "{{runasowner}}", asOwner), []rowFunc{func(row [][]byte) {
			s.Subscriptions = append(s.Subscriptions, snapshot.Subscription{Database: r.name(row[0]), Name: string(row[1]), Owner: r.name(row[2]),
				Enabled: yes(row[3]), PasswordRequired: yes(row[4]), RunAsOwner: yes(row[5])})
		}}},
		{snapshot.PartSessions, "sessions", censusSQL("sessions"), []rowFunc{func(row [][]byte) {
			s.Sessions = append(s.Sessions, snapshot.Sessions{Role: r.name(row[0]), Database: r.name(row[1]), Count: r.int(row[2])})
		}}},
		{snapshot.PartAvailable, "available", censusSQL("available", "{{trusted}}", trusted), []rowFunc{func(row [][]byte) {
			s.Available = append(s.Available, available(row))
		}}},
	}
	if major >= 15 {
		pieces = append(pieces, piece{snapshot.PartParameterACLs, "parameteracls", censusSQL("parameteracls"), []rowFunc{func(row [][]byte) {
			s.ParameterACLs = append(s.ParameterACLs, snapshot.ParameterACL{Name: string(row[0]), ACL: r.acl(row[1])})
		}}})
	}
	return pieces
}

// verifiers says of each role what kind its verifier is, and whether its
// password is its name. Verifiers travel only where nobody listens; what
// they are is forgotten here.
func verifiers(ctx context.Context, conn *pgconn.PgConn, snap *snapshot.Snapshot) error {
	r, found := newReader(), map[string]pgsql.Verifier{}
	private := privately(snap.Session)
	names := map[string]bool{} // roles whose password is their name, found by the server
	p := piece{snapshot.PartVerifiers, "verifiers", censusSQL("verifiers"), []rowFunc{func(row [][]byte) {
		found[string(row[0])] = pgsql.ParseVerifier(string(row[1]))
	}}}
	if !private {
		p = piece{snapshot.PartVerifiers, "verifierkinds", censusSQL("verifierkinds"), []rowFunc{func(row [][]byte) {
			found[string(row[0])] = pgsql.Verifier{Kind: string(row[1]), Iterations: r.int(row[2])}
			names[string(row[0])] = yes(row[3])
		}}}
	}
	unread, err := readPieces(ctx, conn, r, "", []piece{p}, func() {})
	if err != nil {
		return err
	}
	if len(unread) > 0 {
		weakness := unread[0]
		weakness.Part = snapshot.PartWeakness
		snap.Unread = append(snap.Unread, unread[0], weakness)
		return nil
	}
	for i := range snap.Roles {
		role := &snap.Roles[i]
		v, ok := found[role.Name]
		if !ok {
			v.Kind = "none"
		}
		role.Verifier, role.Iterations, role.PasswordIsName = v.Kind, int32(v.Iterations), names[role.Name]
	}
	if !private {
		snap.Unread = append(snap.Unread, snapshot.Unread{Part: snapshot.PartWeakness, Reason: "SCRAM verifiers were not fetched over a connection without TLS"})
		return nil
	}
	snap.Unread = append(snap.Unread, guess(snap.Roles, found)...)
	return nil
}

// privately says whether nobody can listen to the session.
func privately(s snapshot.Session) bool {
	addr, err := netip.ParseAddr(s.Address)
	return s.Local || s.TLS || err == nil && addr.IsLoopback()
}

// guesses is how many rounds of SCRAM are spent on guessing, about a second
// of one core: 1,000 passwords of PostgreSQL's default of 4096.
const guesses = 4096 * 1000

// guess tries each role's name as its password, the most powerful first, as
// long as guesses last.
func guess(roles []snapshot.Role, found map[string]pgsql.Verifier) []snapshot.Unread {
	order := make([]*snapshot.Role, len(roles))
	for i := range roles {
		order[i] = &roles[i]
	}
	slices.SortStableFunc(order, func(a, b *snapshot.Role) int { return power(*b) - power(*a) })
	left, untried := guesses, 0
	for _, role := range order {
		v, ok := found[role.Name]
		if !ok {
			continue
		}
		if left -= v.Iterations; left < 0 {
			untried++
			continue
		}
		role.PasswordIsName = v.Is(role.Name, role.Name)
	}
	if untried == 0 {
		return nil
	}
	return []snapshot.Unread{{Part: snapshot.PartWeakness, Reason: fmt.Sprintf("%d passwords were not compared with their roles' names, which would take long", untried)}}
}

// power puts roles in an order, by what a guessed password would give.
func power(r snapshot.Role) int {
	n := 0
	for i, has := range []bool{r.Login, r.CreateDB, r.Replicate, r.BypassRLS, r.CreateRole, r.Superuser} {
		if has {
			n |= 1 << i
		}
	}
	return n
}
