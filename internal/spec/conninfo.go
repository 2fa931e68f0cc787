package spec

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// connectionWords are libpq's parameter key words (manual, "Parameter Key
// Words"), without those that only a program sets.
var connectionWords = strings.Fields(`host hostaddr port dbname user password passfile require_auth channel_binding
	connect_timeout client_encoding options application_name fallback_application_name
	keepalives keepalives_idle keepalives_interval keepalives_count tcp_user_timeout
	gssencmode sslmode sslnegotiation sslcompression sslcert sslkey sslpassword sslcertmode sslrootcert
	sslcrl sslcrldir sslsni requirepeer ssl_min_protocol_version ssl_max_protocol_version
	min_protocol_version max_protocol_version krbsrvname gsslib gssdelegation service
	target_session_attrs load_balance_hosts`)

var errPassword = errors.New("a password does not belong in this file: leave it out here and put it into a pgpass file, named by PGPASSFILE or passfile=")

// wordError is an unknown key word of a connection string.
type wordError struct{ word string }

func (e *wordError) Error() string {
	return fmt.Sprintf("libpq knows no connection parameter %q", e.word)
}

// checkConnection says what is wrong with a connection string. Its errors
// never repeat values, which may be secret.
func checkConnection(s string) error {
	words, err := connectionKeys(s)
	if err != nil {
		return err
	}
	for _, w := range words {
		switch {
		case w == "password" || w == "sslpassword":
			return errPassword
		case !slices.Contains(connectionWords, w):
			return &wordError{w}
		}
	}
	return nil
}

// connectionKeys lists the parameters that a connection string sets.
func connectionKeys(s string) ([]string, error) {
	if strings.HasPrefix(s, "postgres://") || strings.HasPrefix(s, "postgresql://") {
		return uriKeys(s)
	}
	if strings.TrimSpace(s) == "" {
		return nil, errors.New("empty: wants libpq keywords and values, such as host=/var/run/postgresql user=postgres, or a postgres:// URI")
	}
	return keywordKeys(s)
}

func uriKeys(s string) ([]string, error) {
	_, rest, _ := strings.Cut(s, "://")
	authority, _, _ := strings.Cut(rest, "/")
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		if _, _, found := strings.Cut(authority[:at], ":"); found {
			return nil, errPassword
		}
	}
	_, query, _ := strings.Cut(rest, "?")
	if query == "" {
		return nil, nil
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, errors.New("the part after ? of the URI is not well formed: wants key=value&key=value")
	}
	var words []string
	for w := range values {
		if w != "ssl" { // JDBC's word, which libpq takes in URIs
			words = append(words, w)
		}
	}
	slices.Sort(words)
	return words, nil
}

// keywordKeys follows conninfo_parse in libpq's fe-connect.c.
func keywordKeys(s string) ([]string, error) {
	const blanks = " \t\r\n\f\v"
	var words []string
	for s = strings.TrimLeft(s, blanks); s != ""; s = strings.TrimLeft(s, blanks) {
		word, rest, found := strings.Cut(s, "=")
		word = strings.TrimRight(word, blanks)
		if !found || word == "" || strings.ContainsAny(word, blanks) {
			return nil, errors.New(`wants libpq keywords and values, such as host=db.example port=5432, or a postgres:// URI: an "=" or a keyword is missing`)
		}
		var err error
		if s, err = skipValue(strings.TrimLeft(rest, blanks)); err != nil {
			return nil, err
		}
		words = append(words, word)
	}
	return words, nil
}

// skipValue returns what follows the value that s begins with.
func skipValue(s string) (string, error) {
	quoted := strings.HasPrefix(s, "'")
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
		case quoted && i > 0 && c == '\'':
			return s[i+1:], nil
		case !quoted && strings.IndexByte(" \t\r\n\f\v", c) >= 0:
			return s[i:], nil
		}
	}
	if quoted {
		return "", errors.New("a quoted value has no closing '")
	}
	return "", nil
}
