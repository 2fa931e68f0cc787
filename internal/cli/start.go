package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"

	"landlord/internal/spec"
	"landlord/internal/term"
)

func (a *app) initCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "init",
		Short: "Write a commented landlord.yaml",
		Long: `Write a commented landlord.yaml, to be changed to what you have. A file that is
there already is never overwritten. Exit status: 0 written, 2 there is one.`,
		Example: "  landlord init\n  landlord init -f customers.yaml",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			f, err := os.OpenFile(a.file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
			if errors.Is(err, fs.ErrExist) {
				return usageError{fmt.Errorf("%s is there already and stays as it is; -f names another", a.file)}
			}
			if err != nil {
				return err
			}
			_, err = f.Write(spec.Template())
			if err := errors.Join(err, f.Close()); err != nil {
				return err
			}
			a.say("wrote %s; next: name your customers in it, then landlord check", a.file)
			return nil
		},
	}
	a.specFlag(c)
	return c
}

func (a *app) checkCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "check",
		Short: "Find every mistake in landlord.yaml, without a server",
		Long: `Find every mistake in landlord.yaml, all at once, each with line, column and
path, and what was probably meant. No server is asked. Exit status: 0 the spec
is right, 2 it is not.`,
		Example: "  landlord check\n  landlord check -f customers.yaml --output json",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return a.check() },
	}
	a.specFlag(c)
	a.outputFlag(c, "text", "json")
	return c
}

func (a *app) check() error {
	e, err := a.load()
	var mistakes *spec.Errors
	if a.output == "json" && (err == nil || errors.As(err, &mistakes)) {
		list := []spec.Error{}
		if mistakes != nil {
			list = mistakes.List
		}
		if err := a.json(map[string]any{"errors": list}); err != nil {
			return err
		}
		if len(list) > 0 {
			return exitError(exitUsage)
		}
		return nil
	}
	if errors.As(err, &mistakes) {
		fmt.Fprintln(a.Out, mistakes.Error())
		fmt.Fprintf(a.Out, "\n%s in %s\n", term.Count(len(mistakes.List), "mistake"), a.file)
		return exitError(exitUsage)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(a.Out, "%s is right: %s on %s\n", a.file, term.Count(len(e.Tenants), "tenant"), term.Count(len(e.Servers), "server"))
	return nil
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print landlord's version",
		Long:    "Print landlord's version and the Go that built it. Exit status: 0.",
		Example: "  landlord version",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			info, _ := debug.ReadBuildInfo()
			version, revision := "(devel)", ""
			if info != nil {
				version = info.Main.Version
				for _, s := range info.Settings {
					if s.Key == "vcs.revision" {
						revision = " " + s.Value
					}
				}
				fmt.Fprintf(a.Out, "landlord %s%s %s\n", version, revision, info.GoVersion)
			}
			return nil
		},
	}
}

// say talks on stderr, unless quiet.
func (a *app) say(format string, args ...any) {
	if !a.quiet {
		fmt.Fprintf(a.Err, format+"\n", args...)
	}
}

// json prints an answer as JSON.
func (a *app) json(v any) error {
	enc := json.NewEncoder(a.Out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
