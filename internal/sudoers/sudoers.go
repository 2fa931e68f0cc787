// Package sudoers writes the sudo rule by which members of a group of the
// operating system may add, list, show, suspend and resume tenants as the
// user postgres, and do nothing else as postgres.
//
// What sudo does with such a rule is in sudoers(5). Three of its facts decide
// how the rule looks:
//
//   - Wildcards match across words and slashes: "tenant add *" lets any option
//     in. Regular expressions match the whole list of arguments, or nothing
//     (since sudo 1.9.10).
//   - sudo matches the arguments joined by blanks. So a caller may still glue
//     neighbouring words into one ("acme --profile small"). The rule is made such that
//     landlord refuses each of these: the spec (or the server) is one word
//     with its option (--file=PATH, where "-f PATH" glued would name a file
//     below a directory called " "), it stands before every word that the
//     caller chooses, and none of those may hold a slash.
//   - A program starts in its caller's directory. CWD= takes it elsewhere, so
//     that no relative name finds a file of the caller's.
package sudoers

import (
	_ "embed"
	"fmt"
	"regexp"
	"strings"
	"text/template"

	"landlord/internal/tenant"
)

// Options say who may do what with which program.
type Options struct {
	// Group of the operating system whose members get the right.
	Group string
	// Binary is landlord's absolute path, without a symbolic link in it.
	Binary string
	// Spec is the absolute path of landlord.yaml; empty: none.
	Spec string
	// Server is the connection string of the server to work on without a spec.
	// Either this or Spec is given.
	Server string
	// RunAs is the user of the operating system that landlord runs as; empty:
	// postgres.
	RunAs string
	// SudoVersion is the sudo that the rule is for, as sudo -V says it
	// ("1.9.13p3").
	SudoVersion string
	// Digest is the SHA-256 of the binary in hexadecimal; empty: whatever the
	// file holds is run.
	Digest string
	// NoPassword lets members in without their own password.
	NoPassword bool
}

// verb is one command that the rule allows.
type verb struct {
	Name  string // the last part of its alias
	Usage string // what a person types behind landlord
	Doc   string
	Args  string // the whole list of arguments, as a regular expression
}

//go:embed rule.tmpl
var ruleText string

var rule = template.Must(template.New("rule").Parse(ruleText))

// Render returns the file for /etc/sudoers.d, with each line explained, or
// an error that says what to change. It looks at no file: whether somebody
// else may write to the binary is [Trusted]'s question.
func Render(o Options) (string, error) {
	if o.RunAs == "" {
		o.RunAs = "postgres"
	}
	if err := check(o); err != nil {
		return "", err
	}
	var b strings.Builder
	err := rule.Execute(&b, map[string]any{
		"Options": o,
		"Alias":   aliasPart(o.Group),
		"Command": command(o),
		"Fixed":   o.fixed(),
		"Verbs":   verbs(o.fixed()),
		"File":    fileName(o.Group),
	})
	return b.String(), err
}

// fileName is where the rule of a group belongs. sudo skips names that hold a
// dot or end in a tilde.
func fileName(group string) string {
	return "/etc/sudoers.d/landlord-" + strings.ReplaceAll(group, ".", "_")
}

// fixed is the option that members cannot choose.
func (o Options) fixed() string {
	if o.Spec != "" {
		return "--file=" + o.Spec
	}
	return "--server=" + o.Server
}

func command(o Options) string {
	if o.Digest == "" {
		return o.Binary
	}
	return "sha256:" + strings.ToLower(o.Digest) + " " + o.Binary
}

// verbs are the allowed commands, every option at most once and in one order.
func verbs(fixed string) []verb {
	word := fmt.Sprintf("[a-z][a-z0-9_]{0,%d}", tenant.MaxName-1)
	list := []verb{
		{"ADD", "NAME [--isolation schema|database] [--profile WORD]", "Add a customer.",
			" " + word + "( --isolation[ =](schema|database))?( --profile[ =]" + word + ")?"},
		{"LIST", "[--output text|json]", "List the customers.", "( --output[ =](text|json))?"},
		{"SHOW", "NAME", "Show how one customer's house is arranged: names and sizes, and no row.", " " + word},
		{"SUSPEND", "NAME", "Close one customer's door. Nothing is lost.", " " + word},
		{"RESUME", "NAME", "Open it again.", " " + word},
	}
	for i, v := range list {
		begin := "tenant " + strings.ToLower(v.Name) + " "
		list[i].Usage = begin + fixed + " " + v.Usage
		list[i].Args = "^" + begin + literal(fixed) + v.Args + "$"
	}
	return list
}

// literal makes a regular expression of a text that matches it alone. Inside
// of one, sudoers(5) wants nothing escaped but "#", and a "$" would end it.
func literal(s string) string {
	return strings.ReplaceAll(regexp.QuoteMeta(s), "#", `\#`)
}

// aliasPart makes a group's name a part of an alias: upper-case letters,
// digits and underscores. Groups of different names that come out alike make
// visudo refuse the second file, since an alias is defined once.
func aliasPart(group string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("-.", r) {
			return '_'
		}
		return r
	}, strings.ToUpper(group))
}
