package landlord

import (
	"context"
	"errors"
	"fmt"

	"landlord/internal/apply"
	"landlord/internal/catalog"
	"landlord/internal/hba"
	"landlord/internal/journal"
	"landlord/internal/plan"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// Door reads what pg_hba.conf says on a server, with the roles that its lines
// are about.
func Door(ctx context.Context, s tenant.Server) (snapshot.Snapshot, error) {
	snap, err := catalog.Read(ctx, catalog.Options{Conninfo: s.Connection, HBA: true})
	if err == nil && snap.HBA.Error != "" {
		err = fmt.Errorf("pg_hba.conf of server %s: %s", s.Name, snap.HBA.Error)
	}
	return snap, err
}

// DoorBlock renders landlord's part of pg_hba.conf.
func DoorBlock(s tenant.Server, e tenant.Estate, snap snapshot.Snapshot) (string, error) {
	return hba.Render(plan.Block(s, e.On(s.Name), snap))
}

// DoorChange says what becomes of pg_hba.conf, or nil if it stays.
func DoorChange(s tenant.Server, e tenant.Estate, snap snapshot.Snapshot) (*plan.HBAChange, error) {
	if err := plan.Unfit(snap); err != nil {
		return nil, err
	}
	return plan.HBA(s, e.On(s.Name), snap)
}

// ChangeDoor changes pg_hba.conf: checked before it counts, put back on any
// error. The estate's journal keeps that it was.
func ChangeDoor(ctx context.Context, e tenant.Estate, s tenant.Server, c plan.HBAChange) error {
	lock, err := apply.Lock(ctx, s.Connection, nil)
	if err != nil {
		return err
	}
	defer lock.Release()
	j, err := journal.Open(e.Journal) // where it cannot be kept, nothing is changed
	if err != nil {
		return err
	}
	entry := journal.Entry{Action: "pg_hba.conf", Server: s.Name, Group: c.Path}
	err = apply.WriteHBA(ctx, s.Connection, c)
	if err != nil {
		entry.Error = err.Error()
	}
	return errors.Join(err, j.Write(entry), j.Close())
}
