package spec

import (
	"fmt"
	"strings"
)

// Reference is the page of all keys of landlord.yaml, in Markdown.
func Reference() []byte {
	var b strings.Builder
	b.WriteString(`# landlord.yaml

One file says which customers there are. NAME stands for a name of your choice.
` + "`landlord init`" + ` writes a file to start from; ` + "`landlord check`" + ` finds its mistakes.

The file is YAML: one document, UTF-8, at most 16 MiB. A key given twice, an
unknown key or a value of the wrong type is an error. Anchors, aliases and merge
keys (` + "`<<`" + `) work; tags do not.

- **Sizes** are whole numbers with B, kB, MB, GB, TB or KiB, MiB, GiB, TiB. All
  of them are powers of 1024, as PostgreSQL counts: 1kB is 1024 bytes.
- **Durations** are whole numbers with ms, s, min, h or d.
- **Lists** are written ` + "`[a, b]`" + ` or one ` + "`- item`" + ` a line.
`)
	for _, k := range keys {
		b.WriteString(k.markdown())
	}
	return []byte(b.String())
}

func (k Key) markdown() string {
	var b strings.Builder
	level := 2 + min(2, strings.Count(k.Path, "."))
	fmt.Fprintf(&b, "\n%s `%s`\n\n%s\n\n", strings.Repeat("#", level), k.Path, k.Doc)
	form := string(k.Type)
	if k.Type == Choice {
		form = "one of `" + strings.Join(k.Values, "`, `") + "`"
	}
	fmt.Fprintf(&b, "- Value: %s\n", form)
	switch {
	case k.Required:
		b.WriteString("- Required\n")
	case k.Default != "":
		fmt.Fprintf(&b, "- Default: %s\n", k.Default)
	}
	if k.Name() == "NAME" {
		fmt.Fprintf(&b, "- Example: a value `%s`\n", k.Example)
	} else {
		fmt.Fprintf(&b, "- Example: `%s: %s`\n", k.Name(), k.Example)
	}
	return b.String()
}
