package clustertest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"landlord"
	"landlord/internal/connect"
	"landlord/internal/run"
	"landlord/internal/spec"
	"landlord/internal/tenant"
)

// inBox runs the test again inside a private systemd, with a network, an /etc
// and a /var of its own, and says whether this is that run.
func inBox(t *testing.T) bool {
	if os.Getenv("LANDLORD_IN_BOX") != "" {
		return true
	}
	box, program := boxed(t)
	script := fmt.Sprintf(`set -e
mkdir /run/over; mount -t tmpfs tmpfs /run/over
%s
mkdir /run/world; cd /run/world; cp %s test
export LANDLORD_IN_BOX=1
./test -test.run '^%s$' -test.v -test.timeout 20m`, overlaid("/run/over"), program, t.Name())
	out, stderr, err := run.Command(t.Context(), run.Spec{Name: "unshare", Args: []string{"-n", box, "bash", "-c", script}})
	if err != nil {
		t.Errorf("in the box: %v\n%s\n%s", err, out, stderr)
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "NOT TRIED") || strings.Contains(line, "measured") {
			t.Log(strings.TrimSpace(line))
		}
	}
	return false
}

// overlaid puts an /etc and a /var over the machine's, which are kept in a directory.
func overlaid(dir string) string {
	return fmt.Sprintf("for d in etc var; do mkdir -p %[1]s/$d/up %[1]s/$d/work; mount -t overlay overlay -o lowerdir=/$d,upperdir=%[1]s/$d/up,workdir=%[1]s/$d/work /$d; done", dir)
}

// ownGroups runs a command with control groups of its own: a private systemd takes
// the machine's for its own, kills in them and takes away what is empty there,
// another's too.
const ownGroups = `#!/bin/bash
set -e
groups=$(awk '$3 ~ /^cgroup2?$/ && $2 !~ /cpuset/ {print $2}' /proc/mounts)
mine=landlord-box-$$
for g in $groups; do mkdir $g/$mine; done
leave() {
  for _ in {1..50}; do
    for g in $groups; do find $g/$mine -depth -type d -exec rmdir {} + 2>/dev/null || true; done
    [[ $(for g in $groups; do echo $g/$mine/; done | xargs ls -d 2>/dev/null) ]] || return 0
    sleep 0.1
  done
}
trap leave EXIT
(
  for g in $groups; do echo $BASHPID >$g/$mine/cgroup.procs; done
  exec unshare -mC bash -c 'for g in '"$(echo $groups)"'; do mount --bind $g/'$mine' $g; done; exec "$@"' "$0" %s "$@"
)
`

// boxed is the program of a private systemd, and this test's own where such a box
// sees it: it has a /tmp of its own.
func boxed(t *testing.T) (box, program string) {
	t.Helper()
	box, _ = filepath.Abs("../../../shared/tools/systemd-box")
	if _, err := os.Stat(box); err != nil || os.Geteuid() != 0 {
		t.Skipf("SKIPPED, AND NOT TRIED: no systemd to try it with: it wants root, and %s", box)
	}
	if _, err := os.Stat("/usr/bin/pg_createcluster"); err != nil {
		t.Skip("SKIPPED, AND NOT TRIED: there is no pg_createcluster")
	}
	dir, err := os.MkdirTemp("/var/tmp", "landlord-box-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	grouped := filepath.Join(dir, "box")
	if err := os.WriteFile(grouped, fmt.Appendf(nil, ownGroups, box), 0o700); err != nil {
		t.Fatal(err)
	}
	self, _ := os.Executable()
	program = filepath.Join(dir, "test")
	if out, _, err := run.Command(t.Context(), run.Spec{Name: "cp", Args: []string{self, program}}); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	return grouped, program
}

// world is a host with a spec.
type world struct {
	*testing.T
	text string
	tenant.Estate
}

func (w *world) write(text string) {
	w.Helper()
	e, err := spec.Parse("landlord.yaml", []byte(text))
	if err != nil {
		w.Fatal(err)
	}
	w.text, w.Estate = text, e
}

// change replaces a part of the spec.
func (w *world) change(old, now string) {
	w.Helper()
	if !strings.Contains(w.text, old) {
		w.Fatalf("%q is not in the spec", old)
	}
	w.write(strings.Replace(w.text, old, now, 1))
}

func (w *world) apply(names ...string) {
	w.Helper()
	for _, s := range w.Servers {
		if len(names) > 0 && !slices.Contains(names, s.Name) {
			continue
		}
		result, err := landlord.Apply(w.Context(), w.Estate, s.Name, landlord.Options{}, landlord.Hooks{})
		if err != nil || result.Err() != nil {
			w.Fatalf("apply %s: %v %v", s.Name, err, result.Err())
		}
	}
}

// settled fails unless there is nothing left to do.
func (w *world) settled() {
	w.Helper()
	for _, s := range w.Servers {
		p, err := landlord.Plan(w.Context(), w.Estate, s.Name, landlord.Options{})
		if err != nil {
			w.Fatalf("plan %s: %v", s.Name, err)
		}
		if !p.Empty() {
			w.Errorf("plan %s: still %d steps on the host and %d in the server: %+v %+v", s.Name, len(p.Host), len(p.Steps), p.Host, p.Steps)
		}
	}
}

// refused fails unless a plan is refused with these words.
func (w *world) refused(server string, words ...string) {
	w.Helper()
	_, err := landlord.Plan(w.Context(), w.Estate, server, landlord.Options{})
	for _, word := range words {
		if err == nil || !strings.Contains(err.Error(), word) {
			w.Errorf("plan %s: %v, without %q", server, err, word)
		}
	}
}

// sql runs statements as landlord itself, in a tenant's database.
func (w *world) sql(name string, statements ...string) error {
	s, _ := w.Server(name)
	conn, err := connect.Open(w.Context(), s.Connection, connect.Options{Database: name})
	if err != nil {
		return err
	}
	defer connect.Close(conn)
	for _, q := range statements {
		if _, err := conn.Exec(w.Context(), q).ReadAll(); err != nil {
			return err
		}
	}
	return nil
}

// answers fails unless a server answers.
func (w *world) answers(name string) {
	w.Helper()
	if err := w.sql(name, "SELECT 1"); err != nil {
		w.Errorf("%s does not answer: %v", name, err)
	}
}

// value is the answer to a question.
func (w *world) value(name, question string) string {
	w.Helper()
	s, _ := w.Server(name)
	conn, err := connect.Open(w.Context(), s.Connection, connect.Options{Database: name})
	if err != nil {
		w.Fatal(err)
	}
	defer connect.Close(conn)
	r, err := conn.Exec(w.Context(), question).ReadAll()
	if err != nil || len(r) == 0 || len(r[0].Rows) == 0 {
		w.Fatalf("%s: %v", question, err)
	}
	return string(r[0].Rows[0][0])
}

func (w *world) shell(command string) (string, error) {
	out, stderr, err := run.Command(context.WithoutCancel(w.Context()), run.Spec{Name: "bash", Args: []string{"-c", command}})
	return string(out) + string(stderr), err
}

func (w *world) must(command string) string {
	w.Helper()
	out, err := w.shell(command)
	if err != nil {
		w.Fatalf("%s: %v\n%s", command, err, out)
	}
	return out
}
