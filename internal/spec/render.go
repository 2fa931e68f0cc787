package spec

import (
	"encoding/json"
	"fmt"
	"strings"
)

// nest puts a value below the keys of a path.
func nest(path []string, v *node) *node {
	for i := len(path) - 1; i >= 0; i-- {
		v = &node{kind: mapping, pairs: []pair{{key: &node{kind: text, text: path[i]}, value: v}}}
	}
	return v
}

// lines prints the pairs of a mapping in block form.
func (e *editor) lines(indent int, n *node) string {
	var b strings.Builder
	for _, p := range n.pairs {
		b.WriteString(e.line(indent, p.key.text, p.value))
	}
	return b.String()
}

// line prints one pair in block form.
func (e *editor) line(indent int, key string, v *node) string {
	head := fmt.Sprintf("%*s%s:", indent, "", quote(key))
	if v.kind == mapping && len(v.pairs) > 0 {
		return head + e.newline + e.lines(indent+e.step, v)
	}
	return head + " " + e.inline(v, false) + e.newline
}

// pairs prints the pairs of a mapping in flow form, without the braces.
func (e *editor) pairs(n *node, json bool) string {
	parts := make([]string, len(n.pairs))
	for i, p := range n.pairs {
		parts[i] = e.inline(p.key, json) + ": " + e.inline(p.value, json)
	}
	return strings.Join(parts, ", ")
}

// inline prints a value on one line.
func (e *editor) inline(n *node, json bool) string {
	switch n.kind {
	case mapping:
		return "{" + e.pairs(n, json) + "}"
	case sequence:
		parts := make([]string, len(n.items))
		for i, item := range n.items {
			parts[i] = e.inline(item, json)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case text:
		if json {
			return quoteJSON(n.text)
		}
		if _, err := ParseSize(n.text); err == nil {
			return n.text
		}
		if _, err := parseDuration(n.text); err == nil {
			return n.text
		}
		return quote(n.text)
	}
	return n.text
}

// like prints a value in the quotes that the one before it stood in, if they
// need no escape.
func (e *editor) like(quotes byte, n *node, json bool) string {
	switch {
	case n.kind != text:
	case quotes == '"':
		return quoteJSON(n.text)
	case quotes == '\'' && !strings.ContainsAny(n.text, "'\r\n"):
		return "'" + n.text + "'"
	}
	return e.inline(n, json)
}

func quoteJSON(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string always marshals
	}
	return string(text)
}
