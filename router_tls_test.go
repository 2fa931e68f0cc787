package landlord_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"landlord"
	"landlord/internal/hba"
	"landlord/internal/localpg"
	"landlord/internal/pgtest"
	"landlord/internal/run"
	"landlord/internal/tenant"
)

// authority signs certificates, in a directory that the server's user may enter.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	user *run.Credential
}

func newAuthority(t *testing.T, dir, name string, user *run.Credential) *authority {
	t.Helper()
	a := &authority{dir: dir, user: user}
	a.cert, a.key = a.sign(t, name, true)
	return a
}

func (a *authority) path(name string) string { return filepath.Join(a.dir, name) }

// sign makes name.pem and name.key, for a server or client of this name.
func (a *authority) sign(t *testing.T, name string, ca bool) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: ca, BasicConstraintsValid: true,
	}
	parent, by := a.cert, a.key
	if ca {
		c.KeyUsage, parent, by = x509.KeyUsageCertSign, c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), by)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	a.write(t, name+".pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644)
	a.write(t, name+".key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600)
	if c, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return c, key
}

func (a *authority) write(t *testing.T, name string, text []byte, mode os.FileMode) {
	t.Helper()
	err := os.WriteFile(a.path(name), text, mode)
	if err == nil && a.user != nil {
		err = os.Chown(a.path(name), int(a.user.UID), int(a.user.GID))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestRouterOverTLS has clients come over TCP with verify-full, and the router
// go to a server over TCP with verify-full, where it looks up verifiers by its
// certificate.
func TestRouterOverTLS(t *testing.T) {
	user, err := localpg.ServerCredential()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "landlord-tls-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	ca, stranger := newAuthority(t, dir, "ca", user), newAuthority(t, dir, "stranger", user)
	for _, name := range []string{"localhost", "postgres", tenant.RouterRole} {
		ca.sign(t, name, false)
	}
	// The key of landlord's own certificate must be its own.
	own := &authority{dir: dir, cert: ca.cert, key: ca.key}
	own.sign(t, "postgres", false)
	s := pgtest.Start(t, pgtest.Majors()[0], pgtest.WithTCP(), pgtest.WithSettings(map[string]string{
		"listen_addresses": "127.0.0.1,::1", // a PgBouncer knows both by the name localhost
		"ssl":              "on", "ssl_cert_file": ca.path("localhost.pem"), "ssl_key_file": ca.path("localhost.key"), "ssl_ca_file": ca.path("ca.pem"),
	}), pgtest.WithHBA("hostssl all postgres 127.0.0.1/32 cert\nhostssl all postgres ::1/128 cert\n"+hba.BeginMarker+"\n"+hba.EndMarker+"\n"+localpg.DefaultHBA))

	r := newRouted(t, s, tenant.AuthQuery, func(e *tenant.Estate) {
		e.Servers[0].Connection = fmt.Sprintf("host=localhost port=%d user=postgres dbname=postgres sslmode=verify-full sslrootcert=%s sslcert=%s sslkey=%s",
			s.Port(), ca.path("ca.pem"), ca.path("postgres.pem"), ca.path("postgres.key"))
		r := e.Router
		r.Listen, r.Host, r.Port = []netip.Addr{netip.MustParseAddr("127.0.0.1")}, "localhost", pgtest.FreePort(t)
		r.Cert, r.Key, r.CA = ca.path("localhost.pem"), ca.path("localhost.key"), ca.path("ca.pem")
		r.ServerTLS, r.ServerCA = "verify-full", ca.path("ca.pem")
		r.ServerCert, r.ServerKey = ca.path(tenant.RouterRole+".pem"), ca.path(tenant.RouterRole+".key")
		*e = tenant.WithDoors(*e)
	})
	enterFor := func(ctx context.Context, name, login, tls string) (*pgx.Conn, error) {
		cfg, err := pgx.ParseConfig(fmt.Sprintf("host=localhost port=%d dbname=%s user=%s %s", r.estate.Router.Port, name, login, tls))
		if err != nil {
			t.Fatal(err)
		}
		cfg.Password = r.passwords[login]
		conn, err := pgx.ConnectConfig(ctx, cfg)
		if err == nil {
			t.Cleanup(func() { _ = conn.Close(context.Background()) })
		}
		return conn, err
	}
	enter := func(name, login, tls string) (*pgx.Conn, error) { return enterFor(t.Context(), name, login, tls) }
	all, err := pgx.Connect(t.Context(), r.estate.Servers[0].Connection)
	if err != nil {
		t.Fatal(err)
	}
	defer all.Close(context.Background())
	verified := "sslmode=verify-full sslrootcert=" + ca.path("ca.pem")
	for _, tt := range r.estate.Tenants {
		for _, l := range tt.Logins {
			conn, err := enter(tt.Name, l.Name, verified)
			if err != nil {
				t.Errorf("%s by the name %s: %v", l.Name, tt.Name, err)
				continue
			}
			var who, where string
			var tls, tcp bool
			var pid int
			err = conn.QueryRow(t.Context(), "SELECT session_user, current_database(), pg_backend_pid()").Scan(&who, &where, &pid)
			if err == nil {
				err = all.QueryRow(t.Context(), "SELECT ssl, client_addr IS NOT NULL FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE pid = $1", pid).Scan(&tls, &tcp)
			}
			if err != nil || who != l.Name || where != tt.Home.Database || !tls || !tcp {
				t.Errorf("%s by the name %s: is %s in %s, TLS %v, TCP %v: %v", l.Name, tt.Name, who, where, tls, tcp, err)
			}
			_ = conn.Close(t.Context())
		}
	}
	for _, no := range [][3]string{
		{"acme", "acme_app", "sslmode=disable"}, {"acme", "acme_app", "sslmode=verify-full sslrootcert=" + stranger.path("stranger.pem")},
		{"acme", "bolt_app", verified}, {"acme", "landlord_router", verified}, {"pgbouncer", "pgbouncer", verified},
		{"acme", "landlord_router", verified + " sslcert=" + r.estate.Router.ServerCert + " sslkey=" + r.estate.Router.ServerKey},
	} {
		if _, err := enter(no[0], no[1], no[2]); err == nil {
			t.Errorf("%s got in by the name %s with %s", no[1], no[0], no[2])
		}
	}
	// What landlord tells programs is what works: the address, and to check it.
	if c, err := landlord.Login(t.Context(), r.estate, r.estate.Tenants[0], "acme_app", true); err == nil {
		if got := c.Settings; got.Host != "localhost" || got.Port != r.estate.Router.Port || got.Database != "acme" || got.SSLMode != "verify-full" || got.SSLRootCert != ca.path("ca.pem") {
			t.Errorf("programs are told %s:%d/%s %s %s", got.Host, got.Port, got.Database, got.SSLMode, got.SSLRootCert)
		}
	} else {
		t.Error(err)
	}
	r.distrusts(t, ca, stranger, func(ctx context.Context) error {
		conn, err := enterFor(ctx, "bolt", "bolt_app", verified)
		if err == nil {
			err = conn.Ping(ctx)
		}
		return err
	})
}

// distrusts shows that the router sends nobody to a server whose certificate is
// another authority's, and that a server gives verifiers for no other certificate.
func (r *routed) distrusts(t *testing.T, ca, stranger *authority, enter func(context.Context) error) {
	t.Helper()
	ca.sign(t, "somebody", false)
	right := *r.estate.Router
	for _, x := range []struct {
		what, logged string
		change       func(*tenant.Router)
	}{
		{"a server of another authority", "certificate verify failed", func(r *tenant.Router) { r.ServerCA = stranger.path("stranger.pem") }},
		{"a certificate of another name", "certificate authentication failed for user \"landlord_router\"", func(r *tenant.Router) {
			r.ServerCert, r.ServerKey = ca.path("somebody.pem"), ca.path("somebody.key")
		}},
	} {
		wrong := right
		x.change(&wrong)
		r.estate.Router = &wrong
		r.apply(t)
		if err := landlord.ShutRouter(t.Context(), r.estate, "bolt"); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		go func() { // PgBouncer tries again and again, for two minutes
			defer cancel()
			for ctx.Err() == nil {
				if log, _ := os.ReadFile(right.Log + ".1"); strings.Contains(string(log), x.logged) {
					return
				}
				time.Sleep(5 * time.Millisecond)
			}
		}()
		if enter(ctx) == nil {
			t.Errorf("in, with %s", x.what)
		}
		cancel()
		r.estate.Router = &right
		r.apply(t)
		if err := landlord.ShutRouter(t.Context(), r.estate, "bolt"); err != nil {
			t.Fatal(err)
		}
		// Newer PgBouncers tell who comes of the last failure until they try again.
		err := enter(t.Context())
		for deadline := time.Now().Add(60 * time.Second); err != nil && strings.Contains(err.Error(), "server_login_retry") && time.Now().Before(deadline); err = enter(t.Context()) {
			time.Sleep(20 * time.Millisecond)
		}
		if err != nil {
			t.Errorf("after %s: %v", x.what, err)
		}
	}
	none := right
	none.ServerCert, none.ServerKey = "", ""
	r.estate.Router = &none
	p, err := landlord.PlanRouter(t.Context(), r.estate)
	if err != nil || len(p.Notes) == 0 || !p.Notes[0].Cannot || !strings.Contains(p.Notes[0].What, "server_tls") {
		t.Errorf("without a certificate: %+v, %v", p.Notes, err)
	}
	r.estate.Router = &right
}
