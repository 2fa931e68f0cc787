package connect

import (
	"fmt"
	"net"
	"net/url"
	"strings"
)

// Words splits a connection string, libpq keywords and values or a URI, into
// its parameters. Errors never repeat values, which may be secret.
func Words(conninfo string) (map[string]string, error) {
	if strings.HasPrefix(conninfo, "postgres://") || strings.HasPrefix(conninfo, "postgresql://") {
		return uriWords(conninfo)
	}
	words := map[string]string{}
	rest := strings.TrimSpace(conninfo)
	for rest != "" {
		key, after, ok := strings.Cut(rest, "=")
		if !ok {
			return nil, fmt.Errorf("no = behind a keyword of the connection string")
		}
		value, left, err := wordValue(strings.TrimLeft(after, " \t\r\n"))
		if err != nil {
			return nil, err
		}
		words[strings.TrimSpace(key)] = value
		rest = strings.TrimSpace(left)
	}
	return words, nil
}

// wordValue reads a value as libpq does: quoted or up to the next blank, with
// backslash escapes.
func wordValue(s string) (value, rest string, err error) {
	quoted := strings.HasPrefix(s, "'")
	if quoted {
		s = s[1:]
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case quoted && c == '\'':
			return b.String(), s[i+1:], nil
		case !quoted && strings.IndexByte(" \t\r\n", c) >= 0:
			return b.String(), s[i:], nil
		default:
			b.WriteByte(c)
		}
	}
	if quoted {
		return "", "", fmt.Errorf("a quoted value of the connection string has no end")
	}
	return b.String(), "", nil
}

func uriWords(conninfo string) (map[string]string, error) {
	scheme, rest, _ := strings.Cut(conninfo, "://")
	end := strings.IndexAny(rest+"/", "/?")
	userinfo, authority := "", rest[:end]
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		userinfo, authority = authority[:at+1], authority[at+1:]
	}
	// Several hosts are libpq's own, and no URI to url.Parse.
	u, err := url.Parse(scheme + "://" + userinfo + "host" + rest[end:])
	if err != nil {
		return nil, fmt.Errorf("the connection string is no valid URI")
	}
	words := map[string]string{}
	for key, values := range u.Query() {
		words[key] = values[len(values)-1]
	}
	var hosts, ports []string
	for part := range strings.SplitSeq(authority, ",") {
		host, port, err := net.SplitHostPort(part)
		if err != nil {
			host, port = strings.Trim(part, "[]"), ""
		}
		hosts, ports = append(hosts, host), append(ports, port)
	}
	set(words, "host", strings.Join(hosts, ","))
	set(words, "port", strings.Trim(strings.Join(ports, ","), ","))
	set(words, "dbname", strings.TrimPrefix(u.Path, "/"))
	set(words, "user", u.User.Username())
	return words, nil
}

func set(words map[string]string, key, value string) {
	if value != "" {
		words[key] = value
	}
}

// Word quotes a value of a connection string.
func Word(value string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(value) + "'"
}
