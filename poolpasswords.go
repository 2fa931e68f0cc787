package landlord

import (
	"context"

	"landlord/internal/credentials"
	"landlord/internal/tenant"
)

// PoolLogin is [Login] for a pool of a server: where it has two logins, for the one
// that programs should use.
func PoolLogin(ctx context.Context, e tenant.Estate, server, pool string, rotate bool) (Credentials, error) {
	s, _, err := poolSettings(e, server, pool)
	if err != nil {
		return Credentials{}, err
	}
	return holder{server: s, pool: pool}.login(ctx, e, pool, rotate)
}

// CheckPoolFormat is [CheckFormat] for a pool.
func CheckPoolFormat(e tenant.Estate, server, pool, format string) error {
	_, settings, err := poolSettings(e, server, pool)
	if err != nil {
		return err
	}
	return fits(format, settings)
}

func poolSettings(e tenant.Estate, server, pool string) (tenant.Server, credentials.Settings, error) {
	ways, err := waysOf(e)
	if err != nil {
		return tenant.Server{}, credentials.Settings{}, err
	}
	return ways.ofPool(e, server, pool, pool)
}

// ofPool is poolSettings for many pools, and for either login of one.
func (w *routerWays) ofPool(e tenant.Estate, server, pool, login string) (tenant.Server, credentials.Settings, error) {
	s, err := serverOf(e, server)
	if err != nil {
		return s, credentials.Settings{}, err
	}
	p, ok := s.Pool(pool)
	if !ok {
		return s, credentials.Settings{}, &CredentialsError{pool, "server " + server + " has no such pool in the spec", "name it under pools of the server in landlord.yaml"}
	}
	settings, err := endpointSettings(s, login)
	settings.Database = p.Database
	if err == nil && w != nil {
		settings, err = w.to(pool, settings)
	}
	return s, settings, err
}

// lookupPool finds the password of a pool's login in the user's own store.
func lookupPool(ctx context.Context, e tenant.Estate, ways *routerWays, server, pool, login string) (string, bool) {
	_, source := stores(e.Secrets)
	s, settings, err := ways.ofPool(e, server, pool, login)
	if source == nil || err != nil {
		return "", false
	}
	return known(ctx, source, e, s, settings)
}
