package credentials

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// Format is one way to write connection settings down.
type Format struct {
	Name string
	// Doc says in a sentence or two who reads it and how.
	Doc string
	// Many says whether it can hold more than one login.
	Many   bool
	render func([]Settings) ([]byte, error)
}

// Formats lists the formats that [Render] knows.
func Formats() []Format {
	return []Format{
		{"uri", "A libpq connection URI, one line a login: for psql, and for most drivers and frameworks (DATABASE_URL).", true, eachLine(uri)},
		{"env", "libpq's environment variables (PGHOST and so on) and DATABASE_URL, quoted for a shell: `set -a; . ./acme.env`.", false, eachLine(env)},
		{"pgpass", "Lines for ~/.pgpass (mode 0600), where libpq finds the password by host, port, database and user.", true, eachLine(pgpass)},
		{"pgservice", "A section a login for ~/.pg_service.conf (mode 0600), chosen with `service=NAME` or PGSERVICE. It holds the password.", true, eachLine(service)},
		{"jdbc", "Java properties with url, user and password for PostgreSQL's JDBC driver. It speaks TCP only.", false, eachLine(jdbc)},
		{"cakephp", "A PHP file that returns CakePHP's Datasources, to merge into config/app_local.php: `default` is the first login, each further one has its own name.", true, cakephp},
		{"json", "An array with an object a login, for programs.", true, asJSON},
	}
}

// FormatNames lists the names of the formats.
func FormatNames() []string {
	var names []string
	for _, f := range Formats() {
		names = append(names, f.Name)
	}
	return names
}

// Render writes settings in one of the [Formats]. A value that the format
// cannot hold is an error that names the format, the login and the value,
// never a file that means something else.
func Render(format string, settings []Settings) ([]byte, error) {
	for _, f := range Formats() {
		if f.Name == format {
			return f.apply(settings)
		}
	}
	return nil, fmt.Errorf("there is no format %q; there are %s", format, strings.Join(FormatNames(), ", "))
}

func (f Format) apply(settings []Settings) ([]byte, error) {
	if len(settings) > 1 && !f.Many {
		return nil, fmt.Errorf("format %s holds one login, not %d: choose one", f.Name, len(settings))
	}
	for _, s := range settings {
		if err := s.check(); err != nil {
			return nil, fmt.Errorf("format %s, login %q: %w", f.Name, s.User, err)
		}
	}
	out, err := f.render(settings)
	if err != nil {
		return nil, fmt.Errorf("format %s: %w", f.Name, err)
	}
	return out, nil
}

// eachLine renders login by login.
func eachLine(one func(Settings) (string, error)) func([]Settings) ([]byte, error) {
	return func(settings []Settings) ([]byte, error) {
		var b bytes.Buffer
		for _, s := range settings {
			text, err := one(s)
			if err != nil {
				return nil, fmt.Errorf("login %q: %w", s.User, err)
			}
			b.WriteString(text)
		}
		return b.Bytes(), nil
	}
}

// asJSON always renders an array, so that a reader needs one path only.
func asJSON(settings []Settings) ([]byte, error) {
	type object struct {
		Name        string `json:"name"`
		Server      string `json:"server,omitempty"`
		Tenant      string `json:"tenant,omitempty"`
		Kind        string `json:"kind,omitempty"`
		Host        string `json:"host"`
		Port        int    `json:"port"`
		Database    string `json:"database"`
		User        string `json:"user"`
		Password    string `json:"password,omitempty"`
		SSLMode     string `json:"sslmode,omitempty"`
		SSLRootCert string `json:"sslrootcert,omitempty"`
		Schema      string `json:"schema,omitempty"`
		URI         string `json:"uri"`
	}
	objects := []object{}
	for _, s := range settings {
		objects = append(objects, object{
			s.name(), s.Server, s.Tenant, string(s.Kind), s.Host, s.portNumber(), s.Database, s.User,
			s.Secret.Reveal(), s.SSLMode, s.SSLRootCert, s.Schema, uriText(s),
		})
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(objects)
	return b.Bytes(), err
}
