package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"landlord"
	"landlord/internal/term"
)

func (a *app) importCommand() *cobra.Command {
	var connection, out string
	c := &cobra.Command{
		Use:   "import",
		Short: "Write a spec that takes over a server built by hand",
		Long: `Read a server that somebody built by hand, infer which tenants it has, and write
a landlord.yaml that adopts them, with the reason of each guess. Databases in
which the same logins work, and no others, are one tenant's. What it cannot tell
stands in the file as "# ask:", and on the standard error. It changes nothing on
the server, and no file that is there. Read what it wrote, then go on with
check, plan, apply and prove.
Exit status: 0; 1 failed; 2 bad usage; 3 there is something to decide.`,
		Example: "  landlord import --server 'host=/var/run/postgresql user=postgres'",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return a.imports(c, connection, out) },
	}
	c.Flags().StringVar(&connection, "server", "host=/var/run/postgresql user=postgres", "where to connect, as libpq keywords or a URI")
	c.Flags().StringVar(&out, "out", "landlord.yaml", "the file to write; it must not exist")
	return c
}

func (a *app) imports(c *cobra.Command, connection, out string) error {
	if _, err := os.Lstat(out); err == nil {
		return usageError{fmt.Errorf("%s is there already; --out names another file", out)}
	}
	found, err := landlord.Import(c.Context(), serverAt(connection))
	if err != nil {
		return err
	}
	if err := writeNew(out, found.Text); err != nil {
		return err
	}
	for _, ask := range found.Asks {
		fmt.Fprintf(a.Err, "ask: %s\n", term.Clean(ask))
	}
	fmt.Fprintf(a.Out, "%s is written; read it, and go on with:\n", out)
	for _, next := range []string{"check", "plan", "apply", "prove"} {
		fmt.Fprintf(a.Out, "  landlord %s -f %s\n", next, shellWord(out))
	}
	if len(found.Asks) > 0 {
		return exitError(exitFindings)
	}
	return nil
}

// writeNew writes a file that is not there yet.
func writeNew(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return usageError{fmt.Errorf("%s is there already; --out names another file", path)}
	}
	if err != nil {
		return usageError{err}
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}
