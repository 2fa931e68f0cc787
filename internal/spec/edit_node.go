package spec

import (
	"slices"
	"strings"
)

// keyPath are the keys of a path below a tenant. The name of a setting may
// have a dot in it.
func keyPath(key string) []string {
	if strings.HasPrefix(key, serverSettings) {
		return strings.SplitN(key, ".", 3)
	}
	return strings.SplitN(key, ".", 2)
}

// serverSettings begins the keys of parameters of a tenant's own server.
const serverSettings = "resources.settings."

// node is an entry as it would be read.
func (c Change) node() *node {
	n := &node{kind: mapping}
	for _, k := range c.keys {
		n = with(n, keyPath(k.Key), k.node())
	}
	return n
}

// with is the entry of the tenant (empty if there is none) with keys set.
func (e *edit) with(keys []KeyValue) *node {
	n := e.decoder.watched
	if n == nil {
		n = &node{kind: mapping}
	}
	for _, k := range keys {
		n = with(n, keyPath(k.Key), k.node())
	}
	return n
}

// node is the value as it would be read from the file.
func (k KeyValue) node() *node {
	form := k.form()
	if form == Mapping {
		names := &node{kind: mapping}
		for _, v := range k.Values {
			names.pairs = append(names.pairs, pair{key: &node{kind: text, text: v}, value: &node{kind: mapping}})
		}
		return names
	}
	if form == NameList || form == NameOrList && len(k.Values) != 1 {
		list := &node{kind: sequence}
		for _, v := range k.Values {
			list.items = append(list.items, &node{kind: text, text: v})
		}
		return list
	}
	if len(k.Values) != 1 {
		return &node{kind: sequence}
	}
	n := &node{kind: text, text: k.Values[0]}
	switch {
	case (form == Bool || form == Scalar) && (n.text == "true" || n.text == "false"):
		n.kind = boolean
	case (form == Count || form == Scalar) && decimal.MatchString(n.text):
		n.kind = number
	case form == Number && numeral.MatchString(n.text):
		n.kind = number
	}
	return n
}

// form is the type of the key in the table.
func (k KeyValue) form() Type {
	path := "tenants.NAME." + k.Key
	switch {
	case keyPath(k.Key)[0] == "settings":
		path = "tenants.NAME.settings.NAME"
	case strings.HasPrefix(k.Key, serverSettings):
		path = "tenants.NAME." + serverSettings + "NAME"
	}
	if i := slices.IndexFunc(keys, func(known Key) bool { return known.Path == path }); i >= 0 {
		return keys[i].Type
	}
	return Text
}

// with is a mapping with the key at a path set: n itself if it is so already,
// else a copy of what changes. Nothing is an empty mapping.
func with(n *node, path []string, v *node) *node {
	if len(path) == 0 {
		if n != nil && sameNode(n, v) {
			return n
		}
		return v
	}
	i := n.index(path[0])
	if i < 0 {
		p := pair{key: &node{kind: text, text: path[0]}, value: nest(path[1:], v)}
		return &node{kind: mapping, at: n.at, pairs: append(slices.Clip(n.pairs), p)}
	}
	value := with(n.pairs[i].value, path[1:], v)
	if value == n.pairs[i].value {
		return n
	}
	changed := &node{kind: mapping, at: n.at, pairs: slices.Clone(n.pairs)}
	changed.pairs[i].value = value
	return changed
}

// without is a mapping without the key at a path: n itself if it has none.
func without(n *node, path []string) *node {
	i := n.index(path[0])
	if i < 0 {
		return n
	}
	changed := &node{kind: mapping, at: n.at, pairs: slices.Clone(n.pairs)}
	if len(path) == 1 {
		changed.pairs = slices.Delete(changed.pairs, i, i+1)
		return changed
	}
	value := without(n.pairs[i].value, path[1:])
	if value == n.pairs[i].value {
		return n
	}
	changed.pairs[i].value = value
	return changed
}

func (n *node) index(key string) int {
	return slices.IndexFunc(n.pairs, func(p pair) bool { return p.key.text == key })
}

// sameNode compares two values as they are read, wherever they stand.
func sameNode(a, b *node) bool {
	return a.kind == b.kind && a.text == b.text &&
		slices.EqualFunc(a.items, b.items, sameNode) &&
		slices.EqualFunc(a.pairs, b.pairs, func(p, q pair) bool { return p.key.text == q.key.text && sameNode(p.value, q.value) })
}
