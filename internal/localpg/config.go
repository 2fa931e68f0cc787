package localpg

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// DefaultHBA lets our own OS user (and root and postgres) in as role postgres
// over the socket, and nobody else anywhere.
const DefaultHBA = "local all postgres peer map=" + identMap + "\n"

// identMap is the name of the map in pg_ident.conf by which root, the OS user
// postgres and our own OS user may connect as role postgres.
const identMap = "landlord"

func identConf(peers []string) string {
	var b strings.Builder
	for _, peer := range peers {
		fmt.Fprintf(&b, "%s %s postgres\n", identMap, quoteIdent(peer))
	}
	return b.String()
}

// quoteIdent quotes a word of pg_ident.conf: a user's name may hold a space,
// a comma or a #, or begin with the / that makes a regular expression.
func quoteIdent(word string) string {
	return `"` + strings.ReplaceAll(word, `"`, `""`) + `"`
}

// settings are what postgresql.conf must say for these options, on top of
// what initdb wrote.
func (s *Server) settings() map[string]string {
	conf := map[string]string{
		"port":                    strconv.Itoa(s.port),
		"unix_socket_directories": s.SocketDir(),
		"listen_addresses":        "",
		"logging_collector":       "off",
		"log_destination":         "stderr",
		"log_line_prefix":         "%m [%p] %q%u@%d ",
		"log_timezone":            "UTC",
		"timezone":                "UTC",
		"password_encryption":     "scram-sha-256",
		// In the data directory, where nothing is left behind after a crash.
		"dynamic_shared_memory_type": "mmap",
	}
	if s.opts.TCP || s.opts.TLS {
		conf["listen_addresses"] = "127.0.0.1"
	}
	if s.opts.TLS {
		conf["ssl"] = "on"
		conf["ssl_cert_file"] = s.path("tls", "server.crt")
		conf["ssl_key_file"] = s.path("tls", "server.key")
	}
	if s.opts.Unsafe {
		// Not synchronous_commit: what is committed must outlive Kill9.
		conf["fsync"], conf["full_page_writes"] = "off", "off"
	}
	maps.Copy(conf, s.opts.Settings)
	return conf
}

// configFile prints settings as lines of postgresql.conf, in order of name.
func configFile(settings map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(&b, "%s = %s\n", name, quoteSetting(settings[name]))
	}
	return b.String()
}

// quoteSetting quotes a value of postgresql.conf, where a backslash escapes
// and a quote is doubled.
func quoteSetting(value string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `''`, "\n", `\n`).Replace(value) + "'"
}
