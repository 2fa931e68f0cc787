package cli

import (
	gobytes "bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"landlord"
	"landlord/internal/heap"
	"landlord/internal/spec"
	"landlord/internal/tenant"
)

// specFlag gives a command the flag that names landlord.yaml.
func (a *app) specFlag(c *cobra.Command) {
	c.Flags().StringVarP(&a.file, "file", "f", "landlord.yaml", "the spec")
	_ = c.MarkFlagFilename("file", "yaml", "yml")
}

// outputFlag gives a command the flag that chooses the form of its answer.
func (a *app) outputFlag(c *cobra.Command, forms ...string) {
	c.Flags().StringVar(&a.output, "output", forms[0], "form of the answer: "+join(forms))
	_ = c.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(forms, cobra.ShellCompDirectiveNoFileComp))
	before := c.PreRunE
	c.PreRunE = func(c *cobra.Command, args []string) error {
		if !slices.Contains(forms, a.output) {
			return usageError{fmt.Errorf("--output %s: it is one of %s", a.output, join(forms))}
		}
		if before != nil {
			return before(c, args)
		}
		return nil
	}
}

func join(words []string) string {
	out := ""
	for i, w := range words {
		if i > 0 {
			out += "|"
		}
		out += w
	}
	return out
}

// maxFile is how much of a file is read, in bytes. What is larger is refused
// by what reads it, and a file without an end has none.
const maxFile = 64 << 20

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var text gobytes.Buffer
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		text.Grow(int(min(info.Size(), maxFile)) + gobytes.MinRead) // it is read in one piece
	}
	_, err = text.ReadFrom(io.LimitReader(f, maxFile))
	return text.Bytes(), err
}

// readSpec reads the spec's text.
func readSpec(path string) ([]byte, error) {
	text, err := readFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, usageError{fmt.Errorf("there is no %s here; landlord init writes one, and -f names another", path)}
	case err != nil:
		return nil, usageError{err}
	}
	heap.FitText(text)
	return text, nil
}

// load reads the spec.
func (a *app) load() (tenant.Estate, error) {
	text, err := readSpec(a.file)
	if err != nil {
		return tenant.Estate{}, err
	}
	e, err := spec.Parse(a.file, text)
	heap.Fit(len(e.Tenants))
	if err == nil {
		a.seen.text, a.seen.estate = text, e
	}
	return e, err
}

// tenants checks names that were given on the command line.
func tenants(e tenant.Estate, names []string) error {
	for _, name := range names {
		if _, ok := e.Tenant(name); !ok {
			return usageError{unknownTenant(e, name)}
		}
	}
	return nil
}

// tenantNames and serverNames complete names out of the spec.
func (a *app) tenantNames(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	e, _ := a.load()
	return names(e), cobra.ShellCompDirectiveNoFileComp
}

func (a *app) serverNames(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	e, _ := a.load()
	var names []string
	for _, s := range e.Servers {
		names = append(names, s.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// names are those of an estate's tenants.
func names(e tenant.Estate) []string {
	var known []string
	for _, t := range e.Tenants {
		known = append(known, t.Name)
	}
	return known
}

func unknownTenant(e tenant.Estate, name string) error {
	for _, s := range e.Servers {
		if _, ok := s.Pool(name); ok {
			return fmt.Errorf("%q is no tenant, but a pool of server %s: landlord credentials --pool %[1]s gives its settings, and landlord pool rotate %[1]s a new password", name, s.Name)
		}
	}
	return suggesting(fmt.Sprintf("there is no tenant %q in the spec", name), name, names(e))
}

// suggesting is an error about a name, with the one that was probably meant.
func suggesting(text, name string, known []string) error {
	if near := spec.Suggest(name, known); near != "" {
		text += "; " + near
	}
	return errors.New(text)
}

// servers are those that the command is about: the named one, or all that
// have tenants.
func servers(e tenant.Estate, name string, only []string) ([]tenant.Server, error) {
	var out []tenant.Server
	for _, s := range e.Servers {
		if name != "" && s.Name != name {
			continue
		}
		if len(only) > 0 && !slices.ContainsFunc(e.On(s.Name), func(t tenant.Tenant) bool { return slices.Contains(only, t.Name) }) {
			continue
		}
		out = append(out, s)
	}
	switch {
	case len(out) == 0 && name != "":
		return nil, usageError{fmt.Errorf("there is no server %q in the spec with these tenants", name)}
	case len(out) == 0:
		return nil, usageError{errors.New("the spec names no server")}
	}
	return out, nil
}

// about reads the spec, and finds the servers that a scope is about.
func (a *app) about(s scope) (tenant.Estate, []tenant.Server, error) {
	e, err := a.load()
	if err != nil {
		return e, nil, err
	}
	if err := tenants(e, s.tenants); err != nil {
		return e, nil, err
	}
	if s.prune && len(e.Servers) == 0 && s.server == "" {
		// The last tenant may have had a server of its own.
		if marks, err := landlord.Leftovers(e); err != nil || len(marks) > 0 {
			return e, nil, err
		}
	}
	list, err := servers(e, s.server, s.tenants)
	return e, list, err
}
