package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"landlord"
	"landlord/internal/localpg"
	"landlord/internal/tenant"
)

const (
	transactions = 1000
	connections  = 10
	benchPool    = "bench_pool"
)

// pools compares a transaction that becomes a tenant with one of the tenant's
// own login, on a server with few tenants and on one with many.
func (b *bench) pools(ctx context.Context) error {
	b.out.header("the pool", "tenants that it may become", "a transaction of a tenant's own login", "with one SELECT more", "of the pool", "the call costs",
		"connecting, own login", "connecting, pool", "the first transaction of a connection", "the first after any membership has changed")
	for _, n := range []int{few, b.schemas} {
		b.say("the pool: building %d", n)
		t := estateOf("schema", n)
		s, err := b.buildPool(ctx, t)
		if err != nil {
			return err
		}
		err = b.pool(ctx, s, t)
		if err = errors.Join(err, s.Remove()); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) buildPool(ctx context.Context, t town) (*localpg.Server, error) {
	s, err := b.yard.start(ctx)
	if err != nil {
		return nil, err
	}
	e := t.on(conninfo(s))
	e.Servers[0].Pools = []tenant.Pool{{Name: benchPool, Database: shared}}
	result, err := landlord.Apply(ctx, e, "main", landlord.Options{}, landlord.Hooks{})
	if err = errors.Join(err, result.Err()); err == nil {
		err = settle(ctx, s)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("apply: %w", err), s.Remove())
	}
	return s, nil
}

func (b *bench) pool(ctx context.Context, s *localpg.Server, t town) error {
	super, err := pgconn.Connect(ctx, conninfo(s))
	if err != nil {
		return err
	}
	defer super.Close(ctx)
	name := t.tenants[0].Logins[0].Name
	const password = "bench"
	for _, sql := range []string{"ALTER ROLE " + name + " PASSWORD '" + password + "'", "ALTER ROLE " + benchPool + " PASSWORD '" + password + "'", "CREATE ROLE bench_group"} {
		if _, err := super.Exec(ctx, sql).ReadAll(); err != nil {
			return err
		}
	}
	var own, pooled *pgconn.PgConn
	var ownEntry, poolEntry, first, changed []time.Duration
	for round := range connections {
		for _, m := range []struct {
			login string
			conn  **pgconn.PgConn
			into  *[]time.Duration
		}{{name, &own, &ownEntry}, {benchPool, &pooled, &poolEntry}} {
			start := time.Now()
			if *m.conn, err = pgconn.Connect(ctx, s.ConnString(shared, m.login)+" password="+password); err != nil {
				return err
			}
			*m.into = append(*m.into, time.Since(start))
			defer (*m.conn).Close(ctx)
		}
		d, err := transaction(ctx, pooled, become(t), "SELECT 1")
		if err != nil {
			return err
		}
		first = append(first, d)
		if _, err := super.Exec(ctx, []string{"GRANT bench_group TO " + name, "REVOKE bench_group FROM " + name}[round%2]).ReadAll(); err != nil {
			return err
		}
		if d, err = transaction(ctx, pooled, become(t), "SELECT 1"); err != nil {
			return err
		}
		changed = append(changed, d)
	}
	var alone, more, becoming []time.Duration
	for range transactions {
		for _, m := range []struct {
			conn *pgconn.PgConn
			sql  []string
			into *[]time.Duration
		}{{own, []string{"SELECT 1"}, &alone}, {own, []string{"SELECT 1", "SELECT 1"}, &more}, {pooled, []string{become(t), "SELECT 1"}, &becoming}} {
			d, err := transaction(ctx, m.conn, m.sql...)
			if err != nil {
				return err
			}
			*m.into = append(*m.into, d)
		}
	}
	b.out.row(fmt.Sprint(len(t.tenants)), millis(median(alone)), millis(median(more)), millis(median(becoming)), millis(median(becoming)-median(more)),
		millis(median(ownEntry)), millis(median(poolEntry)), millis(median(first)), millis(median(changed)))
	return nil
}

// become is the call for some tenant.
func become(t town) string {
	return "SELECT landlord.become('" + t.tenants[rand.IntN(len(t.tenants))].Name + "')"
}

// transaction is a transaction of a few statements, each a round trip.
func transaction(ctx context.Context, conn *pgconn.PgConn, sql ...string) (time.Duration, error) {
	start := time.Now()
	for _, one := range append(append([]string{"BEGIN"}, sql...), "COMMIT") {
		if _, err := conn.Exec(ctx, one).ReadAll(); err != nil {
			return 0, fmt.Errorf("%s: %w", one, err)
		}
	}
	return time.Since(start), nil
}

func millis(d time.Duration) string { return fmt.Sprintf("%.2f ms", d.Seconds()*1000) }
