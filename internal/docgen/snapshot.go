package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
)

const snapshotIntro = "# The snapshot's fields\n\n" +
	"What `landlord snapshot` prints, type by type; [Snapshots](../snapshot.md) says what to do with it. This\n" +
	"page is made from the program. Fields with *opt.* are left out where they are empty, false or 0.\n\n" +
	"An **ACL** is a list of texts as the server prints them (`acme=r*w/postgres`: to `acme`, SELECT with grant\n" +
	"option and UPDATE, from `postgres`; nothing before the `=` is PUBLIC). `null` is the catalog's NULL: the\n" +
	"built-in default, not \"nothing\".\n"

// snapshotPage describes the types of internal/snapshot out of their own
// comments.
func snapshotPage() ([]byte, error) {
	dir, err := sourceOf("internal/snapshot")
	if err != nil {
		return nil, err
	}
	b := bytes.NewBufferString(snapshotIntro)
	fset := token.NewFileSet()
	for _, name := range []string{"snapshot.go", "unread.go", "server.go", "inside.go"} {
		f, err := parser.ParseFile(fset, filepath.Join(dir, name), nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		for _, d := range f.Decls {
			if g, ok := d.(*ast.GenDecl); ok {
				describe(b, fset, g)
			}
		}
	}
	return tidy(b.Bytes()), nil
}

// sourceOf finds a directory of the module from wherever in it this runs.
func sourceOf(dir string) (string, error) {
	for up := "."; len(up) < 64; up = filepath.Join("..", up) {
		if _, err := os.Stat(filepath.Join(up, "go.mod")); err == nil {
			return filepath.Join(up, dir), nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return "", fmt.Errorf("%s: run this in landlord's source", dir)
}

// describe writes the section of a struct, or the table of constants.
func describe(b *bytes.Buffer, fset *token.FileSet, g *ast.GenDecl) {
	for i, s := range g.Specs {
		switch s := s.(type) {
		case *ast.TypeSpec:
			if st, ok := s.Type.(*ast.StructType); ok {
				fmt.Fprintf(b, "\n## %s\n\n%s\n\n| field | type | means |\n|---|---|---|\n", s.Name.Name, g.Doc.Text())
				for _, f := range st.Fields.List {
					describeField(b, fset, f)
				}
			}
		case *ast.ValueSpec:
			if i == 0 {
				fmt.Fprintf(b, "\n%s\n\n| part | |\n|---|---|\n", strings.TrimSpace(g.Doc.Text()))
			}
			if lit, ok := s.Values[0].(*ast.BasicLit); ok {
				fmt.Fprintf(b, "| `%s` | %s |\n", strings.Trim(lit.Value, `"`), cell(s.Comment.Text()))
			}
		}
	}
}

func describeField(b *bytes.Buffer, fset *token.FileSet, f *ast.Field) {
	var typ bytes.Buffer
	_ = printer.Fprint(&typ, fset, f.Type)
	if len(f.Names) == 0 { // its fields stand among these
		fmt.Fprintf(b, "| | | and the fields of [%s](#%s) |\n", typ.String(), strings.ToLower(typ.String()))
		return
	}
	tag := reflect.StructTag(strings.Trim(f.Tag.Value, "`")).Get("json")
	name, options, _ := strings.Cut(tag, ",")
	if name == "-" { // not in the file
		return
	}
	text := typ.String()
	if options != "" {
		text += ", opt."
	}
	fmt.Fprintf(b, "| `%s` | %s | %s |\n", name, cell(text), cell(f.Doc.Text()+" "+f.Comment.Text()))
}

func cell(text string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", `\|`)
}
