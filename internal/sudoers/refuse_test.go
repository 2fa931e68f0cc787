package sudoers_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// refused runs an attempt that must fail before landlord is reached.
func (w *world) refused(t *testing.T, a attempt) {
	t.Helper()
	calls, said, err := w.try(t, a)
	if err == nil || len(calls) > 0 {
		t.Errorf("%s: %q was not refused: %v, calls %+v\n%s", a.name, a.argv, err, calls, said)
	}
	t.Logf("%s: %s", a.name, strings.TrimSpace(said))
}

// open takes away what would refuse an attempt for another reason than the
// rule: sudo asks for a password before it says that there is no right.
func (w *world) open(t *testing.T, more string) {
	t.Helper()
	w.addRule(t, "site", strings.ReplaceAll("Defaults:USER !authenticate\n"+more, "USER", w.user))
}

func TestSmugglingIsRefused(t *testing.T) {
	w := newWorld(t, nil)
	w.open(t, "")
	attempts := slices.Concat(w.otherNames(), w.otherOptions(), w.otherCommands(), w.otherWaysIn(t))
	if len(attempts) < 200 {
		t.Fatalf("only %d attempts", len(attempts))
	}
	for _, a := range attempts {
		w.refused(t, a)
	}
	w.stillWorks(t)
}

// stillWorks tells a rule that refuses from one that is not there.
func (w *world) stillWorks(t *testing.T) {
	t.Helper()
	args := w.allowed()[0]
	calls, said, err := w.try(t, attempt{argv: w.sudo(args...)})
	if err != nil || len(calls) != 1 {
		t.Fatalf("%v, calls %v\n%s", err, calls, said)
	}
	w.checkCall(t, calls[0], args)
}

// A careless administrator has opened what settings can open. Names are
// refused as before, in another locale, too; sudo's own options may be let in
// (-D, -C), but do nothing.
func TestSmugglingGainsNothingWhateverTheSiteSays(t *testing.T) {
	w := newWorld(t, nil)
	w.open(t, hostile+"Defaults:USER sudoers_locale=C.UTF-8\n")
	for _, a := range w.otherNames() {
		w.refused(t, a)
	}
	for _, a := range w.otherWaysIn(t) {
		w.gainsNothing(t, a)
	}
	w.stillWorks(t)
}

// gainsNothing runs an attempt that must fail, or do exactly what the rule
// allows.
func (w *world) gainsNothing(t *testing.T, a attempt) {
	t.Helper()
	calls, said, err := w.try(t, a)
	if len(calls) == 0 && err != nil {
		return
	}
	t.Logf("%s: not refused", a.name)
	if len(calls) != 1 || err != nil || !slices.ContainsFunc(w.allowed(), func(args []string) bool { return slices.Equal(args, calls[0].Args) }) {
		t.Errorf("%s: %q: %v, calls %+v\n%s", a.name, a.argv, err, calls, said)
		return
	}
	w.checkCall(t, calls[0], calls[0].Args)
}

// otherNames put something else where the tenant's name stands.
func (w *world) otherNames() (list []attempt) {
	file := "--file=" + w.spec
	names := map[string]string{
		"empty":                "",
		"blank":                " ",
		"two words":            "acme bolt",
		"leading blank":        " acme",
		"trailing blank":       "acme ",
		"tab":                  "ac\tme",
		"41 bytes":             "a" + strings.Repeat("b", 40),
		"500 bytes":            strings.Repeat("b", 500),
		"upper case":           "Acme",
		"upper case inside":    "acMe",
		"digit first":          "1acme",
		"underscore first":     "_acme",
		"slash":                "acme/bolt",
		"path":                 "../../etc/passwd",
		"dot":                  "acme.bolt",
		"dash":                 "acme-bolt",
		"dash first":           "-acme",
		"at":                   "@acme",
		"semicolon":            "acme;id",
		"pipe":                 "acme|id",
		"and":                  "acme&&id",
		"substitution":         "$(id)",
		"backticks":            "`id`",
		"variable":             "$HOME",
		"newline and command":  "acme\nid",
		"trailing newline":     "acme\n",
		"leading newline":      "\nacme",
		"carriage return":      "acme\r",
		"escape sequence":      "acme\x1b[2J",
		"invalid UTF-8":        "acme\xff",
		"Cyrillic a":           "аcme",
		"accent":               "acmé",
		"combining accent":     "acme\u0301",
		"full width":           "ａｃｍｅ",
		"long s":               "acmeſ",
		"Kelvin sign":          "acme\u212a",
		"Arabic digit":         "acme\u0663",
		"zero width":           "ac\u200bme",
		"no-break space":       "acme\u00a0bolt",
		"right to left":        "\u202eacme",
		"star":                 "*",
		"question mark":        "acm?",
		"bracket":              "[a-z]cme",
		"brace":                "{acme,bolt}",
		"caret":                "^acme$",
		"dollar":               "acme$",
		"backslash":            `acme\`,
		"escaped blank":        `acme\ bolt`,
		"escaped n":            `acme\n`,
		"single quote":         "acme'",
		"double quote":         `acme"`,
		"quoted":               `"acme"`,
		"SQL":                  `acme"; DROP ROLE bolt; --`,
		"equals":               "acme=bolt",
		"comma":                "acme,bolt",
		"colon":                "acme:bolt",
		"hash":                 "acme#",
		"percent":              "%acme",
		"exclamation":          "!acme",
		"tilde":                "~",
		"parentheses":          "(acme)",
		"glued with an option": "acme --profile /etc/passwd",
	}
	verbs := []string{"add", "show", "suspend", "resume"}
	for i, what := range slices.Sorted(maps.Keys(names)) {
		verb := verbs[i%len(verbs)]
		list = append(list, attempt{name: verb + " " + what, argv: w.sudo("tenant", verb, file, names[what])})
	}
	return list
}

// otherOptions are words too many, too few, or in another order.
func (w *world) otherOptions() (list []attempt) {
	file := "--file=" + w.spec
	evil := filepath.Join(w.home, "evil.yaml")
	for _, args := range [][]string{
		{}, {""}, {"tenant"}, {"tenant", ""}, {"", "tenant", "list", file}, {"tenant", "", "list", file}, {"tenant", "list", file, ""},
		{"tenant", "list"}, {"tenant", "add", "acme"}, {"tenant", "add", file}, {"tenant", "show", file}, {"tenant", "suspend", file},
		{"tenant", "add", file, "acme", "bolt"}, {"tenant", "add", file, "acme", "acme"}, {"tenant", "list", file, "acme"},
		{"tenant", "show", file, "acme", "--output", "json"}, {"tenant", "suspend", file, "acme", "--yes"},
		// Another spec.
		{"tenant", "list", "--file=" + evil}, {"tenant", "list", file, "--file=" + evil}, {"tenant", "list", "--file=" + evil, file},
		{"tenant", "list", file, "-f", evil}, {"tenant", "list", "-f", evil, file}, {"-f", evil, "tenant", "list", file},
		{"tenant", "list", "-f=" + evil}, {"tenant", "list", "-f" + evil}, {"tenant", "list", "--file", evil}, {"tenant", "list", "--file", w.spec},
		{"tenant", "list", "-f", w.spec}, {"tenant", "list", "-f " + w.spec}, {"tenant", "list", "--file= " + w.spec},
		{"--file=" + evil, "tenant", "list", file}, {"tenant", "add", "--file=" + evil, "acme"}, {"tenant", "add", file, "acme", "--file=" + evil},
		{"tenant", "list", file + "/"}, {"tenant", "list", file + "x"}, {"tenant", "list", file + "\n"}, {"tenant", "list", file + "/../evil.yaml"},
		{"tenant", "list", "--file=" + strings.Replace(w.spec, ".yaml", "xyaml", 1)}, {"tenant", "list", "--file=" + strings.Replace(w.spec, "+", "", 1)},
		{"tenant", "list", "--file=/proc/self/fd/0"}, {"tenant", "list", "--file=-"}, {"tenant", "list", "--file="}, {"tenant", "list", "--FILE=" + w.spec},
		{"tenant", "list", "--fil=" + w.spec}, {"tenant", "list", "-file=" + w.spec},
		// Other options, before, between and behind.
		{"--", "tenant", "list", file}, {"tenant", "--", "list", file}, {"tenant", "list", "--", file}, {"tenant", "list", file, "--"},
		{"tenant", "add", file, "--", "acme"}, {"tenant", "add", file, "acme", "--"},
		{"-v", "tenant", "list", file}, {"tenant", "-q", "list", file}, {"tenant", "list", file, "-v"}, {"tenant", "list", file, "--verbose"},
		{"tenant", "add", file, "acme", "--help"}, {"tenant", "add", "--help"}, {"tenant", "--help"}, {"--help"}, {"-h"},
		{"tenant", "add", file, "acme", "--server", "host=evil"}, {"tenant", "add", file, "acme", "--server=host=evil"}, {"--server=host=evil", "tenant", "list", file},
		{"tenant", "add", file, "acme", "--connection=host=evil"}, {"tenant", "list", file, "--connection", "host=evil"},
		{"tenant", "add", file, "acme", "--out=" + evil}, {"tenant", "list", file, "--output", evil}, {"tenant", "list", file, "--output=sql"},
		{"tenant", "list", file, "--output"}, {"tenant", "list", file, "--output="}, {"tenant", "list", file, "--output=json", "--output=text"},
		{"tenant", "list", file, "--output=json\n"}, {"tenant", "list", file, "--out=json"}, {"tenant", "list", file, "--OUTPUT=json"},
		// The allowed options, with other values or more than once.
		{"tenant", "add", file, "acme", "--yes"}, {"tenant", "add", file, "acme", "--set", "limits.connections=500"}, {"tenant", "add", file, "acme", "--set=isolation=cluster"},
		{"tenant", "add", file, "acme", "--profile=small", "--isolation=schema"}, {"tenant", "list", file, "--sort", "size"}, {"tenant", "list", file, "--busy"},
		{"tenant", "list", file, "--by-house"}, {"tenant", "list", file, "--top", "1"}, {"tenant", "list", file, "--sort=free"}, {"tenant", "list", file, "--isolation", "schema"},
		{"tenant", "list", file, "--database=postgres"}, {"tenant", "list", file, "--suspended"}, {"tenant", "list", file, "--open"}, {"tenant", "list", file, "--output", "json", "--by-house"},
		{"tenant", "add", file, "acme", "--databases", "bolt"}, {"tenant", "add", file, "acme", "--databases=bolt,carl"}, {"tenant", "add", file, "acme", "--pool", "shared"},
		{"tenant", "add", file, "acme", "--set=adopt=true"}, {"tenant", "add", file, "acme", "--isolation", "cluster", "--set", "resources.volume=/etc"},
		{"tenant", "resume", file, "acme", "--confirm", "acme"}, {"tenant", "suspend", file, "acme", "--no-dump"}, {"tenant", "show", file, "acme", "--server", "host=evil"},
		{"tenant", "add", file, "acme", "--yes", "--yes"}, {"tenant", "add", file, "acme", "--yes=true"}, {"tenant", "add", file, "acme", "-y"},
		{"tenant", "add", file, "acme", "--ye"}, {"tenant", "add", file, "--yes", "acme"}, {"tenant", "add", "--yes", file, "acme"},
		{"tenant", "add", file, "acme", "--yes", "bolt"}, {"tenant", "add", file, "acme", "--yes", "--drop", "bolt"},
		{"tenant", "add", file, "acme", "--isolation"}, {"tenant", "add", file, "acme", "--isolation="}, {"tenant", "add", file, "acme", "--isolation", "cluster"},
		{"tenant", "add", file, "acme", "--isolation", "schema", "--isolation", "database"}, {"tenant", "add", file, "acme", "--isolation", "schemas"},
		{"tenant", "add", file, "acme", "--isolation", ""}, {"tenant", "add", file, "acme", "--iso", "schema"}, {"tenant", "add", file, "acme", "--isolation==schema"},
		{"tenant", "add", file, "acme", "--profile"}, {"tenant", "add", file, "acme", "--profile", "--yes"}, {"tenant", "add", file, "acme", "--profile", "/etc/passwd"},
		{"tenant", "add", file, "acme", "--profile", "Small"}, {"tenant", "add", file, "acme", "--profile", "a", "--profile", "b"},
		{"tenant", "add", file, "acme", "--profile", "x\n--yes"}, {"tenant", "add", file, "acme", "--yes", "--profile", "small"},
		{"tenant", "add", file, "acme", "--database", "postgres"}, {"tenant", "add", file, "acme", "--rights=ddl"}, {"tenant", "add", file, "acme", "--show"},
		{"tenant", "add", file, "acme", ";", "id"}, {"tenant", "add", file, "acme", "|", "id"}, {"tenant", "add", file, "acme", "&&", "id"},
		{"tenant", "add", file, "acme\n--file=" + evil}, {"tenant", "add", file + "\n", "acme"}, {"tenant\n", "list", file},
		{"tenant  list", file}, {"tenant", "list\t", file}, {"TENANT", "list", file}, {"tenant", "List", file}, {"tenants", "list", file}, {"tenant", "ls", file},
		{`tenant\ list`, file}, {`"tenant`, "list", file + `"`}, {"'tenant'", "list", file}, {`tenant`, `list`, `\` + file},
	} {
		list = append(list, attempt{name: "arguments", argv: w.sudo(args...)})
	}
	return list
}

// otherCommands are landlord's, which the rule leaves out.
func (w *world) otherCommands() (list []attempt) {
	file := "--file=" + w.spec
	for _, args := range [][]string{
		{"tenant", "remove", file, "acme"}, {"tenant", "remove", file, "acme", "--yes"}, {"tenant", "rotate", file, "acme"},
		{"tenant", "add|remove", file, "acme"}, {"tenant", "add", "remove", file, "acme"}, {"tenant", "help", file},
		{"apply", file, "--yes"}, {"plan", file}, {"credentials", file, "acme"}, {"credentials", "acme", file, "--rotate"},
		{"export", file}, {"hba", file}, {"prove", file}, {"sudoers", "--group", w.group}, {"init", file}, {"check", file}, {"demo"}, {"version"},
		{"tenant", "rotate", file, "acme", "--finish"}, {"tenant", "rotate", file, "acme", "--in-place"}, {"tenant", "rotate", file, "acme", "--out", "/tmp/evil"},
		{"router", "apply", file}, {"router", "plan", file}, {"router", "status", file}, {"router", "kill", file}, {"hba", "apply", file, "--yes"}, {"hba", "check", file},
		{"access", "path", "--from", "acme_app", "--to", "bolt", file}, {"snapshot", file}, {"report", file, "--out", "/tmp/evil"}, {"audit", file}, {"audit", "--psql", "/etc/shadow"},
		{"audit", "--hba", "/etc/shadow"}, {"import", file}, {"credentials", file, "--admin", "ops"}, {"credentials", file, "--pool", "shared"},
		{"help", "tenant"}, {"completion", "bash"}, {"__complete", "tenant", "list", file}, {"__completeNoDesc", "tenant", "list", ""},
	} {
		list = append(list, attempt{name: "command", argv: w.sudo(args...)})
	}
	return list
}

// otherWaysIn use sudo's own options, other programs and other users.
func (w *world) otherWaysIn(t *testing.T) []attempt {
	t.Helper()
	args := w.allowed()[7]
	_ = os.Mkdir(filepath.Join(w.home, "bin"), 0o755)
	check(t, os.WriteFile(filepath.Join(w.home, "evil.yaml"), []byte("servers: {}\n"), 0o644))
	with := func(name string, options []string, program string, args ...string) attempt {
		return attempt{name: name, argv: slices.Concat([]string{"sudo", "-n"}, options, []string{program}, args)}
	}
	as := []string{"-u", "postgres"}
	list := []attempt{
		with("as root", nil, w.landlord, args...),
		with("as root, by name", []string{"-u", "root"}, w.landlord, args...),
		with("as root, by number", []string{"-u", "#0"}, w.landlord, args...),
		with("as number -1", []string{"-u", "#-1"}, w.landlord, args...),
		with("as number 4294967295", []string{"-u", "#4294967295"}, w.landlord, args...),
		with("as nobody", []string{"-u", "nobody"}, w.landlord, args...),
		with("as nobody's group", []string{"-u", "postgres", "-g", "nogroup"}, w.landlord, args...),
		with("as root's group", []string{"-u", "postgres", "-g", "root"}, w.landlord, args...),
		with("group alone", []string{"-g", "root"}, w.landlord, args...),
		with("postgres's group alone", []string{"-g", "postgres"}, w.landlord, args...),
		with("the group of shadow", []string{"-u", "postgres", "-g", "shadow"}, w.landlord, args...),
		with("keep the environment", slices.Concat(as, []string{"-E"}), w.landlord, args...),
		with("keep one variable", slices.Concat(as, []string{"--preserve-env=PGHOST"}), w.landlord, args...),
		with("keep PATH", slices.Concat(as, []string{"--preserve-env=PATH,HOME"}), w.landlord, args...),
		with("set PGHOST", slices.Concat(as, []string{"PGHOST=/tmp/evil"}), w.landlord, args...),
		with("set PGOPTIONS", slices.Concat(as, []string{"PGOPTIONS=-c role=none"}), w.landlord, args...),
		with("set LD_PRELOAD", slices.Concat(as, []string{"LD_PRELOAD=/tmp/evil.so"}), w.landlord, args...),
		with("set HOME", slices.Concat(as, []string{"HOME=" + w.home}), w.landlord, args...),
		with("set PATH", slices.Concat(as, []string{"PATH=" + w.home}), w.landlord, args...),
		with("another directory", slices.Concat(as, []string{"-D", "/var/tmp"}), w.landlord, args...),
		with("another directory, long", slices.Concat(as, []string{"--chdir=/var/tmp"}), w.landlord, args...),
		with("another root", slices.Concat(as, []string{"-R", w.home}), w.landlord, args...),
		with("another root, long", slices.Concat(as, []string{"--chroot=" + w.home}), w.landlord, args...),
		with("open files", slices.Concat(as, []string{"-C", "100"}), w.landlord, args...),
		with("edit the spec", slices.Concat(as, []string{"-e"}), w.spec),
		with("edit a file", slices.Concat(as, []string{"-e"}), "/var/lib/postgresql/.pgpass"),
		with("edit landlord", slices.Concat(as, []string{"-e"}), w.landlord),
		{name: "sudoedit", argv: []string{"sudoedit", "-n", "-u", "postgres", w.spec}, env: []string{"EDITOR=" + w.landlord}},
		{name: "sudoedit, editor with another file", argv: []string{"sudoedit", "-n", "-u", "postgres", w.spec}, env: []string{"EDITOR=vi -- /etc/shadow"}},
		with("a shell", as, "-s"),
		with("a login shell", as, "-i"),
		with("a shell's command", slices.Concat(as, []string{"-s"}), w.landlord, args...),
		with("a login shell's command", slices.Concat(as, []string{"-i"}), w.landlord, args...),
		{name: "landlord as the shell", argv: slices.Concat([]string{"sudo", "-n"}, as, []string{"-s"}, args), env: []string{"SHELL=" + w.landlord}},
		{name: "landlord as the shell, no command", argv: slices.Concat([]string{"sudo", "-n"}, as, []string{"-s"}), env: []string{"SHELL=" + w.landlord}},
		{name: "a backslash at the end of a shell's command", argv: slices.Concat([]string{"sudoedit", "-n", "-s", `\`}, args)},
		with("bash", as, "/bin/bash", "-c", "id"),
		with("id", as, "/usr/bin/id"),
		with("psql", as, "psql", "-c", "SELECT 1"),
		with("env", as, "/usr/bin/env", append([]string{w.landlord}, args...)...),
		with("the loader", as, "/lib64/ld-linux-x86-64.so.2", append([]string{w.landlord}, args...)...),
		with("the member's own landlord", as, w.impostor, args...),
		with("landlord with a slash behind", as, w.landlord+"/", args...),
		with("landlord's directory", as, filepath.Dir(w.landlord)+"/"),
		with("landlord with more to its name", as, w.landlord+"x", args...),
		with("landlord and the command in one word", as, w.landlord+" tenant list"),
		with("two programs", as, "/bin/sh", append([]string{w.landlord}, args...)...),
		{name: "the member's own landlord from here", argv: slices.Concat([]string{"sudo", "-n"}, as, []string{"./landlord"}, args)},
		{name: "the member's own landlord from PATH", argv: slices.Concat([]string{"/usr/bin/sudo", "-n"}, as, []string{"landlord"}, args), env: []string{"PATH=" + w.home}},
		with("list as somebody else", []string{"-l", "-U", "root"}, w.landlord, args...),
		with("list another command", slices.Concat(as, []string{"-l"}), w.landlord, "tenant", "remove", "acme"),
		with("no command", as, "-v", "-l", "-U", "postgres"),
		with("edit sudoers", nil, "visudo"),
		with("su", nil, "su", "postgres"),
		{name: "setpriv", argv: slices.Concat([]string{"setpriv", "--reuid", "postgres", w.landlord}, args)},
		{name: "write to landlord", argv: []string{"cp", w.impostor, w.landlord}},
		{name: "put a file beside landlord", argv: []string{"cp", w.impostor, filepath.Dir(w.landlord) + "/evil"}},
	}
	for i := range list {
		list[i].env = append([]string{"PGHOST=/tmp/evil", "PGOPTIONS=-c role=none"}, list[i].env...)
	}
	return list
}
