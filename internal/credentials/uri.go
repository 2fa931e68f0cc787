package credentials

import (
	"fmt"
	"net/url"
	"strings"
)

// uri renders a libpq connection URI (manual, 34.1.1.2).
func uri(s Settings) (string, error) { return uriText(s) + "\n", nil }

func uriText(s Settings) string {
	var b strings.Builder
	b.WriteString("postgresql://" + percent(s.User, ""))
	if !s.Secret.IsZero() {
		b.WriteString(":" + percent(s.Secret.Reveal(), ""))
	}
	var query []string
	switch {
	case isHostname(s.Host):
		b.WriteString("@" + s.Host + ":" + s.port())
	case isIPv6(s.Host):
		b.WriteString("@[" + percent(s.Host, ":") + "]:" + s.port())
	default: // a socket's directory or several hosts do not fit before the path
		b.WriteString("@")
		query = append(query, "host="+percent(s.Host, "/,:"), "port="+s.port())
	}
	b.WriteString("/" + percent(s.Database, ""))
	if s.SSLMode != "" {
		query = append(query, "sslmode="+s.SSLMode)
	}
	if s.SSLRootCert != "" {
		query = append(query, "sslrootcert="+percent(s.SSLRootCert, "/"))
	}
	if len(query) > 0 {
		b.WriteString("?" + strings.Join(query, "&"))
	}
	return b.String()
}

// percent encodes everything but RFC 3986's unreserved characters and those
// of keep. It is stricter than package net/url, whose query encoding writes a
// space as "+", which libpq reads as a plus.
func percent(s, keep string) string {
	escaped := strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
	for _, c := range keep {
		escaped = strings.ReplaceAll(escaped, url.QueryEscape(string(c)), string(c))
	}
	return escaped
}

// jdbc renders Java properties. The password is no part of the URL, which
// Java programs like to log.
func jdbc(s Settings) (string, error) {
	var addresses []string
	for _, host := range s.hosts() {
		switch {
		case isSocket(host):
			return "", fmt.Errorf("PostgreSQL's JDBC driver cannot use the Unix socket in %q: "+
				"set servers.%s.endpoint to a host name or address", host, s.Server)
		case isIPv6(host):
			addresses = append(addresses, "["+host+"]:"+s.port())
		case isHostname(host):
			addresses = append(addresses, host+":"+s.port())
		default: // the driver does not decode the host (Driver.parseURL)
			return "", fmt.Errorf("a JDBC URL cannot hold the host %q", host)
		}
	}
	text := "jdbc:postgresql://" + strings.Join(addresses, ",") + "/" + percent(s.Database, "")
	if query := jdbcTLS(s); len(query) > 0 {
		text += "?" + strings.Join(query, "&")
	}
	text = property("url", text) + property("user", s.User)
	if !s.Secret.IsZero() {
		text += property("password", s.Secret.Reveal())
	}
	return text, nil
}

func jdbcTLS(s Settings) []string {
	var query []string
	if s.SSLMode != "" {
		query = append(query, "sslmode="+s.SSLMode)
	}
	switch s.SSLRootCert {
	case "":
	case "system": // libpq's word; Java's own authorities are a socket factory
		query = append(query, "sslfactory=org.postgresql.ssl.DefaultJavaSSLFactory")
	default:
		query = append(query, "sslrootcert="+percent(s.SSLRootCert, "/"))
	}
	return query
}

// property renders one line of a Java properties file, in ASCII, since
// Properties.load(InputStream) reads ISO 8859-1.
func property(key, value string) string {
	var b strings.Builder
	b.WriteString(key + "=")
	for i, r := range value {
		switch {
		case r == '\\':
			b.WriteString(`\\`)
		case r == ' ' && i == 0:
			b.WriteString(`\ `)
		case r >= ' ' && r <= '~':
			b.WriteRune(r)
		default:
			b.WriteString(javaEscape(r))
		}
	}
	return b.String() + "\n"
}
