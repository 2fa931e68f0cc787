package sudoers_test

import (
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"landlord/internal/sudoers"
)

// sudo is the beginning of what members type.
func (w *world) sudo(args ...string) []string {
	return append([]string{"sudo", "-n", "-u", "postgres", w.landlord}, args...)
}

// allowed are the lists of arguments that the rule is for.
func (w *world) allowed() [][]string {
	file := "--file=" + w.spec
	longest := "a" + strings.Repeat("9", 39)
	return [][]string{
		{"tenant", "add", file, "acme"},
		{"tenant", "add", file, longest},
		{"tenant", "add", file, "a_1"},
		{"tenant", "add", file, "acme", "--isolation", "schema"},
		{"tenant", "add", file, "acme", "--isolation=database"},
		{"tenant", "add", file, "acme", "--profile", "small"},
		{"tenant", "add", file, "acme", "--isolation", "database", "--profile=small"},
		{"tenant", "list", file},
		{"tenant", "list", file, "--output", "json"},
		{"tenant", "list", file, "--output=text"},
		{"tenant", "show", file, "acme"},
		{"tenant", "suspend", file, "acme"},
		{"tenant", "resume", file, "acme"},
	}
}

func TestAllowedCommandsArriveAsPostgres(t *testing.T) {
	w := newWorld(t, nil)
	for _, args := range w.allowed() {
		calls, said, err := w.try(t, attempt{argv: w.sudo(args...)})
		if err != nil || len(calls) != 1 {
			t.Errorf("%q: %v, %d calls\n%s", args, err, len(calls), said)
			continue
		}
		w.checkCall(t, calls[0], args)
	}
}

// checkCall compares a call with what the rule promises.
func (w *world) checkCall(t *testing.T, got call, args []string) {
	t.Helper()
	want := w.promised(t, args)
	got.Env = names(got.Env)
	slices.Sort(got.Groups)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%q (-promised +got):\n%s", args, diff)
	}
}

func (w *world) promised(t *testing.T, args []string) call {
	t.Helper()
	postgres := must(user.Lookup("postgres"))(t)
	c := call{Exe: w.landlord, Args: args, Dir: "/", Umask: 0o077,
		// TERM is the caller's; the others are sudo's own.
		Env: []string{"HOME", "LOGNAME", "MAIL", "PATH", "SHELL", "SUDO_COMMAND", "SUDO_GID", "SUDO_UID", "SUDO_USER", "TERM", "USER"},
	}
	c.UID = must(strconv.Atoi(postgres.Uid))(t)
	c.GID = must(strconv.Atoi(postgres.Gid))(t)
	for _, id := range must(postgres.GroupIds())(t) {
		c.Groups = append(c.Groups, must(strconv.Atoi(id))(t))
	}
	slices.Sort(c.Groups)
	return c
}

func names(env []string) []string {
	var out []string
	for _, e := range env {
		name, _, _ := strings.Cut(e, "=")
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// smuggled are variables by which a caller could turn landlord elsewhere.
var smuggled = []string{
	"PGHOST=/tmp/evil", "PGHOSTADDR=192.0.2.1", "PGPORT=1", "PGUSER=evil", "PGDATABASE=evil", "PGPASSWORD=x",
	"PGPASSFILE=/tmp/evil", "PGSERVICE=evil", "PGSERVICEFILE=/tmp/evil", "PGSYSCONFDIR=/tmp/evil",
	"PGOPTIONS=-c role=none", "PGSSLMODE=disable", "PGSSLROOTCERT=/tmp/evil", "PGSSLKEY=/tmp/evil", "PGAPPNAME=x",
	"PGLOCALEDIR=/tmp/evil", "PGTZ=x", "PGCLIENTENCODING=x", "LANDLORD_CACHE=/tmp/evil", "LANDLORD_FILE=/tmp/evil",
	"LD_PRELOAD=/tmp/evil.so", "LD_LIBRARY_PATH=/tmp/evil", "LD_AUDIT=/tmp/evil.so", "GODEBUG=x=1", "GOTRACEBACK=crash",
	"GOGC=1", "GOMEMLIMIT=1", "GOCOVERDIR=/tmp/evil", "TMPDIR=/tmp/evil", "XDG_CONFIG_HOME=/tmp/evil", "XDG_CACHE_HOME=/tmp/evil",
	"SSL_CERT_FILE=/tmp/evil", "SSL_CERT_DIR=/tmp/evil", "HTTPS_PROXY=evil", "RES_OPTIONS=evil", "HOSTALIASES=/tmp/evil",
	"LOCALDOMAIN=evil", "KRB5CCNAME=/tmp/evil", "KRB5_CONFIG=/tmp/evil", "EDITOR=/tmp/evil", "VISUAL=/tmp/evil", "PAGER=/tmp/evil",
	"BASH_ENV=/tmp/evil", "ENV=/tmp/evil", "SHELLOPTS=xtrace", "PS4=$(id)", "BASH_FUNC_x%%=() { id; }", "PYTHONPATH=/tmp/evil",
	"SUDO_EDITOR=/tmp/evil", "DISPLAY=:0", "XAUTHORITY=/tmp/evil", "LC_ALL=x", "LANGUAGE=x", "TZ=:/tmp/evil",
}

// hostile is what a careless administrator may have written elsewhere.
const hostile = `Defaults:USER !env_reset, setenv, umask=0000, !always_set_home, preserve_groups
Defaults:USER env_keep += "PG* LANDLORD_* LD_* GO* HOME KRB5* TMPDIR BASH_ENV"
Defaults:USER env_check += "PGHOST SSL_CERT_FILE"
Defaults:USER env_delete -= "LD_*"
Defaults:USER !secure_path
Defaults:USER runcwd=*, closefrom_override
`

func TestTheCallersEnvironmentStaysOutside(t *testing.T) {
	for _, site := range []string{"", hostile} {
		w := newWorld(t, nil)
		if site != "" {
			w.addRule(t, "site", strings.ReplaceAll(site+"Defaults:USER requiretty\n", "USER", w.user))
		}
		args := w.allowed()[0]
		calls, said, err := w.try(t, attempt{argv: w.sudo(args...), env: append(smuggled, "PATH="+w.home+":/usr/bin:/bin", "HOME="+w.home)})
		if err != nil || len(calls) != 1 {
			t.Fatalf("site %q: %v, %d calls\n%s", site, err, len(calls), said)
		}
		w.checkCall(t, calls[0], args)
		for _, want := range []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/var/lib/postgresql", "SHELL=/bin/bash", "USER=postgres", "SUDO_USER=" + w.user} {
			if !slices.Contains(calls[0].Env, want) {
				t.Errorf("no %s in %q", want, calls[0].Env)
			}
		}
	}
}

// sudo's own options that it lets everybody use, and the umask.
func TestHarmlessOptionsChangeNothing(t *testing.T) {
	w := newWorld(t, nil)
	args := w.allowed()[0]
	for _, flag := range []string{"-H", "-P", "-k", "-S", "-B", "-n", "-D" + w.home, "-p%u", "-rsysadm_r"} {
		argv := slices.Concat([]string{"sh", "-c", `umask 0377; exec "$@"`, "sh", "sudo", flag}, w.sudo(args...)[1:])
		calls, said, err := w.try(t, attempt{argv: argv})
		if err != nil || len(calls) != 1 {
			t.Errorf("%s: %v, %d calls\n%s", flag, err, len(calls), said)
			continue
		}
		w.checkCall(t, calls[0], args)
	}
}

// The same program by another name: sudo may run it, but then exactly as the
// rule says.
func TestOtherNamesOfTheBinaryGainNothing(t *testing.T) {
	w := newWorld(t, nil)
	check(t, os.Mkdir(filepath.Join(w.home, "link"), 0o755))
	link := filepath.Join(w.home, "link", "landlord")
	check(t, os.Symlink(w.landlord, link))
	hard := filepath.Join(filepath.Dir(w.home), "hard", "landlord")
	check(t, os.Mkdir(filepath.Dir(hard), 0o755))
	check(t, os.Link(w.landlord, hard))
	args := w.allowed()[0]
	dir := filepath.Dir(w.landlord)
	for _, a := range []attempt{
		{name: "symbolic link", argv: []string{link}},
		{name: "hard link", argv: []string{hard}},
		{name: "dots", argv: []string{dir + "/../bin/landlord"}},
		{name: "two slashes", argv: []string{"/" + w.landlord}},
		{name: "relative", argv: []string{"./landlord"}, dir: dir},
		{name: "relative link", argv: []string{"link/landlord"}},
		{name: "from PATH", argv: []string{"landlord"}, env: []string{"PATH=" + dir + ":/usr/bin:/bin"}},
	} {
		a.argv = slices.Concat([]string{"/usr/bin/sudo", "-n", "-u", "postgres"}, a.argv, args)
		calls, _, err := w.try(t, a)
		switch {
		case len(calls) == 1 && err == nil:
			w.checkCall(t, calls[0], args)
		case len(calls) > 0 || err == nil:
			t.Errorf("%s: %v, calls %v", a.name, err, calls)
		}
		t.Logf("%s: %v", a.name, err)
	}
}

// sudo joins the arguments by blanks before it looks at them, so neighbouring
// words may arrive as one. That landlord refuses all of these is the next
// test's concern, and that of the one like it in internal/cli.
func TestGluedWordsAreAllThatSudoCannotTell(t *testing.T) {
	w := newWorld(t, func(o *sudoers.Options) { o.Spec = "/etc/landlord/landlord.yaml" })
	list := w.allowed()[3]
	for _, args := range glued(list) {
		calls, said, err := w.try(t, attempt{argv: w.sudo(args...)})
		if err != nil || len(calls) != 1 {
			t.Errorf("%q: %v, calls %v\n%s", args, err, calls, said)
			continue
		}
		w.checkCall(t, calls[0], args)
	}
}

// glued are the ways to make fewer words of a list by joining neighbours.
func glued(list []string) (out [][]string) {
	for cuts := range 1<<(len(list)-1) - 1 {
		words := []string{list[0]}
		for i, word := range list[1:] {
			if cuts>>i&1 == 1 {
				words = append(words, word)
			} else {
				words[len(words)-1] += " " + word
			}
		}
		out = append(out, words)
	}
	return out
}

func TestWithoutSudoThereIsNoRight(t *testing.T) {
	w := newWorld(t, nil)
	calls, said, err := w.try(t, attempt{argv: append([]string{w.landlord}, w.allowed()[0]...)})
	if err != nil || len(calls) != 1 {
		t.Fatalf("%v, calls %v\n%s", err, calls, said)
	}
	if calls[0].UID != w.uid {
		t.Errorf("ran as user %d", calls[0].UID)
	}
}

func TestOthersHaveNoRight(t *testing.T) {
	w := newWorld(t, nil)
	w.open(t, "")
	root(t, "", "gpasswd", "-d", w.user, w.group)
	w.refused(t, attempt{name: "no member", argv: w.sudo(w.allowed()[0]...)})
}

func TestPasswordIsAskedFor(t *testing.T) {
	w := newWorld(t, func(o *sudoers.Options) { o.NoPassword = false })
	w.open(t, "Defaults:USER passwd_tries=1\n") // the rule's PASSWD wins
	args := w.allowed()[0]
	w.refused(t, attempt{name: "none given", argv: w.sudo(args...)})
	password := "Right-1-" + w.id
	root(t, w.user+":"+password+"\n", "chpasswd")
	ask := slices.Concat([]string{"sudo", "-k", "-S"}, w.sudo(args...)[2:])
	w.refused(t, attempt{name: "a wrong one", argv: ask, stdin: "wrong\n"})
	calls, said, err := w.try(t, attempt{argv: ask, stdin: password + "\n"})
	if err != nil || len(calls) != 1 {
		t.Fatalf("%v, calls %v\n%s", err, calls, said)
	}
	w.checkCall(t, calls[0], args)
}

func TestDigest(t *testing.T) {
	w := newWorld(t, func(o *sudoers.Options) { o.Digest = must(sudoers.Digest(o.Binary))(t) })
	w.open(t, "")
	args := w.allowed()[0]
	calls, said, err := w.try(t, attempt{argv: w.sudo(args...)})
	if err != nil || len(calls) != 1 {
		t.Fatalf("%v, calls %v\n%s", err, calls, said)
	}
	w.checkCall(t, calls[0], args)
	f := must(os.OpenFile(w.landlord, os.O_APPEND|os.O_WRONLY, 0))(t)
	_, err = f.WriteString("another program")
	check(t, err)
	check(t, f.Close())
	w.refused(t, attempt{name: "another program", argv: w.sudo(args...)})
}

func TestWithoutSpec(t *testing.T) {
	const server = "--server=postgresql://postgres@/postgres?host=/var/run/postgresql&port=5432"
	w := newWorld(t, func(o *sudoers.Options) { o.Spec, o.Server = "", strings.TrimPrefix(server, "--server=") })
	w.open(t, "")
	for _, args := range [][]string{{"tenant", "add", server, "acme", "--profile", "small"}, {"tenant", "list", server}, {"tenant", "suspend", server, "acme"}} {
		calls, said, err := w.try(t, attempt{argv: w.sudo(args...)})
		if err != nil || len(calls) != 1 {
			t.Errorf("%q: %v, calls %v\n%s", args, err, calls, said)
			continue
		}
		w.checkCall(t, calls[0], args)
	}
	for _, option := range []string{
		"--file=landlord.yaml", "--file=/tmp/evil.yaml", "-f/tmp/evil.yaml", "--server=host=evil", "--connection=host=evil",
		server + "&host=evil", server + "0", "--server=main", "--server=", strings.Replace(server, "?host", "host", 1),
	} {
		w.refused(t, attempt{name: option, argv: w.sudo("tenant", "list", option)})
		w.refused(t, attempt{name: option, argv: w.sudo("tenant", option, "list")})
		w.refused(t, attempt{name: option, argv: w.sudo("tenant", "list", server, option)})
		w.refused(t, attempt{name: option, argv: w.sudo("tenant", "list", option, server)})
	}
}

func TestListShowsTheRuleAndNothingElse(t *testing.T) {
	w := newWorld(t, nil)
	_, said, err := w.try(t, attempt{argv: []string{"sudo", "-n", "-l"}})
	check(t, err)
	_, rights, _ := strings.Cut(said, "may run the following commands")
	if n := strings.Count(rights, "\n    ("); n != 1 || !strings.Contains(rights, "\n    (postgres) ") {
		t.Errorf("%d rights:%s", n, rights)
	}
	if n := strings.Count(rights, w.landlord+" ^tenant "); n != 5 {
		t.Errorf("%d commands:%s", n, rights)
	}
}
