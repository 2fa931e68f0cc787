package bouncer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"landlord/internal/router"
	"landlord/internal/run"
	"landlord/internal/tenant"
	"landlord/internal/wholefile"
)

// units is where the administrator's units stand.
const units = "/etc/systemd/system"

// Install has systemd know a router's processes, and says whether anything had
// to be written. It wants root.
func Install(ctx context.Context, r tenant.Router, program string) (bool, error) {
	out, _, err := run.Command(ctx, run.Spec{Name: program, Args: []string{"--version"}})
	if err != nil {
		return false, err
	}
	path := filepath.Join(units, router.UnitFile)
	text := router.UnitText(r, program, strings.Contains(string(out), "systemd: yes"))
	have, err := os.ReadFile(path)
	switch {
	case err == nil && string(have) == text:
		return false, nil
	case err == nil && !router.OurUnit(r, string(have)):
		return false, fmt.Errorf("%s is another router's, or somebody's own: take it away if nobody needs it, or give this router's processes units of your own and say host: {manager: plain}", path)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return false, fmt.Errorf("reading the router's unit: %w", err)
	}
	if err := wholefile.Write(path, []byte(text), 0o644, nil); err != nil {
		return false, fmt.Errorf("writing the router's unit: %w", err)
	}
	return true, systemctl(ctx, "daemon-reload")
}

// Supervise has systemd start a process with the machine, and now, if it does not
// run. Where another than systemd runs it, that is an error, and nothing changes.
func Supervise(ctx context.Context, process int, running bool) (started bool, err error) {
	unit := router.Unit(process)
	_, _, err = run.Command(ctx, run.Spec{Name: "systemctl", Args: []string{"is-active", "--quiet", unit}})
	active := err == nil
	if running && !active {
		return false, fmt.Errorf("process %d of the router runs, and not as systemd's %s: stop it (Debian's own service: systemctl disable --now pgbouncer), and run landlord router apply again", process, unit)
	}
	if err := systemctl(ctx, "enable", "--quiet", unit); err != nil || active {
		return false, err
	}
	return true, systemctl(ctx, "start", unit)
}

func systemctl(ctx context.Context, args ...string) error {
	_, stderr, err := run.Command(ctx, run.Spec{Name: "systemctl", Args: args})
	if err != nil {
		return fmt.Errorf("systemctl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(stderr)))
	}
	return nil
}
