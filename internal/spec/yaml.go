package spec

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Bounds that no honest file comes near.
const (
	maxText     = 16 << 20  // bytes of a file
	maxChunk    = 2 << 20   // bytes of one entry, or of a file in flow (JSON) form
	maxDepth    = 32        // brackets, list dashes, anchors within each other
	maxExpanded = 2_000_000 // values that all aliases together stand for
)

type kind int

const (
	null kind = iota
	boolean
	number
	text
	mapping
	sequence
)

func (k kind) String() string {
	return [...]string{"nothing", "true/false", "a number", "text", "a mapping", "a list"}[k]
}

// node is a YAML value with its place, anchors and merge keys resolved.
type node struct {
	kind  kind
	at    position
	text  string // of a scalar, as written but unquoted
	pairs []pair
	items []*node
	size  int // values in it, itself included, aliases counted in full
}

type pair struct {
	key, value *node
	first      int // the line of the same key above, or 0
}

// reader turns chunks into nodes. Anchors live on from chunk to chunk.
type reader struct {
	errs     *collector
	anchors  map[string]*node
	expanded int
	chunk    chunk // being read
	// seen, if not nil, keeps what chunks without anchors and aliases hold, so
	// that the same text need not be parsed again. Its places are those of
	// the first time.
	seen map[string]*node
}

// errStop ends the reading of one chunk whose mistake is reported.
var errStop = errors.New("reported")

// read is parse, or what it gave for the same text before.
func (r *reader) read(c chunk) (n *node, ok bool) {
	if n, seen := r.seen[c.text]; seen {
		return n, true
	}
	n, ok = r.parse(c)
	if r.seen != nil && ok && !c.refers() {
		r.seen[c.text] = n
	}
	return n, ok
}

// parse reads a chunk. It returns nil when the chunk is empty, and false when
// it is broken.
func (r *reader) parse(c chunk) (n *node, ok bool) {
	r.chunk = c
	if len(c.text) > maxChunk {
		r.errs.add(position{c.line, 1}, c.section, fmt.Sprintf("one entry of more than %d MiB: write each tenant as an entry of its own, in block form", maxChunk>>20))
		return nil, false
	}
	// A parser of this size may have a case in it that nobody met: a panic
	// there is a mistake in the file to whoever runs landlord.
	defer func() {
		if p := recover(); p != nil {
			r.errs.add(position{c.line, 1}, c.section, "this cannot be read as YAML")
			n, ok = nil, false
		}
	}()
	tokens := lexer.Tokenize(c.text)
	if deep := tooDeep(tokens); deep != nil {
		r.errs.add(r.at(deep), c.section, fmt.Sprintf("nested more than %d deep", maxDepth))
		return nil, false
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		r.syntax(c, err)
		return nil, false
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return nil, true
	}
	n, err = r.node(file.Docs[0].Body)
	return n, err == nil
}

func (r *reader) syntax(c chunk, err error) {
	at, message := position{c.line, 1}, "this cannot be read as YAML"
	if e, ok := errors.AsType[yaml.Error](err); ok {
		message = "YAML: " + mask(e.GetMessage())
		if tk := e.GetToken(); tk != nil {
			at = r.at(tk)
		}
	}
	if column := tabbed(c.text, at.line-c.line); column > 0 {
		at.column, message = column, "a tab in the indentation: YAML wants blanks"
	}
	r.errs.add(at, c.section, message)
}

// tabbed is the column of a tab in the indentation of a text's line (from 0),
// or 0.
func tabbed(text string, line int) int {
	for range line {
		_, text, _ = strings.Cut(text, "\n")
	}
	indent := text[:len(text)-len(strings.TrimLeft(text, " \t"))]
	return strings.IndexByte(indent, '\t') + 1
}

// at is the place of a token in the file.
func (r *reader) at(tk *token.Token) position {
	if tk == nil || tk.Position == nil {
		return position{r.chunk.line, 1}
	}
	return position{r.chunk.line - 1 + tk.Position.Line, tk.Position.Column}
}

// tooDeep returns the token at which a chunk is nested too deeply for a
// recursive parser, or nil. Indentation needs no look: the chunk's size bounds
// its levels.
func tooDeep(tokens token.Tokens) *token.Token {
	brackets, run, line := 0, 0, 0
	for _, tk := range tokens {
		if tk.Position.Line != line {
			line, run = tk.Position.Line, 0
		}
		switch tk.Type {
		case token.MappingStartType, token.SequenceStartType:
			brackets++
		case token.MappingEndType, token.SequenceEndType:
			brackets--
		case token.SequenceEntryType, token.MappingKeyType, token.AnchorType, token.TagType:
			run++
		case token.CollectEntryType:
			run = 0
		}
		if brackets > maxDepth || run > maxDepth {
			return tk
		}
	}
	return nil
}

// fail reports a mistake and ends the chunk.
func (r *reader) fail(at position, message string) (*node, error) {
	r.errs.add(at, r.chunk.section, message)
	return nil, errStop
}

func (r *reader) node(n ast.Node) (*node, error) {
	if n == nil {
		return &node{size: 1, at: position{r.chunk.line, 1}}, nil
	}
	at := r.at(n.GetToken())
	switch n := n.(type) {
	case *ast.MappingNode:
		return r.mapping(at, n.Values)
	case *ast.MappingValueNode:
		return r.mapping(at, []*ast.MappingValueNode{n})
	case *ast.SequenceNode:
		return r.sequence(at, n)
	case *ast.AnchorNode:
		return r.anchor(at, n)
	case *ast.AliasNode:
		return r.alias(at, n)
	case *ast.MappingKeyNode:
		return r.node(n.Value)
	case *ast.LiteralNode:
		return &node{kind: text, at: at, text: n.Value.Value, size: 1}, nil
	case *ast.StringNode:
		return &node{kind: text, at: at, text: n.Value, size: 1}, nil
	case *ast.NullNode:
		return &node{kind: null, at: at, text: n.GetToken().Value, size: 1}, nil
	case *ast.BoolNode:
		return &node{kind: boolean, at: at, text: n.Token.Value, size: 1}, nil
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return &node{kind: number, at: at, text: n.GetToken().Value, size: 1}, nil
	case *ast.TagNode:
		return r.fail(at, "YAML tags are not used in this file")
	}
	return r.fail(at, "this YAML is not used in this file")
}

// mapping resolves merge keys and marks keys given twice.
func (r *reader) mapping(at position, values []*ast.MappingValueNode) (*node, error) {
	m := &node{kind: mapping, at: at, size: 1}
	var merged []pair
	own := make(map[string]int, len(values)) // the line of each key
	for i, v := range values {
		if v.Key.IsMergeKey() {
			pairs, err := r.merge(v.Value)
			if err != nil {
				return nil, err
			}
			merged = append(merged, pairs...)
			continue
		}
		key, err := r.node(v.Key)
		if err != nil {
			return nil, err
		}
		if i == 0 && !v.IsFlowStyle {
			m.at = key.at // goccy gives the colon's
		}
		if key.kind > text {
			return r.fail(key.at, "a key must be a plain word")
		}
		value, err := r.node(v.Value)
		if err != nil {
			return nil, err
		}
		m.pairs = append(m.pairs, pair{key, value, own[key.text]})
		if own[key.text] == 0 {
			own[key.text] = key.at.line
		}
		m.size += 1 + value.size
	}
	for _, p := range merged {
		if own[p.key.text] == 0 {
			own[p.key.text] = p.key.at.line
			m.pairs = append(m.pairs, pair{p.key, p.value, 0})
			m.size += 1 + p.value.size
		}
	}
	return m, nil
}

// merge lists the pairs that a merge key brings in: of one mapping or of a
// list of mappings, of which the first wins.
func (r *reader) merge(v ast.Node) ([]pair, error) {
	n, err := r.node(v)
	if err != nil {
		return nil, err
	}
	maps := []*node{n}
	if n.kind == sequence {
		maps = n.items
	}
	var pairs []pair
	for _, m := range maps {
		if m.kind != mapping {
			_, err := r.fail(n.at, "<< wants a mapping or a list of mappings, usually an alias of one")
			return nil, err
		}
		pairs = append(pairs, m.pairs...)
	}
	return pairs, nil
}

func (r *reader) sequence(at position, n *ast.SequenceNode) (*node, error) {
	s := &node{kind: sequence, at: at, size: 1}
	for _, v := range n.Values {
		item, err := r.node(v)
		if err != nil {
			return nil, err
		}
		s.items = append(s.items, item)
		s.size += item.size
	}
	return s, nil
}

func (r *reader) anchor(at position, n *ast.AnchorNode) (*node, error) {
	value, err := r.node(n.Value)
	if err != nil {
		return nil, err
	}
	if n.Name == nil {
		return r.fail(at, "& wants the name of an anchor")
	}
	r.anchors[n.Name.GetToken().Value] = value
	return value, nil
}

// alias gives the anchored value itself: it is never copied, and what it
// stands for is counted, so that a few lines cannot mean millions of values.
func (r *reader) alias(at position, n *ast.AliasNode) (*node, error) {
	if n.Value == nil {
		return r.fail(at, "* wants the name of an anchor")
	}
	name := n.Value.GetToken().Value
	value, known := r.anchors[name]
	if !known {
		return r.fail(at, fmt.Sprintf("no anchor &%s stands above this alias", name))
	}
	r.expanded += value.size
	if r.expanded > maxExpanded {
		return r.fail(at, fmt.Sprintf("the aliases up to here stand for more than %d values", maxExpanded))
	}
	return value, nil
}
