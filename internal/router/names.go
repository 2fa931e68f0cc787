package router

import (
	"iter"
	"strings"
)

// Nowhere is where closed names lead: no socket is there.
const Nowhere = "/dev/null"

// closed is what stands behind a name that keeps its place and leads nowhere.
// hba.conf lets nobody in by it. It is not left out: PgBouncer forgets what it
// knows of a name that is gone from its files while somebody is about to log in
// by it, and then reads that (kill_database and login_client_list, up to 1.24.1
// at least): whoever began to log in before their name went could end it for all.
const closed = "host=" + Nowhere + " dbname=closed pool_size=1 max_db_connections=1"

// Shut reads which names a pgbouncer.ini of landlord's has that lead nowhere.
func Shut(ini string) []string {
	var names []string
	for name, words := range databases(ini) {
		if words == closed {
			names = append(names, name)
		}
	}
	return names
}

// Names reads which names a pgbouncer.ini of landlord's has.
func Names(ini string) []string {
	var names []string
	for name := range databases(ini) {
		names = append(names, name)
	}
	return names
}

// databases are the names of a pgbouncer.ini of landlord's, each with what stands
// behind it.
func databases(ini string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		inside := false
		for line := range strings.Lines(ini) {
			line = strings.TrimSpace(line)
			if strings.HasPrefix(line, "[") {
				inside = line == "[databases]"
				continue
			}
			name, words, ok := strings.Cut(line, " = ")
			if inside && ok && simple.MatchString(name) && !strings.HasPrefix(name, askPrefix) && !yield(name, words) {
				return
			}
		}
	}
}
