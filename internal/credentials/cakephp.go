package credentials

import (
	"fmt"
	"strings"
)

const cakephpHead = `<?php
// Merge this into config/app_local.php.
`

const cakephpTLS = `// CakePHP hands host to PDO as it stands, so sslmode can follow it there. This
// works in every version; older ones silently ignore the keys ssl, ssl_mode and ssl_ca.
`

// cakephp renders the Datasources of CakePHP 3 to 5
// (src/Database/Driver/Postgres.php).
//
// TLS goes into host: the driver puts it into PDO's "pgsql:host=…;port=…"
// unquoted, and the keys ssl, ssl_mode and ssl_ca came only in 2025
// (cakephp/cakephp#18222). On a driver that does not know them, a connection
// with ssl_mode verify-full would quietly be made with prefer.
// The key unix_socket is no use: the driver then drops the directory.
func cakephp(settings []Settings) ([]byte, error) {
	var b strings.Builder
	b.WriteString(cakephpHead)
	if len(settings) > 0 && settings[0].SSLMode != "" {
		b.WriteString(cakephpTLS)
	}
	b.WriteString("return [\n    'Datasources' => [\n")
	for i, s := range settings {
		name := s.name()
		if i == 0 {
			name = "default"
		}
		text, err := datasource(name, s)
		if err != nil {
			return nil, fmt.Errorf("login %q: %w", s.User, err)
		}
		b.WriteString(text)
	}
	b.WriteString("    ],\n];\n")
	return []byte(b.String()), nil
}

func datasource(name string, s Settings) (string, error) {
	// CakePHP compares database with the catalog's name when it describes
	// tables, so it cannot be quoted for PDO.
	if quoted, err := dsnQuote(s.Database); err != nil || quoted != s.Database {
		return "", fmt.Errorf("CakePHP cannot connect to a database named %q: it puts the name into PDO's connection string unquoted", s.Database)
	}
	host, err := dsnHost(s)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	line := func(key, value string) { fmt.Fprintf(&b, "            '%s' => %s,\n", key, value) }
	fmt.Fprintf(&b, "        %s => [\n", phpQuote(name))
	line("className", `\Cake\Database\Connection::class`)
	line("driver", `\Cake\Database\Driver\Postgres::class`)
	line("persistent", "false")
	line("host", phpQuote(host))
	line("port", s.port())
	line("username", phpQuote(s.User))
	line("password", phpQuote(s.Secret.Reveal()))
	line("database", phpQuote(s.Database))
	if s.Schema != "" {
		line("schema", phpQuote(s.Schema))
	}
	line("encoding", "'utf8'")
	b.WriteString("        ],\n")
	return b.String(), nil
}

// dsnHost is the host with the TLS parameters after it, as PDO's connection
// string takes them.
func dsnHost(s Settings) (string, error) {
	host, err := dsnQuote(s.Host)
	if err != nil {
		return "", fmt.Errorf("host: %w", err)
	}
	if s.SSLMode != "" {
		host += ";sslmode=" + s.SSLMode
	}
	if s.SSLRootCert != "" {
		cert, err := dsnQuote(s.SSLRootCert)
		if err != nil {
			return "", fmt.Errorf("sslrootcert: %w", err)
		}
		host += ";sslrootcert=" + cert
	}
	return host, nil
}

// dsnQuote quotes a value for libpq's keyword/value form, where it needs
// quotes. PDO turns every semicolon into a space, quoted or not.
func dsnQuote(s string) (string, error) {
	if strings.Contains(s, ";") {
		return "", fmt.Errorf("PDO's connection string cannot hold the semicolon in %q", s)
	}
	if !strings.ContainsAny(s, " \t\n\v\f\r'\\") {
		return s, nil
	}
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'", nil
}

// phpQuote quotes a string for PHP.
func phpQuote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}
