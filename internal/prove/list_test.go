package prove_test

import (
	"slices"
	"strings"
	"testing"

	"landlord/internal/prove"
)

// attempts are the ways out that are known, by family.
var attempts = map[string]string{
	"Getting in where one does not belong": `
		connect-b-db temp-in-b-db create-in-b-public connect-postgres connect-template1 connect-any-other-db
		login-as-b-wrong-password login-as-superuser-wrong-password replication-connect create-in-postgres-public
		template1-poison-table template1-poison-function db-existence-oracle`,
	"Another tenant's data": `
		b-schema-usage b-schema-create b-table-select b-table-copy b-table-insert b-table-update b-table-delete
		b-table-truncate b-table-trigger b-table-lock b-table-ddl b-function-execute b-largeobject-read b-schema-drop
		b-schema-rename b-db-alter b-db-owner b-db-grant b-db-template-copy`,
	"Becoming more than one is": `
		set-role-b set-role-superuser set-config-role member-of-any-role member-of-b set-session-authorization
		role-attributes alter-self-superuser alter-self-createrole alter-self-createdb alter-self-replication
		alter-self-bypassrls alter-self-connection-limit alter-b-password alter-b-nologin alter-b-settings drop-b-role
		create-role create-database grant-b-to-self grant-predefined-role alter-role-all alter-system read-pg-authid
		read-pg-shadow read-subscription-conninfo read-user-mapping read-pg-largeobject read-server-file
		copy-from-server-file copy-to-server-file copy-to-program lo-import-server language-c-function
		untrusted-language-usable load-library create-tablespace checkpoint switch-wal reload-conf
		replication-slot-physical replication-slot-logical create-subscription create-fdw-server usable-foreign-server
		dblink-usable dblink-loopback-superuser event-trigger session-replication-role disable-logging
		raise-temp-file-limit secdef-unpinned secdef-superuser-owned terminate-b-backend grant-self-to-b`,
	"Turning one's own house against others": `
		own-db-settings own-db-connection-limit own-db-grant-public create-schema create-in-public trusted-extension
		prepare-transaction trojan-user-schema create-temp own-schema-grant-public own-table-grant-public
		own-default-privileges-public self-password self-settings self-settings-in-b-db override-statement-timeout
		override-work-mem`,
	"Seeing others": `
		see-others-query-text see-config-paths see-pgss-text see-control-data see-b-database see-stat-database
		see-b-role see-b-role-by-name-guess see-memberships see-role-settings see-shared-comments see-others-sessions
		see-others-application-name see-others-advisory-keys see-all-locks see-prepared-xacts see-replication-slots
		see-tablespace-size see-wal-position see-xid-counter see-archive-command see-backend-io see-b-table-names
		see-b-columns see-b-row-counts see-b-table-size see-b-function-source see-b-view-definition see-b-constraints
		see-b-largeobjects listen-to-b spoof-notify`,
	"Getting in the way of others": `
		rls-policy-on-settable-guc rls-owner-not-forced rls-bypass-view rls-truncate advisory-lock
		grant-rowlock-catalog grant-rowlock-own-table log-injection grant-rowlock-own-db hold-snapshot
		debug-print-log-flood notify-queue-usage self-rowlock-blocks-offboarding`,
	"The shared pool (one login, SET ROLE)": `
		pool-set-role-b pool-set-config pool-reset-role pool-set-role-none pool-session-authorization pool-discard-all
		pool-do-block pool-function-set-clause pool-read-b-after-switch pool-alter-pool-role pool-change-pool-password
		pool-terminate-siblings pool-tenant-settings-applied`,
	"Starving others": `
		heavy-connections heavy-uninterruptible-pl heavy-temp-table heavy-log-flood heavy-xid-burn heavy-lock-table
		heavy-lock-table-ddl heavy-disk`,
}

func TestEveryAttemptIsAProbe(t *testing.T) {
	probes := map[string]prove.Probe{}
	for _, p := range prove.Probes() {
		if _, twice := probes[p.Name]; twice {
			t.Errorf("two probes are called %s", p.Name)
		}
		probes[p.Name] = p
	}
	for family, names := range attempts {
		for name := range strings.FieldsSeq(names) {
			if _, ok := probes[name]; !ok {
				t.Errorf("%s: %s is no probe", family, name)
			}
		}
	}
}

func TestProbesAreComplete(t *testing.T) {
	for _, p := range prove.Probes() {
		if p.What == "" || (p.Run == nil) == (p.Admin == nil) || !slices.Contains([]prove.Verdict{prove.Held, prove.Exposed, prove.Works}, p.Expect) {
			t.Errorf("%s: incomplete", p.Name)
		}
		if (p.Expect == prove.Exposed || p.Closes != "") && (p.Consequence == "" || p.Closes == "") {
			t.Errorf("%s: an exposure without its consequence, or without what closes it", p.Name)
		}
	}
}
