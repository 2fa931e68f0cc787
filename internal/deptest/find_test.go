package deptest

import (
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"
)

// imports finds imports that are bad in a package, given as its directory.
func imports(bad func(from, path string) bool) func(*source) []finding {
	return func(s *source) []finding {
		var out []finding
		for _, spec := range s.file.Imports {
			if p := text(spec.Path); bad(s.dir, p) {
				out = append(out, finding{spec, "imports " + p})
			}
		}
		return out
	}
}

// calls finds uses of a package's functions, called or not.
func calls(pkg string, names ...string) func(*source) []finding {
	return func(s *source) []finding {
		local := s.nameOf(pkg)
		if local == "" {
			return nil
		}
		var out []finding
		ast.Inspect(s.file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == local && slices.Contains(names, sel.Sel.Name) {
				out = append(out, finding{sel, "uses " + path.Base(pkg) + "." + sel.Sel.Name})
			}
			return true
		})
		return out
	}
}

func builtins(s *source, names ...string) []finding {
	var out []finding
	ast.Inspect(s.file, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if f, ok := call.Fun.(*ast.Ident); ok && slices.Contains(names, f.Name) {
				out = append(out, finding{call, "calls " + f.Name})
			}
		}
		return true
	})
	return out
}

func inits(s *source) []finding {
	var out []finding
	for _, d := range s.file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
			out = append(out, finding{f, "has a func init"})
		}
	}
	return out
}

// doublings finds calls with two arguments in a row that make a quotation
// mark two, which is how SQL quotes.
func doublings(s *source) []finding {
	var out []finding
	ast.Inspect(s.file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		for i := 1; i < len(call.Args); i++ {
			switch text(call.Args[i-1]) {
			case `"`, `'`:
				if text(call.Args[i]) == strings.Repeat(text(call.Args[i-1]), 2) {
					out = append(out, finding{call, "doubles a quotation mark"})
				}
			}
		}
		return true
	})
	return out
}

// text is the value of a string literal, or "".
func text(e ast.Expr) string {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return ""
	}
	s, err := strconv.Unquote(lit.Value)
	if err != nil {
		return ""
	}
	return s
}
