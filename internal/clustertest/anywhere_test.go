package clustertest

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"landlord/internal/cli"
	"landlord/internal/pgtest"
)

// TestMain is the command landlord as well, for tests that kill it.
func TestMain(m *testing.M) {
	if os.Getenv("LANDLORD_CLI") != "" {
		os.Exit(cli.Main(os.Args[1:], cli.Process()))
	}
	os.Exit(m.Run())
}

// until runs the command again and again, and kills it each time, a little
// later each time, until it comes to its end before that.
func (w *world) until(step time.Duration, args ...string) (kills int) {
	w.Helper()
	for after := step; ; after += step {
		r, out, err := os.Pipe()
		if err != nil {
			w.Fatal(err)
		}
		p, err := os.StartProcess("/proc/self/exe", append([]string{"landlord"}, args...), &os.ProcAttr{
			Env: append(os.Environ(), "LANDLORD_CLI=1"), Files: []*os.File{nil, out, out}})
		if err != nil {
			w.Fatal(err)
		}
		out.Close()
		timer := time.AfterFunc(after, func() { _ = p.Kill() })
		text := new(strings.Builder)
		_, _ = fmt.Fprint(text, readAll(r))
		state, err := p.Wait()
		timer.Stop()
		switch {
		case err != nil:
			w.Fatal(err)
		case state.Success():
			return kills
		case state.ExitCode() >= 0: // it ended by itself
			more, _ := w.shell("systemctl status --no-pager 'postgresql@*acme*'; tail -n 20 /var/log/postgresql/*acme*; ls -lR /var/lib/landlord /etc/postgresql/*/acme /run/landlord | head -60")
			w.Fatalf("%v, after it was killed %d times: exit status %d\n%s%s", args, kills, state.ExitCode(), text, more)
		}
		kills++
	}
}

func readAll(f *os.File) string {
	defer f.Close()
	var all strings.Builder
	_, _ = f.WriteTo(&all)
	return all.String()
}

// anywhere kills the whole command at any moment of a server's life: while it is
// made, while it is changed, while it is removed.
func (w *world) anywhere(name, file, change, into string) {
	w.Helper()
	save := func() {
		if err := os.WriteFile(file, []byte(w.text), 0o644); err != nil {
			w.Fatal(err)
		}
	}
	const step = 60 * time.Millisecond
	save()
	kills := w.until(step, "apply", "--yes", "-f", file)
	w.settled()
	if err := w.sql(name, "CREATE TABLE "+name+".t AS SELECT 42 AS x"); err != nil {
		w.Fatal(err)
	}
	w.change(change, into)
	save()
	changes := w.until(step, "apply", "--yes", "-f", file)
	w.settled()
	if got := w.value(name, "SELECT x FROM "+name+".t"); got != "42" {
		w.Errorf("the data is %s", got)
	}
	home := w.server(name).Own.Home
	removals := w.until(step, "tenant", "remove", name, "--no-dump", "--confirm", name, "-f", file)
	if _, err := os.Stat(home); err == nil {
		w.Errorf("%s is still there", home)
	}
	w.Logf("measured: killed %d times while it was made, %d while it was changed, %d while it was removed", kills, changes, removals)
}

func everyStep(t *testing.T) {
	if os.Getenv("LANDLORD_EVERY_STEP") == "" {
		t.Skip("takes minutes: LANDLORD_EVERY_STEP=1 runs it")
	}
}

func TestKilledAnywhere(t *testing.T) {
	everyStep(t)
	port, next := fmt.Sprintf("port: %d", pgtest.FreePort(t)), fmt.Sprintf("port: %d", pgtest.FreePort(t))
	w := plain(t, "  acme: {resources: {"+port+"}}\n  bolt: {suspended: true}\n")
	w.anywhere("acme", t.TempDir()+"/landlord.yaml", port, next+", settings: {work_mem: 3MB}")
}

func TestKilledAnywhereUnderSystemd(t *testing.T) {
	everyStep(t)
	if !inBox(t) {
		return
	}
	w := &world{T: t}
	w.must("ip link set lo up; ip link add own0 type veth peer name own1; ip link set own0 up")
	w.write(hostSpec[:strings.Index(hostSpec, "  bolt:")] + "  crux: {suspended: true}\n")
	w.anywhere("acme", "landlord.yaml", "address: 10.20.0.7", "address: 10.20.0.17, memory: 300MiB")
	if out, _ := w.shell("ls -d /var/lib/landlord/acme /etc/postgresql/15/acme /etc/systemd/system/*acme* /etc/systemd/system/*/*acme* /run/landlord/acme /var/log/postgresql/*acme* 2>/dev/null; id -un ll_acme 2>/dev/null; ip -o -4 address show own0; pg_lsclusters -h | grep acme"); out != "" {
		w.Errorf("left of acme: %s", out)
	}
}
