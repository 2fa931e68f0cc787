package cli

import "strings"

// emergency is what to do about a server that can do nothing at all now,
// whatever it was that failed of it; "" if it is not that.
func emergency(err error) string {
	for _, e := range []struct{ state, next string }{
		{"53100", "the server's disk is full: make room, then run again"},
		{"53200", "the server is out of memory: see its log, then run again"},
		{"53300", "the server is out of connections: end sessions (pg_stat_activity) or raise max_connections, then run again"},
		{"57P01", "the server was shut down, or somebody ended landlord's session: start it, then run again"},
		{"57P02", "the server crashed: see its log, then run again"},
		{"57P03", "the server is starting up or shutting down: wait, then run again"},
	} {
		if strings.Contains(err.Error(), "SQLSTATE "+e.state) {
			return e.next
		}
	}
	return ""
}
