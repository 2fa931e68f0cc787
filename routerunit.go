package landlord

import (
	"context"
	"errors"
	"os"

	"landlord/internal/bouncer"
	"landlord/internal/router"
	"landlord/internal/run"
	"landlord/internal/tenant"
)

// Supervised says whether systemd runs the router's processes on this machine:
// where it is the machine's manager, and host.manager does not say otherwise.
func Supervised(e tenant.Estate) bool { return e.Host.Kind() == tenant.Debian && run.Systemd() }

// SuperviseRouter gives each process of the router a unit of systemd's, and
// starts those that do not run: with the machine, too, and again whenever they
// end. It changes the outcomes accordingly. Where systemd is not the machine's
// manager it does nothing; who is not root is told to run landlord router apply
// as root, which starts it.
func SuperviseRouter(ctx context.Context, e tenant.Estate, p RouterPlan, out []RouterOutcome) error {
	if !Supervised(e) {
		return nil
	}
	if os.Geteuid() != 0 {
		for i := range out {
			out[i].Start = []string{"sudo", "landlord", "router", "apply"}
		}
		return nil
	}
	if _, err := bouncer.Install(ctx, *e.Router, p.program); err != nil {
		return err
	}
	var errs []error
	for i, o := range out {
		started, err := bouncer.Supervise(ctx, o.Process, o.Running)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if out[i].Unit = router.Unit(o.Process); started {
			out[i].Started, out[i].Running = true, true
		}
	}
	return errors.Join(errs...)
}
