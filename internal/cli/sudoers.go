package cli

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"landlord/internal/run"
	"landlord/internal/sudoers"
)

func (a *app) sudoersCommand() *cobra.Command {
	var o sudoers.Options
	var digest bool
	c := &cobra.Command{
		Use:   "sudoers",
		Short: "Write the sudo rule for people who add customers and may not read their data",
		Long: `Print a sudo rule for a group of this machine. Its members may run, as the user
postgres, exactly these commands, and nothing else:

  landlord tenant add NAME [--isolation schema|database] [--profile WORD]
  landlord tenant list [--output text|json]
  landlord tenant show NAME
  landlord tenant suspend NAME
  landlord tenant resume NAME

Each of them names the spec as its first option, --file=SPEC, and only this very
file; without -f it is --server=CONNECTION instead, as it stands in the rule.
Members get no login to the server and no customer's password.

Nothing is changed. Look at what is printed, have it checked by visudo, and
install it as root:

  landlord sudoers --group tenantadmins -f /etc/landlord/landlord.yaml > rule
  visudo -cf rule && install -o root -g root -m 0440 rule /etc/sudoers.d/landlord-tenantadmins

The rule needs sudo 1.9.10 or newer. It is refused where somebody else than root
could change the program, or somebody else than root and postgres the spec.

Exit status: 0 printed; 1 failed; 2 bad usage, or something that would make the
rule unsafe.`,
		Example: `  landlord sudoers --group tenantadmins
  landlord sudoers --group tenantadmins -f /etc/landlord/landlord.yaml --digest
  landlord sudoers --group signup --nopasswd --binary /usr/local/bin/landlord`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.sudoers(c, o, digest) },
	}
	flags := c.Flags()
	flags.StringVar(&o.Group, "group", "", "the group whose members get the right (required)")
	flags.StringVar(&o.Binary, "binary", "", "landlord's path (default: this program's)")
	flags.StringVarP(&o.Spec, "file", "f", "", "the spec that the rule is bound to")
	flags.StringVar(&o.Server, "server", "", "without a spec: the server that the rule is bound to (default: "+socketServer+")")
	flags.StringVar(&o.RunAs, "user", "postgres", "the user that landlord runs as: the server's own")
	flags.BoolVar(&o.NoPassword, "nopasswd", false, "ask members for no password, for programs that have none")
	flags.BoolVar(&digest, "digest", false, "bind the rule to the program's content; write it anew after each update")
	flags.StringVar(&o.SudoVersion, "sudo-version", "", "the sudo that the rule is for (default: this machine's)")
	_ = c.MarkFlagRequired("group")
	_ = c.MarkFlagFilename("file", "yaml", "yml")
	return c
}

// socketServer is this machine's server, where Debian's and PostgreSQL's own
// packages put its socket. There the user postgres needs no password.
const socketServer = "host=/var/run/postgresql"

func (a *app) sudoers(c *cobra.Command, o sudoers.Options, digest bool) (err error) {
	if o.SudoVersion == "" {
		if o.SudoVersion, err = sudoVersion(c); err != nil {
			return err
		}
	}
	if o.Binary == "" {
		if o.Binary, err = os.Executable(); err != nil {
			return err
		}
	}
	switch {
	case o.Spec != "":
		if o.Spec, err = filepath.Abs(o.Spec); err != nil {
			return err
		}
	case o.Server == "":
		o.Server = socketServer
	}
	if digest {
		if o.Digest, err = sudoers.Digest(o.Binary); err != nil {
			return usageError{err}
		}
	}
	text, err := sudoers.Render(o)
	if err == nil {
		err = trusted(o)
	}
	if err != nil {
		return usageError{err}
	}
	if _, err := user.LookupGroup(o.Group); err != nil {
		a.say("there is no group %s on this machine yet; groupadd %s makes it, gpasswd -a SOMEBODY %s adds a member", o.Group, o.Group, o.Group)
	}
	_, err = a.Out.Write([]byte(text))
	return err
}

// sudoVersion asks the sudo of this machine.
func sudoVersion(c *cobra.Command) (string, error) {
	out, _, err := run.Command(c.Context(), run.Spec{Name: "sudo", Args: []string{"-V"}, Env: []string{"LC_ALL=C", "PATH=" + os.Getenv("PATH")}})
	if err != nil {
		return "", usageError{fmt.Errorf("%w; --sudo-version says which sudo the rule is for, if it is another machine's", err)}
	}
	version, err := sudoers.Version(string(out))
	if err != nil {
		return "", usageError{err}
	}
	return version, nil
}

// trusted refuses a program that somebody else than root could change, and a
// spec that somebody else than root and the server's user could.
func trusted(o sudoers.Options) error {
	err := sudoers.Trusted(o.Binary)
	if o.Spec == "" {
		return err
	}
	var owners []uint32
	if u, lookupErr := user.Lookup(o.RunAs); lookupErr == nil {
		if id, parseErr := strconv.ParseUint(u.Uid, 10, 32); parseErr == nil {
			owners = append(owners, uint32(id))
		}
	}
	return errors.Join(err, sudoers.Trusted(o.Spec, owners...))
}
