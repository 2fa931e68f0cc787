package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"landlord"
	"landlord/internal/access"
	"landlord/internal/apply"
	"landlord/internal/catalog"
	"landlord/internal/hba"
	"landlord/internal/journal"
	"landlord/internal/plan"
	"landlord/internal/prove"
	"landlord/internal/snapshot"
	"landlord/internal/spec"
	"landlord/internal/tenant"
)

// TestOutputPageNamesEveryField compares docs/output.md with the types that
// are printed.
func TestOutputPageNamesEveryField(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(docs, "output.md"))
	if err != nil {
		t.Fatal(err)
	}
	for title, fields := range map[string][]string{
		"Mistake":  jsonFields(spec.Error{}),
		"Plan":     jsonFields(plan.Plan{}),
		"Step":     jsonFields(plan.Step{}),
		"Loss":     jsonFields(plan.Loss{}),
		"Change":   jsonFields(plan.HBAChange{}),
		"Note":     jsonFields(plan.Note{}),
		"Result":   jsonFields(apply.Result{}),
		"Group":    groupFields(t),
		"Report":   jsonFields(prove.Report{}),
		"Outcome":  jsonFields(prove.Outcome{}),
		"Tenant":   jsonFields(landlord.Status{}),
		"Role":     jsonFields(landlord.RoleStatus{}),
		"Limit":    jsonFields(landlord.Limit{}),
		"Contents": jsonFields(catalog.Standout{}),
		"Entry":    jsonFields(journal.Entry{}),
		"Rights":   jsonFields(access.Report{}),
		"Path":     jsonFields(access.Path{}),
	} {
		if diff := cmp.Diff(fields, rows(string(page), title)); diff != "" {
			t.Errorf("docs/output.md, %s: the program (-) and the page (+) differ:\n%s", title, diff)
		}
	}
}

// jsonFields lists the names that a struct's fields have in JSON, sorted.
func jsonFields(v any) []string {
	var names []string
	for _, f := range reflect.VisibleFields(reflect.TypeOf(v)) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// groupFields lists those of a type that writes itself.
func groupFields(t *testing.T) []string {
	t.Helper()
	text, err := json.Marshal(apply.Outcome{Tenant: "a", Undone: true, Err: &apply.StepError{State: "42501", Err: errors.New("no")}})
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		t.Fatal(err)
	}
	var names []string
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

var row = regexp.MustCompile("(?m)^\\| `([a-zA-Z]+)` \\|")

// rows lists the first column of the table below a heading, sorted.
func rows(page, title string) []string {
	_, section, _ := strings.Cut(page, "\n### "+title+"\n")
	section, _, _ = strings.Cut(section, "\n#")
	var names []string
	for _, m := range row.FindAllStringSubmatch(section, -1) {
		names = append(names, m[1])
	}
	slices.Sort(names)
	return names
}

// TestAccessPageNamesEveryKind: docs/access.md has each kind of step, in
// order, with its words.
func TestAccessPageNamesEveryKind(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(docs, "access.md"))
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for _, k := range access.Kinds() {
		want.WriteString("| `" + k.Name + "` | " + k.What + " |\n")
	}
	if !strings.Contains(string(page), "|---|---|\n"+want.String()+"\n") {
		t.Errorf("docs/access.md does not have this table:\n%s", want.String())
	}
}

// TestHBAPageShowsTheBlock compares the block in docs/hba.md with what is
// rendered for such a server.
func TestHBAPageShowsTheBlock(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(docs, "hba.md"))
	if err != nil {
		t.Fatal(err)
	}
	server := tenant.Server{Name: "main", Operators: []string{"admin"}, Clients: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	snap := snapshot.Snapshot{Version: 180000, Roles: []snapshot.Role{{Name: "postgres", Superuser: true, Login: true}, {Name: "admin", Login: true}}}
	want, err := hba.Render(plan.Block(server, nil, snap))
	if err != nil {
		t.Fatal(err)
	}
	start, end := strings.Index(string(page), hba.BeginMarker), strings.Index(string(page), hba.EndMarker+"\n")
	if start < 0 || end < start {
		t.Fatal("docs/hba.md shows no block")
	}
	if diff := cmp.Diff(want, string(page)[start:end]+hba.EndMarker+"\n"); diff != "" {
		t.Errorf("docs/hba.md shows another block (+) than landlord writes (-):\n%s", diff)
	}
}

// TestArchitecturePageNamesEveryPackage: a newcomer must find each package in
// docs/architecture.md.
func TestArchitecturePageNamesEveryPackage(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(docs, "architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir("..", func(dir string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() || d.Name() == "testdata" {
			return err
		}
		name := "`internal" + strings.TrimPrefix(filepath.ToSlash(dir), "..") + "`"
		if sources, _ := filepath.Glob(dir + "/*.go"); len(sources) > 0 && !strings.Contains(string(page), name) {
			t.Errorf("docs/architecture.md does not say what %s holds", name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
