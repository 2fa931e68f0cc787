package credentials

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"landlord/internal/tenant"
)

// DefaultPort is PostgreSQL's own.
const DefaultPort = 5432

// Settings is everything that an application needs to connect as one login.
type Settings struct {
	// Name is the service's name in pg_service.conf and the connection's in
	// CakePHP. Empty: the login's name.
	Name     string
	Server   string // the server's name in landlord.yaml
	Tenant   string
	Kind     tenant.Kind
	Host     string // a name, an address, the directory of a Unix socket; several with commas, as libpq takes them
	Port     int    // of every host; 0 is [DefaultPort]
	Database string
	// Also are further databases that the login gets into with the same
	// password. A pgpass file has a line for each; all else is about Database.
	Also   []string
	User   string
	Secret Secret // none: the password is not known
	// SSLMode is one of libpq's, or empty for the client's default.
	SSLMode string
	// SSLRootCert is the file of the authority that signed the server's
	// certificate, or "system" (libpq 16) for the client's own authorities.
	SSLRootCert string
	// Schema is the tenant's first schema. Only CakePHP is told: for everyone
	// else the login's own search_path says it, and PgBouncer refuses
	// search_path as a start-up parameter.
	Schema string
}

var sslModes = []string{"", "disable", "allow", "prefer", "require", "verify-ca", "verify-full"}

// check says why no format could hold the settings, or nil.
func (s Settings) check() error {
	for _, f := range []struct{ name, value string }{
		{"host", s.Host}, {"database", s.Database}, {"user", s.User},
	} {
		if f.value == "" {
			return fmt.Errorf("the %s is missing", f.name)
		}
	}
	for _, f := range s.fields() {
		if strings.ContainsRune(f.value, 0) || !utf8.ValidString(f.value) {
			return fmt.Errorf("the %s holds a NUL or is not UTF-8", f.name)
		}
	}
	if s.Port < 0 || s.Port > 65535 {
		return fmt.Errorf("port %d is not between 1 and 65535", s.Port)
	}
	if !slices.Contains(sslModes, s.SSLMode) {
		return fmt.Errorf("sslmode %q is none of %s", s.SSLMode, strings.Join(sslModes[1:], ", "))
	}
	return nil
}

type field struct{ name, value string }

// fields lists the texts of the settings, under the names that messages use.
func (s Settings) fields() []field {
	all := []field{
		{"host", s.Host}, {"database", s.Database}, {"user", s.User}, {"name", s.name()},
		{"password", s.Secret.Reveal()}, {"sslrootcert", s.SSLRootCert}, {"schema", s.Schema},
	}
	for _, database := range s.Also {
		all = append(all, field{"database", database})
	}
	return all
}

func (s Settings) name() string { return cmp.Or(s.Name, s.User) }

func (s Settings) portNumber() int { return cmp.Or(s.Port, DefaultPort) }

func (s Settings) port() string { return strconv.Itoa(s.portNumber()) }

func (s Settings) hosts() []string { return strings.Split(s.Host, ",") }

// isSocket says whether libpq takes a host for the directory of a Unix
// socket ("@" is Linux's abstract namespace).
func isSocket(host string) bool {
	return strings.HasPrefix(host, "/") || strings.HasPrefix(host, "@")
}

// isIPv6 says whether a host needs brackets before a port.
func isIPv6(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Is6()
}

// isHostname says whether a host is a name or an IPv4 address without any
// character that a URI or a connection string would want escaped.
func isHostname(host string) bool {
	return host != "" && strings.Trim(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") == ""
}
