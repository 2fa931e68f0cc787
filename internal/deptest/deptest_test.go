package deptest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	module = "landlord"
	root   = "../.."
)

// source is one Go file that is no test.
type source struct {
	dir  string // of its package, from the module's root; "" for the root itself
	fset *token.FileSet
	file *ast.File
}

// nameOf is what a file calls an imported package, or "".
func (s *source) nameOf(pkg string) string {
	for _, spec := range s.file.Imports {
		if text(spec.Path) != pkg {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		if base := path.Base(pkg); base != "v5" {
			return base
		}
		return path.Base(path.Dir(pkg))
	}
	return ""
}

func TestRules(t *testing.T) {
	all := sources(t)
	for _, r := range rules() {
		t.Run(r.name, func(t *testing.T) {
			for _, s := range all {
				for _, f := range r.check(s) {
					t.Errorf("%s: %s.\n%s", s.fset.Position(f.node.Pos()), f.what, r.reason)
				}
			}
		})
	}
}

// check applies a rule where it holds.
func (r rule) check(s *source) []finding {
	if r.only != nil && !slices.Contains(r.only, s.dir) || r.except[s.dir] != "" {
		return nil
	}
	return r.find(s)
}

// TestPackagesOfRulesExist finds rules about packages that have moved. Those
// that are still to come are named here.
func TestPackagesOfRulesExist(t *testing.T) {
	coming := []string{"internal/audit"}
	there := map[string]bool{}
	for _, s := range sources(t) {
		there[s.dir] = true
	}
	for _, r := range rules() {
		names := slices.Clone(r.only)
		for name := range r.except {
			names = append(names, name)
		}
		for _, name := range names {
			if !there[name] && !slices.Contains(coming, name) {
				t.Errorf("rule %q is about %s, which is not there", r.name, name)
			}
		}
	}
}

// TestRulesFind makes sure that each rule finds what it forbids.
func TestRulesFind(t *testing.T) {
	for _, c := range []struct{ rule, dir, source string }{
		{"a pure package asks nobody", "internal/plan", `import "os"`},
		{"a pure package asks nobody", "internal/plan", `import "net"`},
		{"a pure package asks nobody", "internal/plan", `import "github.com/jackc/pgx/v5/pgconn"`},
		{"a pure package asks nobody", "internal/plan", `import "github.com/goccy/go-yaml"`},
		{"a pure package imports only what is below it", "internal/plan", `import "landlord/internal/catalog"`},
		{"a pure package imports only what is below it", "internal/tenant", `import "landlord/internal/plan"`},
		{"a pure package does not read the clock", "internal/spec", `import "time"; var x = time.Now()`},
		{"a pure package does not read the clock", "internal/spec", `import "time"; var now = time.Now`},
		{"a pure package does not read the clock", "internal/spec", `import t "time"; var x = t.Since(t.Time{})`},
		{"only internal/run starts programs", "internal/credentials", `import "os/exec"`},
		{"only internal/connect opens connections", "internal/apply", `import "github.com/jackc/pgx/v5/pgconn"; var c, err = pgconn.Connect(nil, "")`},
		{"only internal/connect opens connections", "internal/apply", `import "github.com/jackc/pgx/v5"; var c, err = pgx.ConnectConfig(nil, nil)`},
		{"only internal/pgsql quotes for SQL", "internal/apply", "import \"strings\"; var x = strings.ReplaceAll(y, `\"`, `\"\"`)"},
		{"only internal/pgsql quotes for SQL", "internal/apply", `import "strings"; var x = strings.NewReplacer("\\", "\\\\", "'", "''")`},
		{"no init functions", "internal/cli", `func init() {}`},
		{"the command line knows no PostgreSQL driver", "internal/cli", `import "github.com/jackc/pgx/v5/pgconn"`},
		{"nothing below the root package imports it", "internal/apply", `import "landlord"`},
		{"main is one line", "cmd/landlord", `import "fmt"`},
		{"only programs print", "internal/cli", `import "fmt"; func f() { fmt.Println() }`},
		{"only programs print", "internal/cli", `func f() { println() }`},
	} {
		t.Run(c.rule+"/"+c.source, func(t *testing.T) {
			i := slices.IndexFunc(rules(), func(r rule) bool { return r.name == c.rule })
			if i < 0 {
				t.Fatal("no such rule")
			}
			if s := parse(t, c.dir, "x.go", "package x\n"+c.source); len(rules()[i].check(s)) == 0 {
				t.Error("the rule does not find it")
			}
		})
	}
	fine := parse(t, "internal/plan", "x.go", `package plan
		import ("net/netip"; "time"; "landlord/internal/pgsql")
		func (b builder) init() { b.time.Now(); var d time.Duration; _ = netip.Addr{}; strings.ReplaceAll(s, "\"", "'") }`)
	for _, r := range rules() {
		for _, f := range r.check(fine) {
			t.Errorf("rule %q finds what is fine: %s", r.name, f.what)
		}
	}
}

// sources parses every Go file of the module that is no test.
func sources(t *testing.T) []*source {
	t.Helper()
	var all []*source
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "node_modules"):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		all = append(all, parse(t, filepath.ToSlash(filepath.Dir(rel)), filepath.ToSlash(rel), string(text)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func parse(t *testing.T, dir, name, text string) *source {
	t.Helper()
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, name, text, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return &source{dir: strings.TrimPrefix(dir, "."), fset: fset, file: f}
}
