package router

import (
	"fmt"
	"strings"

	"landlord/internal/tenant"
)

// UnitFile is the template of systemd's units, one for each process.
const UnitFile = "landlord-router@.service"

// Unit is the name of a process's unit.
func Unit(process int) string { return fmt.Sprintf("landlord-router@%d.service", process) }

// unitOf says whose unit it is: a second router on one machine wants a unit of
// its own making.
func unitOf(r tenant.Router) string {
	return "# landlord writes this file anew with landlord router apply, for the router in " + r.Directory + "\n"
}

// OurUnit says whether a unit's text was written for this router.
func OurUnit(r tenant.Router, text string) bool { return strings.HasPrefix(text, unitOf(r)) }

// UnitText is the template by which systemd runs each process: started with the
// machine, and again whenever it ends. ready says that the program tells systemd
// when it is up.
func UnitText(r tenant.Router, program string, ready bool) string {
	kind := "exec"
	if ready {
		kind = "notify"
	}
	dir := unitWord(r.Directory+"/") + "%i/"
	// What is still under way gets this long before it is cut off; a client in
	// session mode may stay for ever.
	const seconds = 20
	return unitOf(r) + fmt.Sprintf(`[Unit]
Description=PgBouncer, the router before landlord's tenants (process %%i)
Documentation=man:pgbouncer(1)
Wants=network-online.target
After=network-online.target postgresql.service
StartLimitIntervalSec=0

[Service]
Type=%[1]s
User=%[2]s
# A machine that went down hard leaves the number of a process that is another's now.
ExecStartPre=/bin/rm -f "%[3]spid"
ExecStartPre=+/bin/sh -c 'test -d "$1" || install -d -o "$2" "$1"' sh "%[4]s" "%[2]s"
ExecStart="%[5]s" "%[3]spgbouncer.ini"
ExecReload=/bin/kill -HUP $MAINPID
KillSignal=SIGINT
TimeoutStopSec=%[6]d
Restart=always
RestartSec=100ms
LimitNOFILE=%[7]d
NoNewPrivileges=yes

[Install]
WantedBy=multi-user.target
`, kind, unitWord(r.User), dir, unitWord(r.Socket), unitWord(program), seconds, max(65536, 2*r.MaxClients))
}

// unitWord is text inside of double quotes in a unit's command.
func unitWord(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "%", "%%", "$", "$$").Replace(s)
}
