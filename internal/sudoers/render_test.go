package sudoers_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"pgregory.net/rapid"

	"landlord/internal/sudoers"
	"landlord/internal/tenant"
)

func options(change func(*sudoers.Options)) sudoers.Options {
	o := sudoers.Options{
		Group: "tenantadmins", Binary: "/usr/local/bin/landlord",
		Spec: "/etc/landlord/landlord.yaml", SudoVersion: "1.9.13p3",
	}
	if change != nil {
		change(&o)
	}
	return o
}

// rules are the lines that sudo reads, without comments, each in one line.
func rules(text string) []string {
	text = strings.ReplaceAll(text, "\\\n\t", "")
	var out []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "#") {
			out = append(out, line)
		}
	}
	return out
}

func TestRender(t *testing.T) {
	text := must(sudoers.Render(options(func(o *sudoers.Options) { o.Group = "tenant-admins.2" })))(t)
	const name = `[a-z][a-z0-9_]{0,39}`
	want := []string{
		`Cmnd_Alias LANDLORD_ADD_TENANT_ADMINS_2 = /usr/local/bin/landlord ^tenant add --file=/etc/landlord/landlord\.yaml ` + name + `( --isolation[ =](schema|database))?( --profile[ =]` + name + `)?$`,
		`Cmnd_Alias LANDLORD_LIST_TENANT_ADMINS_2 = /usr/local/bin/landlord ^tenant list --file=/etc/landlord/landlord\.yaml( --output[ =](text|json))?$`,
		`Cmnd_Alias LANDLORD_SHOW_TENANT_ADMINS_2 = /usr/local/bin/landlord ^tenant show --file=/etc/landlord/landlord\.yaml ` + name + `$`,
		`Cmnd_Alias LANDLORD_SUSPEND_TENANT_ADMINS_2 = /usr/local/bin/landlord ^tenant suspend --file=/etc/landlord/landlord\.yaml ` + name + `$`,
		`Cmnd_Alias LANDLORD_RESUME_TENANT_ADMINS_2 = /usr/local/bin/landlord ^tenant resume --file=/etc/landlord/landlord\.yaml ` + name + `$`,
		`Cmnd_Alias LANDLORD_ALL_TENANT_ADMINS_2 = LANDLORD_ADD_TENANT_ADMINS_2, LANDLORD_LIST_TENANT_ADMINS_2, LANDLORD_SHOW_TENANT_ADMINS_2, LANDLORD_SUSPEND_TENANT_ADMINS_2, LANDLORD_RESUME_TENANT_ADMINS_2`,
		`Defaults!LANDLORD_ALL_TENANT_ADMINS_2 env_reset, !env_keep, !env_check, !setenv, secure_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", umask=0077, umask_override, !preserve_groups, !requiretty`,
		`%tenant-admins.2 ALL = (postgres) CWD=/ PASSWD: NOSETENV: LANDLORD_ALL_TENANT_ADMINS_2`,
	}
	if diff := cmp.Diff(want, rules(text)); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(text, "/etc/sudoers.d/landlord-tenant-admins_2\n") {
		t.Error("no file name that sudo reads")
	}
}

func TestRenderOptions(t *testing.T) {
	digest := strings.Repeat("A0", 32)
	text := must(sudoers.Render(options(func(o *sudoers.Options) {
		o.Spec, o.Server, o.RunAs, o.NoPassword, o.Digest = "", "host=/run/pg", "pg", true, digest
	})))(t)
	got := rules(text)
	for i, want := range map[int]string{
		1: `Cmnd_Alias LANDLORD_LIST_TENANTADMINS = sha256:` + strings.ToLower(digest) + ` /usr/local/bin/landlord ^tenant list --server=host=/run/pg( --output[ =](text|json))?$`,
		7: `%tenantadmins ALL = (pg) CWD=/ NOPASSWD: NOSETENV: LANDLORD_ALL_TENANTADMINS`,
	} {
		if got[i] != want {
			t.Errorf("got %s\nwant %s", got[i], want)
		}
	}
}

func TestRenderRefuses(t *testing.T) {
	for _, c := range []struct {
		change func(*sudoers.Options)
		want   string
	}{
		{func(o *sudoers.Options) { o.SudoVersion = "1.9.9" }, "needs sudo 1.9.10 or newer"},
		{func(o *sudoers.Options) { o.SudoVersion = "1.8.32p2" }, "wildcards would let every option in"},
		{func(o *sudoers.Options) { o.SudoVersion = "0.2.8" }, "needs sudo 1.9.10"},
		{func(o *sudoers.Options) { o.SudoVersion = "" }, "expected something like"},
		{func(o *sudoers.Options) { o.SudoVersion = "1.9.13p3\nx" }, "expected something like"},
		{func(o *sudoers.Options) { o.Group = "" }, `group ""`},
		{func(o *sudoers.Options) { o.Group = "domain users" }, "escapes"},
		{func(o *sudoers.Options) { o.Group = "#0" }, "escapes"},
		{func(o *sudoers.Options) { o.Group = ":ad" }, "escapes"},
		{func(o *sudoers.Options) { o.Group = "+net" }, "escapes"},
		{func(o *sudoers.Options) { o.Group = "a\n%b ALL=(ALL) ALL" }, "escapes"},
		{func(o *sudoers.Options) { o.RunAs = "root" }, "needs no more"},
		{func(o *sudoers.Options) { o.RunAs = "ALL" }, "needs no more"},
		{func(o *sudoers.Options) { o.RunAs = "postgres, root" }, "escapes"},
		{func(o *sudoers.Options) { o.RunAs = "#0" }, "escapes"},
		{func(o *sudoers.Options) { o.Binary = "" }, "absolute path"},
		{func(o *sudoers.Options) { o.Binary = "bin/landlord" }, "absolute path"},
		{func(o *sudoers.Options) { o.Binary = "/usr/local/../bin/landlord" }, "write it as /usr/bin/landlord"},
		{func(o *sudoers.Options) { o.Binary = "/usr/local/bin/" }, "write it as /usr/local/bin"},
		{func(o *sudoers.Options) { o.Binary = "/opt/land lord" }, "meaning of their own"},
		{func(o *sudoers.Options) { o.Binary = "/opt/*/landlord" }, "meaning of their own"},
		{func(o *sudoers.Options) { o.Binary = "/opt/a,b" }, "meaning of their own"},
		{func(o *sudoers.Options) { o.Binary = "/opt/a=b" }, "meaning of their own"},
		{func(o *sudoers.Options) { o.Binary = "/opt/a:b" }, "meaning of their own"},
		{func(o *sudoers.Options) { o.Binary = `/opt/a\b` }, "meaning of their own"},
		{func(o *sudoers.Options) { o.Binary = "/opt/a\nb" }, "meaning of their own"},
		{func(o *sudoers.Options) { o.Binary = "/" }, "meaning of their own"},
		{func(o *sudoers.Options) { o.Spec = "landlord.yaml" }, "absolute path"},
		{func(o *sudoers.Options) { o.Spec = "/etc/x/../landlord.yaml" }, "write it as /etc/landlord.yaml"},
		{func(o *sudoers.Options) { o.Spec = "/etc/land lord.yaml" }, "without blanks"},
		{func(o *sudoers.Options) { o.Spec = "/etc/landlord.yaml\n" }, "without blanks"},
		{func(o *sudoers.Options) { o.Spec = "/etc/länder.yaml" }, "ASCII"},
		{func(o *sudoers.Options) { o.Spec = "/" + strings.Repeat("x", 1000) }, "too long"},
		{func(o *sudoers.Options) { o.Server = "host=/run" }, "either a spec or a server"},
		{func(o *sudoers.Options) { o.Spec = "" }, "either a spec or a server"},
		{func(o *sudoers.Options) { o.Spec, o.Server = "", "host=/run user=postgres" }, "without blanks"},
		{func(o *sudoers.Options) { o.Spec, o.Server = "", "main" }, "no connection string"},
		{func(o *sudoers.Options) { o.Spec, o.Server = "", "host=/run,password=geheim1" }, "pgpass"},
		{func(o *sudoers.Options) { o.Spec, o.Server = "", "postgresql://u:geheim1@h/" }, "pgpass"},
		{func(o *sudoers.Options) { o.Digest = "sha256" }, "64 hexadecimal digits"},
		{func(o *sudoers.Options) { o.Digest = strings.Repeat("g", 64) }, "64 hexadecimal digits"},
	} {
		o := options(c.change)
		text, err := sudoers.Render(o)
		if err == nil || !strings.Contains(err.Error(), c.want) || text != "" || strings.Contains(err.Error(), "geheim1") {
			t.Errorf("%+v: %v, want %s", o, err, c.want)
		}
	}
}

func TestVersion(t *testing.T) {
	got := must(sudoers.Version("Sudo version 1.9.13p3\nSudoers policy plugin version 1.9.13p3\n"))(t)
	if got != "1.9.13p3" {
		t.Errorf("got %q", got)
	}
	for _, v := range []string{"1.9.10", "1.9.10b1", "1.9.17p2", "1.10", "2.0.0"} {
		must(sudoers.Render(options(func(o *sudoers.Options) { o.SudoVersion = v })))(t)
	}
	for output, want := range map[string]string{"sudo-rs 0.2.8\n": "original sudo", "": "no version", "doas": "no version"} {
		if _, err := sudoers.Version(output); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", output, err)
		}
	}
}

// Whatever the spec is called, the pattern matches its name and no other, it
// ends where it should, and no line of the file is longer than one line.
func TestSpecIsMatchedLiterally(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := "/" + rapid.StringMatching(`[!-.0-~]{1,20}(/[!-.0-~]{1,20})?`).Draw(t, "spec")
		other := "/" + rapid.StringMatching(`[!-~]{1,20}`).Draw(t, "other")
		text, err := sudoers.Render(options(func(o *sudoers.Options) { o.Spec = spec }))
		if err != nil {
			t.Skip(err)
		}
		lines := rules(text)
		if len(lines) != 8 {
			t.Fatalf("%d lines:\n%s", len(lines), text)
		}
		_, list, _ := strings.Cut(lines[1], "landlord ^")
		if unescaped.MatchString(strings.TrimSuffix(list, "$")) {
			t.Fatalf("sudo would end the pattern early: %s", list)
		}
		pattern := regexp.MustCompile("^" + strings.ReplaceAll(list, `\#`, "#"))
		if !pattern.MatchString("tenant list --file=" + spec) {
			t.Fatalf("%s does not match %s", pattern, spec)
		}
		if other != spec && pattern.MatchString("tenant list --file="+other) {
			t.Fatalf("%s matches %s", pattern, other)
		}
	})
}

// unescaped finds what ends a pattern in sudoers' grammar.
var unescaped = regexp.MustCompile(`^(\\.|[^\\$#])*[$#]`)

// A command line as landlord's: cobra, and options with defaults. Gluing words
// never makes it read another file than the spec, other than one that nobody
// but root can have put beside it.
func TestGluedWordsNeverNameAnotherSpec(t *testing.T) {
	w := &world{spec: "/etc/landlord/landlord.yaml"}
	for _, list := range w.allowed() {
		if _, err := parse(list); err != nil {
			t.Errorf("%q: %v", list, err)
		}
		for _, args := range glued(list) {
			file, err := parse(args)
			if err == nil && !strings.HasPrefix(file, w.spec+" ") {
				t.Errorf("%q would be accepted, with the spec %q", args, file)
			}
		}
	}
}

// parse returns the file that a command line names, or landlord's refusal.
func parse(args []string) (file string, err error) {
	var isolation, profile, output string
	root := &cobra.Command{Use: "landlord", SilenceErrors: true, SilenceUsage: true}
	group := &cobra.Command{Use: "tenant", Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error { return fmt.Errorf("no command") }}
	root.AddCommand(group)
	for _, verb := range []string{"add", "list", "show", "suspend", "resume"} {
		c := &cobra.Command{Use: verb, Args: cobra.ExactArgs(1), RunE: func(_ *cobra.Command, args []string) error { return tenant.CheckName(args[0]) }}
		if verb == "list" {
			c.Args, c.RunE = cobra.NoArgs, func(*cobra.Command, []string) error { return nil }
		}
		c.Flags().StringVarP(&file, "file", "f", "landlord.yaml", "")
		c.Flags().StringVar(&isolation, "isolation", "database", "")
		c.Flags().StringVar(&profile, "profile", "small", "")
		c.Flags().StringVar(&output, "output", "text", "")
		group.AddCommand(c)
	}
	root.SetArgs(args)
	if err := root.Execute(); err != nil {
		return "", err
	}
	for _, value := range []string{isolation, profile, output} {
		if strings.Contains(value, " ") {
			return "", fmt.Errorf("%q is no such value", value)
		}
	}
	return file, nil
}
