package plan

import (
	"fmt"
	"strings"

	"landlord/internal/isolation"
)

// serversFunctions are what everybody may call of a whole server's control
// data and, in newer versions, of others' sessions and of which blocks of whose
// tables have changed; each with the major version that it came with.
var serversFunctions = []struct {
	since int
	name  string
}{
	{0, "pg_control_system()"}, {0, "pg_control_checkpoint()"}, {0, "pg_control_recovery()"}, {0, "pg_control_init()"},
	{17, "pg_available_wal_summaries()"}, {17, "pg_wal_summary_contents(pg_catalog.int8, pg_catalog.pg_lsn, pg_catalog.pg_lsn)"},
	{17, "pg_get_wal_summarizer_state()"}, {18, "pg_stat_get_backend_io(pg_catalog.int4)"}, {18, "pg_stat_get_backend_wal(pg_catalog.int4)"},
}

// controlDoor closes the functions that tell of the whole server: its
// identifier, when it makes checkpoints, what others' sessions write. A login
// without SUPERUSER cannot, and prove then lists exposures.
func (u unit) controlDoor(in *inside) {
	if !in.controlOpen || !u.b.superuser() {
		return
	}
	var names []string
	for _, f := range serversFunctions {
		if u.b.version().Major() >= f.since {
			names = append(names, "pg_catalog."+f.name)
		}
	}
	u.do("what the whole server and others' sessions do is no tenant's business", Access,
		"REVOKE EXECUTE ON FUNCTION "+strings.Join(names, ", ")+" FROM PUBLIC")
}

// messagesDoor closes the functions that write messages into the write-ahead
// log of a shared database: who reads its changes by logical replication is
// handed them, and is not told whose they are. In a database of its own a tenant
// can only mislead itself, and an application may need them.
func (u unit) messagesDoor(c isolation.Container, in *inside) {
	if !c.Shared || !in.messagesOpen || !u.b.superuser() {
		return
	}
	last := ""
	if u.b.version().Major() >= 17 {
		last = ", pg_catalog.bool"
	}
	u.do("whoever reads the changes of a shared database is handed its tenants' messages, and not told whose they are", Access,
		fmt.Sprintf("REVOKE EXECUTE ON FUNCTION pg_catalog.pg_logical_emit_message(pg_catalog.bool, pg_catalog.text, pg_catalog.text%[1]s), pg_catalog.pg_logical_emit_message(pg_catalog.bool, pg_catalog.text, pg_catalog.bytea%[1]s) FROM PUBLIC", last))
}
