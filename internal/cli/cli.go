// Package cli is landlord's command line: thin commands over the root
// package. stdout carries the answer, stderr the talk.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"landlord"
	"landlord/internal/plan"
	"landlord/internal/spec"
	"landlord/internal/tenant"
	"landlord/internal/term"
)

// The exit statuses.
const (
	exitDone     = 0
	exitFailed   = 1
	exitUsage    = 2
	exitFindings = 3
)

// Streams are what the program reads and writes, besides servers and files.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	Getenv   func(string) string
}

// Process is the streams of this process.
func Process() Streams {
	return Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv}
}

// app is one run of the program.
type app struct {
	Streams
	file    string // landlord.yaml
	output  string
	quiet   bool
	journal string // of commands that read no spec
	verbose bool
	// seen is the spec as it was read last.
	seen struct {
		text   []byte
		estate tenant.Estate
	}
}

func (a *app) outLook() term.Look { return term.LookOf(a.Out, a.Getenv) }
func (a *app) errLook() term.Look { return term.LookOf(a.Err, a.Getenv) }

// exitError ends the program with a status and says nothing more.
type exitError int

func (e exitError) Error() string { return "" }

// usageError is a mistake in the call or in the spec: exit 2, nothing changed.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

// Main runs the program and returns its exit status.
func Main(args []string, s Streams) int {
	// A plan of 10,000 tenants is mostly short-lived text: collect it early.
	debug.SetGCPercent(50)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	a := &app{Streams: s}
	root := Root(a)
	root.SetArgs(args)
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	return a.exit(root.ExecuteContext(landlord.Remember(ctx)))
}

// exit prints an error, with what to do next, and chooses the status.
func (a *app) exit(err error) int {
	var status exitError
	var usage usageError
	var specErrors *spec.Errors
	var conflict *plan.ConflictError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &status):
		return int(status)
	}
	term.Error(a.Err, a.errLook(), err, emergency(err))
	if errors.As(err, &usage) || errors.As(err, &specErrors) || errors.As(err, &conflict) {
		return exitUsage
	}
	return exitFailed
}

// New makes the commands for whoever only wants to look at them: the
// reference pages, shell completion.
func New() *cobra.Command {
	return Root(&app{Streams: Streams{In: os.Stdin, Out: io.Discard, Err: io.Discard, Getenv: func(string) string { return "" }}})
}

// Root makes the commands of one run.
func Root(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "landlord",
		Short: "A house of their own for each customer of a PostgreSQL server, proved by trying",
		Long: `landlord gives each customer (tenant) of a PostgreSQL server a house of their
own: a database, or a schema in a shared one. It keeps customer 1 out of
database 2, and proves it by trying.

  landlord init        writes a commented landlord.yaml
  landlord check       finds every mistake in it
  landlord plan        shows what would change on the server
  landlord apply       changes it
  landlord router      puts PgBouncer in front of all of it
  landlord prove       logs in as each tenant and tries to get out
  landlord snapshot    reads who may do what, into a file
  landlord access      says who can do what, and by which path
  landlord report      draws who reaches what, as a page for the browser
  landlord demo        shows all of it on a private server

Exit status: 0 done, or nothing to do; 1 failed; 2 bad usage or a mistake in
landlord.yaml, nothing changed; 3 plan has changes, prove or hba check has findings.`,
		SilenceUsage: true, SilenceErrors: true,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.PersistentFlags().BoolVarP(&a.quiet, "quiet", "q", false, "no progress and no remarks on stderr")
	root.PersistentFlags().BoolVarP(&a.verbose, "verbose", "v", false, "more of them")
	root.AddCommand(a.initCommand(), a.checkCommand(), a.planCommand(), a.applyCommand(), a.credentialsCommand(),
		a.proveCommand(), a.hbaCommand(), a.routerCommand(), a.exportCommand(), a.importCommand(), a.snapshotCommand(), a.accessCommand(), a.auditCommand(), a.reportCommand(), a.demoCommand(), a.tenantCommand(), a.poolCommand(), a.sudoersCommand(), a.versionCommand())
	strict(root)
	return root
}

// strict turns unknown commands, wrong arguments and missing flags into usage
// errors, here and below.
func strict(c *cobra.Command) {
	check, before := c.Args, c.PreRunE
	if c.HasSubCommands() {
		check = knownCommand
	}
	if check != nil {
		c.Args = func(c *cobra.Command, args []string) error { return asUsage(check(c, args)) }
	}
	c.PreRunE = func(c *cobra.Command, args []string) error {
		if err := c.ValidateRequiredFlags(); err != nil {
			return usageError{err}
		}
		if before != nil {
			return before(c, args)
		}
		return nil
	}
	for _, sub := range c.Commands() {
		strict(sub)
	}
}

func asUsage(err error) error {
	if err == nil {
		return nil
	}
	return usageError{err}
}

// knownCommand refuses the name of a command that there is not.
func knownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	err := fmt.Errorf("unknown command %q for %q", args[0], c.CommandPath())
	c.SuggestionsMinimumDistance = 2
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		err = fmt.Errorf("%w; did you mean %q?", err, near[0])
	}
	return err
}
