package landlord

import (
	"context"
	"fmt"

	"landlord/internal/adopt"
	"landlord/internal/catalog"
	"landlord/internal/spec"
	"landlord/internal/tenant"
)

// Imported is a landlord.yaml that adopts what a server has, and what somebody
// has to decide before it is applied.
type Imported struct {
	Text []byte
	Asks []string
}

// Import reads a server that somebody built by hand and infers its tenants. It
// changes nothing.
func Import(ctx context.Context, s tenant.Server) (Imported, error) {
	snap, err := catalog.Census(ctx, catalog.CensusOptions{Conninfo: s.Connection})
	if err != nil {
		return Imported{}, fmt.Errorf("reading server %s: %w", s.Name, err)
	}
	p := adopt.Propose(s, snap)
	text := p.Remark(spec.Write(p.Estate))
	if _, err := spec.Parse("the new landlord.yaml", text); err != nil { // such as a password in the connection: nothing is written
		return Imported{}, err
	}
	return Imported{Text: text, Asks: p.Asks}, nil
}
