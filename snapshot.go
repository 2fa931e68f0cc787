package landlord

import (
	"context"

	"landlord/internal/catalog"
	"landlord/internal/snapshot"
)

// SnapshotOptions say how a snapshot is taken.
type SnapshotOptions = catalog.CensusOptions

// UnknownDatabaseError says that somebody asked for a database that there is
// not.
type UnknownDatabaseError = catalog.UnknownDatabaseError

// Snapshot reads everything that bears on access from a server, as whatever
// role it connects as. It changes nothing; what it cannot read is in the
// snapshot's Unread. The time of taking is the caller's to set.
func Snapshot(ctx context.Context, o SnapshotOptions) (snapshot.Snapshot, error) {
	return catalog.Census(ctx, o)
}
