package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"landlord"
	"landlord/internal/credentials"
	"landlord/internal/report"
	"landlord/internal/term"
)

func (a *app) reportCommand() *cobra.Command {
	var j judged
	var out string
	var force bool
	c := &cobra.Command{
		Use:   "report --out FILE",
		Short: "Draw who reaches what on a server, as one HTML file",
		Long: `Draw a server as one HTML file, to look at in a browser: which tenant reaches
which database, the roles with the ways between tenants in red, each way step by
step, and what landlord audit finds. The file needs no network and no other
file, and prints.

Without --server it draws all servers of the spec on one page. One that could
not be read stands at the top of it.

It says where the server is weak, so that nobody else may read it (mode 0600).

Exit status: 0 the file is written; 1 failed, or some server could not be read;
2 bad usage or spec.`,
		Example: "  landlord report --server 'host=/var/run/postgresql user=postgres' --out server.html\n" +
			"  landlord report --snapshot server.json --out server.html --force",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.report(c, j, out, force) },
	}
	a.liveFlags(c, &j.place)
	c.Flags().StringVar(&j.snapshot, "snapshot", "", "draw a file of landlord snapshot (- for standard input)")
	c.Flags().StringVar(&out, "out", "", "the file to write")
	c.Flags().BoolVar(&force, "force", false, "replace the file if it is there")
	_ = c.MarkFlagRequired("out")
	return c
}

func (a *app) report(c *cobra.Command, j judged, out string, force bool) error {
	if err := j.check(); err != nil {
		return usageError{err}
	}
	if _, err := os.Lstat(out); err == nil && !force {
		return existsError(out)
	}
	list, missing, err := a.judge(c, j)
	if err != nil {
		return err
	}
	at := time.Now()
	for i := range list {
		list[i].Now = at
	}
	m := landlord.ReportAll(list, missing)
	var page strings.Builder
	if err := report.HTML(&page, m); err != nil {
		return err
	}
	if err := writeReport(out, []byte(page.String()), force); err != nil {
		return err
	}
	if !a.quiet {
		fmt.Fprintf(a.Err, "%s: %s, %s and %d possible between them, %s\n", term.Clean(out),
			term.Count(len(m.Tenants), "tenant"), term.Count(m.Certain, "certain way"), m.Possible, term.Count(len(m.Findings), "finding"))
	}
	return a.missing(missing)
}

func existsError(out string) error {
	return usageError{fmt.Errorf("there is a file %s already; --force replaces it", out)}
}

// writeReport makes the file, for its owner's eyes alone.
func writeReport(out string, page []byte, force bool) error {
	if force {
		return credentials.WriteFile(out, page)
	}
	f, err := os.OpenFile(out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return existsError(out)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(page)
	return errors.Join(err, f.Close())
}
