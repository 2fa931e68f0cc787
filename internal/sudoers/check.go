package sudoers

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// OldestSudo is the first sudo that knows regular expressions.
const OldestSudo = "1.9.10"

// maxPattern is the longest regular expression, in bytes, that sudoers(5)
// allows.
const maxPattern = 1024

var (
	namePattern   = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,63}$`)
	binaryPattern = regexp.MustCompile(`^(/[A-Za-z0-9_+.-]+)+$`)
	digestPattern = regexp.MustCompile(`^[0-9A-Fa-f]{64}$`)
	// Printable ASCII without blanks: a blank in the spec's name would let a
	// caller choose where it ends.
	wordPattern    = regexp.MustCompile(`^[!-~]+$`)
	secretPattern  = regexp.MustCompile(`(?i)password|://[^/@]*:[^/@]*@`)
	versionPattern = regexp.MustCompile(`^(\d+)\.(\d+)(?:\.(\d+))?(?:[a-z]\w*)?$`)
)

func check(o Options) error {
	return errors.Join(
		checkVersion(o.SudoVersion),
		checkName("group", o.Group),
		checkName("user", o.RunAs),
		checkRunAs(o.RunAs),
		checkBinary(o.Binary),
		checkFixed(o),
		checkDigest(o.Digest),
	)
}

func checkName(kind, name string) error {
	if namePattern.MatchString(name) {
		return nil
	}
	return fmt.Errorf("%s %q: sudoers would need escapes for this name; give the rule to a %s of letters, digits, \"_\", \".\" and \"-\"", kind, name, kind)
}

func checkRunAs(user string) error {
	if user == "root" || user == "ALL" {
		return fmt.Errorf("user %q: landlord needs no more than the server's own user, which is postgres on most systems", user)
	}
	return nil
}

func checkBinary(file string) error {
	switch {
	case !path.IsAbs(file):
		return fmt.Errorf("binary %q: sudo needs an absolute path", file)
	case path.Clean(file) != file:
		return fmt.Errorf("binary %q: write it as %s", file, path.Clean(file))
	case !binaryPattern.MatchString(file):
		return fmt.Errorf("binary %q: sudoers gives some of these characters a meaning of their own; put landlord at a path of letters, digits, \"_\", \"+\", \".\" and \"-\", such as /usr/local/bin/landlord", file)
	}
	return nil
}

func checkFixed(o Options) error {
	var err error
	switch {
	case (o.Spec == "") == (o.Server == ""):
		err = errors.New("the rule needs either a spec or a server's connection string: what landlord is to work on")
	case o.Spec != "":
		err = checkSpec(o.Spec)
	default:
		err = checkServer(o.Server)
	}
	if err != nil {
		return err
	}
	for _, v := range verbs(o.fixed()) {
		if len(v.Args) > maxPattern {
			return fmt.Errorf("%s: too long; sudo's patterns hold %d bytes", o.fixed(), maxPattern)
		}
	}
	return nil
}

func checkSpec(file string) error {
	switch {
	case !path.IsAbs(file):
		return fmt.Errorf("spec %q: the rule needs an absolute path", file)
	case path.Clean(file) != file:
		return fmt.Errorf("spec %q: write it as %s", file, path.Clean(file))
	case !wordPattern.MatchString(file):
		return fmt.Errorf("spec %q: sudo joins arguments by blanks, so only a path of ASCII characters without blanks can be fixed by the rule", file)
	}
	return nil
}

// checkServer never repeats the connection string: it may hold a password.
func checkServer(conninfo string) error {
	switch {
	case !wordPattern.MatchString(conninfo):
		return errors.New("server: sudo joins arguments by blanks, so only a connection string without blanks can be fixed by the rule, such as host=/var/run/postgresql or postgresql://postgres@localhost/postgres")
	case !strings.Contains(conninfo, "=") && !strings.Contains(conninfo, "://"):
		return errors.New("server: that is no connection string; the name of a server needs the spec that it is in")
	case secretPattern.MatchString(conninfo):
		return errors.New("server: a password would stand in sudo's configuration and logs; put it into the user's pgpass file")
	}
	return nil
}

func checkDigest(digest string) error {
	if digest == "" || digestPattern.MatchString(digest) {
		return nil
	}
	return fmt.Errorf("digest %q: a SHA-256 has 64 hexadecimal digits", digest)
}

// checkVersion refuses every sudo that would read the patterns as literal
// text or as wildcards.
func checkVersion(version string) error {
	got, ok := numbers(version)
	if !ok {
		return fmt.Errorf("sudo version %q: expected something like 1.9.13p3", version)
	}
	oldest, _ := numbers(OldestSudo)
	for i := range got {
		if got[i] != oldest[i] {
			if got[i] > oldest[i] {
				return nil
			}
			return fmt.Errorf("sudo %s cannot match whole argument lists; the rule needs sudo %s or newer (Debian 12, Ubuntu 24.04), and wildcards would let every option in", version, OldestSudo)
		}
	}
	return nil
}

func numbers(version string) (n [3]int, ok bool) {
	m := versionPattern.FindStringSubmatch(version)
	if m == nil {
		return n, false
	}
	for i := range n {
		n[i], _ = strconv.Atoi(m[i+1]) // an absent third part is 0
	}
	return n, true
}

// Version reads the version out of what sudo -V prints first. It refuses
// sudo-rs, which has no regular expressions for arguments.
func Version(output string) (string, error) {
	line, _, _ := strings.Cut(output, "\n")
	if strings.HasPrefix(line, "sudo-rs") {
		return "", fmt.Errorf("this machine has %s, which does not know patterns for arguments; make it the original sudo (on Ubuntu: update-alternatives --config sudo)", strings.TrimSpace(line))
	}
	version, ok := strings.CutPrefix(line, "Sudo version ")
	if !ok {
		return "", fmt.Errorf("sudo -V said %q and no version", line)
	}
	return strings.TrimSpace(version), nil
}
