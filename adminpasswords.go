package landlord

import (
	"cmp"
	"context"
	"fmt"

	"landlord/internal/connect"
	"landlord/internal/credentials"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// AdminLogin is [Login] for an administrator of a server. The database is the
// one to connect to; empty: the one that landlord itself connects to.
func AdminLogin(ctx context.Context, e tenant.Estate, server, admin, database string, rotate bool) (Credentials, error) {
	s, settings, err := adminSettings(e, server, admin)
	if err != nil {
		return Credentials{}, err
	}
	got, err := serverLogin(ctx, e, s, settings, rotate) // it is kept under one database, and holds in all
	got.Settings.Database = cmp.Or(database, settings.Database)
	return got, err
}

// serverLogin completes the settings of a login that is a server's, not a
// tenant's.
func serverLogin(ctx context.Context, e tenant.Estate, s tenant.Server, settings credentials.Settings, rotate bool) (Credentials, error) {
	conn, err := connect.Open(ctx, s.Connection, connect.Options{Application: "landlord credentials"})
	if err != nil {
		return Credentials{}, err
	}
	defer connect.Close(conn)
	w := &work{estate: e, of: holder{server: s}, conn: conn}
	if err := w.read(ctx, &snapshot.Focus{Roles: []string{settings.User}}); err != nil {
		return Credentials{}, err
	}
	return w.obtain(ctx, settings, rotate)
}

// CheckAdminFormat is [CheckFormat] for an administrator.
func CheckAdminFormat(e tenant.Estate, server, admin, database, format string) error {
	_, settings, err := adminSettings(e, server, admin)
	if err != nil {
		return err
	}
	settings.Database = cmp.Or(database, settings.Database)
	return fits(format, settings)
}

func adminSettings(e tenant.Estate, server, admin string) (tenant.Server, credentials.Settings, error) {
	s, err := serverOf(e, server)
	if err != nil {
		return s, credentials.Settings{}, err
	}
	a, ok := s.Admin(admin)
	switch {
	case !ok:
		return s, credentials.Settings{}, &CredentialsError{admin, "server " + server + " has no such admin in the spec", "name it under admins in landlord.yaml"}
	case !a.HasRole():
		return s, credentials.Settings{}, &CredentialsError{admin, "its data_access is none: it has no role, and so no password",
			"landlord sudoers writes a rule for such a person (docs/admins.md)"}
	}
	settings, err := endpointSettings(s, admin)
	if err != nil {
		return s, settings, err
	}
	words, err := connect.Words(s.Connection)
	if err != nil {
		return s, settings, fmt.Errorf("servers.%s.connection: %w", s.Name, err)
	}
	settings.Database = cmp.Or(words["dbname"], "postgres")
	return s, settings, nil
}
