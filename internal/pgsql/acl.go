package pgsql

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Privs is a set of privileges.
type Privs uint32

// The privileges, in the order of the manual's table of ACL abbreviations.
const (
	Select Privs = 1 << iota
	Insert
	Update
	Delete
	Truncate
	References
	Trigger
	Maintain
	Usage
	Create
	Connect
	Temporary
	Execute
	Set
	AlterSystem
)

// privTable gives each privilege its letter in an aclitem and its SQL name.
// Source: "ACL Privilege Abbreviations" in the manual's chapter 5.8.
var privTable = []struct {
	bit    Privs
	letter byte
	name   string
}{
	{Select, 'r', "SELECT"}, {Insert, 'a', "INSERT"}, {Update, 'w', "UPDATE"},
	{Delete, 'd', "DELETE"}, {Truncate, 'D', "TRUNCATE"}, {References, 'x', "REFERENCES"},
	{Trigger, 't', "TRIGGER"}, {Maintain, 'm', "MAINTAIN"}, {Usage, 'U', "USAGE"},
	{Create, 'C', "CREATE"}, {Connect, 'c', "CONNECT"}, {Temporary, 'T', "TEMPORARY"},
	{Execute, 'X', "EXECUTE"}, {Set, 's', "SET"}, {AlterSystem, 'A', "ALTER SYSTEM"},
}

// Names lists the privileges' SQL names.
func (p Privs) Names() []string {
	var names []string
	for _, t := range privTable {
		if p&t.bit != 0 {
			names = append(names, t.name)
		}
	}
	return names
}

// String prints the set as a GRANT names it.
func (p Privs) String() string { return strings.Join(p.Names(), ", ") }

// Letters prints the set as an aclitem does.
func (p Privs) Letters() string {
	var b strings.Builder
	for _, t := range privTable {
		if p&t.bit != 0 {
			b.WriteByte(t.letter)
		}
	}
	return b.String()
}

// ObjectKind is a kind of object that has an ACL, by pg_default_acl's letters
// where it has one.
type ObjectKind byte

// The kinds of objects with an ACL.
const (
	Table       ObjectKind = 'r' // tables, partitioned tables, views, materialized views, foreign tables
	Sequence    ObjectKind = 'S'
	Routine     ObjectKind = 'f'
	TypeKind    ObjectKind = 'T'
	SchemaKind  ObjectKind = 'n'
	LargeObject ObjectKind = 'L'
	DatabaseObj ObjectKind = 'd'
	ColumnKind  ObjectKind = 'c'
	Language    ObjectKind = 'l'
	Wrapper     ObjectKind = 'F'
	ServerKind  ObjectKind = 's' // a foreign server
	Tablespace  ObjectKind = 't'
	Parameter   ObjectKind = 'p'
)

// kindTable gives each kind its name in the manual, in small letters.
var kindTable = []struct {
	kind ObjectKind
	name string
}{
	{Table, "table"}, {Sequence, "sequence"}, {Routine, "function"}, {TypeKind, "type"}, {SchemaKind, "schema"},
	{LargeObject, "large object"}, {DatabaseObj, "database"}, {ColumnKind, "column"}, {Language, "language"},
	{Wrapper, "foreign-data wrapper"}, {ServerKind, "foreign server"}, {Tablespace, "tablespace"}, {Parameter, "parameter"},
}

// String is the kind's name in the manual, in small letters.
func (k ObjectKind) String() string {
	for _, t := range kindTable {
		if t.kind == k {
			return t.name
		}
	}
	return fmt.Sprintf("object of kind %q", byte(k))
}

// MarshalText writes the kind's name.
func (k ObjectKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads it.
func (k *ObjectKind) UnmarshalText(text []byte) error {
	for _, t := range kindTable {
		if t.name == string(text) {
			*k = t.kind
			return nil
		}
	}
	return fmt.Errorf("no kind of object is called %q", text)
}

// All is every privilege that an object of this kind has.
func (k ObjectKind) All(v Version) Privs {
	switch k {
	case Table:
		all := Select | Insert | Update | Delete | Truncate | References | Trigger
		if v.Maintain() {
			all |= Maintain
		}
		return all
	case Sequence:
		return Select | Update | Usage
	case Routine:
		return Execute
	case TypeKind:
		return Usage
	case SchemaKind:
		return Usage | Create
	case LargeObject:
		return Select | Update
	case DatabaseObj:
		return Create | Temporary | Connect
	case ColumnKind:
		return Select | Insert | Update | References
	case Language, Wrapper, ServerKind:
		return Usage
	case Tablespace:
		return Create
	case Parameter:
		return Set | AlterSystem
	}
	panic(fmt.Sprintf("pgsql: no object kind %q", byte(k)))
}

// public is what PUBLIC has on an object of this kind by default.
func (k ObjectKind) public() Privs {
	switch k {
	case Routine:
		return Execute
	case TypeKind, Language:
		return Usage
	case DatabaseObj:
		return Temporary | Connect
	}
	return 0
}

// ACLItem is what one grantor has given to one grantee. The grantee "" is
// PUBLIC.
type ACLItem struct {
	Grantee   string
	Grantor   string
	Privs     Privs
	Grantable Privs // with grant option; a part of Privs
}

// String prints the item as the server does.
func (it ACLItem) String() string {
	text, _ := it.MarshalText()
	return string(text)
}

// MarshalText writes the item as the server does: "acme=r*w/postgres".
func (it ACLItem) MarshalText() ([]byte, error) {
	out := appendACLName(nil, it.Grantee)
	out = append(out, '=')
	for _, t := range privTable {
		if it.Privs&t.bit != 0 {
			out = append(out, t.letter)
		}
		if it.Grantable&t.bit != 0 {
			out = append(out, '*')
		}
	}
	return appendACLName(append(out, '/'), it.Grantor), nil
}

// appendACLName quotes a role's name as aclitemout does: where anything in it
// is no letter, digit or underscore.
func appendACLName(out []byte, name string) []byte {
	plain := func(r rune) bool {
		return r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || r > unicode.MaxASCII
	}
	if strings.IndexFunc(name, func(r rune) bool { return !plain(r) }) < 0 {
		return append(out, name...)
	}
	return fmt.Appendf(out, `"%s"`, strings.ReplaceAll(name, `"`, `""`))
}

// UnmarshalText reads what MarshalText and the server write.
func (it *ACLItem) UnmarshalText(text []byte) (err error) {
	*it, err = parseACLItem(string(text))
	return err
}

// ACL is an access control list; nil is the catalog's NULL, which means the
// built-in default (see DefaultACL), not "nothing".
type ACL []ACLItem

// DefaultACL is what a NULL ACL means: PostgreSQL's acldefault().
func DefaultACL(k ObjectKind, owner string, v Version) ACL {
	acl := ACL{}
	if p := k.public(); p != 0 {
		acl = append(acl, ACLItem{Grantor: owner, Privs: p})
	}
	return append(acl, ACLItem{Grantee: owner, Grantor: owner, Privs: k.All(v)})
}

// Or returns the list, or what NULL means for such an object.
func (a ACL) Or(k ObjectKind, owner string, v Version) ACL {
	if a == nil {
		return DefaultACL(k, owner, v)
	}
	return a
}

// ChangeOwner is what ALTER … OWNER TO makes of an ACL: the new owner takes
// the old one's place as grantee and as grantor, and entries that have become
// the same are merged (aclnewowner in PostgreSQL's acl.c).
func (a ACL) ChangeOwner(old, owner string) ACL {
	if a == nil {
		return nil
	}
	swap := func(name string) string {
		if name == old {
			return owner
		}
		return name
	}
	out := make(ACL, 0, len(a))
	for _, it := range a {
		out = out.add(ACLItem{swap(it.Grantee), swap(it.Grantor), it.Privs, it.Grantable})
	}
	return out
}

// With returns the ACL with one more entry, as GRANT leaves it.
func (a ACL) With(it ACLItem) ACL { return slices.Clone(a).add(it) }

func (a ACL) add(it ACLItem) ACL {
	for i := range a {
		if a[i].Grantee == it.Grantee && a[i].Grantor == it.Grantor {
			a[i].Privs |= it.Privs
			a[i].Grantable |= it.Grantable
			return a
		}
	}
	return append(a, it)
}

// ParseACL reads the text form of an aclitem[]. NULL is not a text: callers
// keep it as a nil ACL.
func ParseACL(text string) (ACL, error) {
	items, err := arrayElements(text)
	if err != nil {
		return nil, err
	}
	acl := make(ACL, 0, len(items))
	for _, it := range items {
		parsed, err := parseACLItem(it)
		if err != nil {
			return nil, err
		}
		acl = append(acl, parsed)
	}
	return acl, nil
}

// Same says whether two lists give the same, in whatever order.
func (a ACL) Same(b ACL) bool {
	if len(a) != len(b) || (a == nil) != (b == nil) {
		return false
	}
	order := func(x, y ACLItem) int {
		return cmp.Or(cmp.Compare(x.Grantee, y.Grantee), cmp.Compare(x.Grantor, y.Grantor), cmp.Compare(x.Privs, y.Privs))
	}
	return slices.Equal(slices.SortedFunc(slices.Values(a), order), slices.SortedFunc(slices.Values(b), order))
}

// ParseArray reads the text form of a one-dimensional text[] without NULLs.
func ParseArray(text string) ([]string, error) { return arrayElements(text) }

// arrayElements splits the text form of a one-dimensional array.
func arrayElements(text string) ([]string, error) {
	if len(text) < 2 || text[0] != '{' || text[len(text)-1] != '}' {
		return nil, fmt.Errorf("not an array: %q", text)
	}
	body := text[1 : len(text)-1]
	out := make([]string, 0, strings.Count(body, ",")+1)
	for i := 0; i < len(body); {
		if body[i] == '"' {
			var b strings.Builder
			end, err := quotedElement(body, i+1, &b)
			if err != nil {
				return nil, err
			}
			out, i = append(out, b.String()), end
		} else {
			element, _, _ := strings.Cut(body[i:], ",")
			out, i = append(out, element), i+len(element)
		}
		if i < len(body) {
			if body[i] != ',' {
				return nil, fmt.Errorf("no comma at byte %d of %q", i+1, text)
			}
			i++
		}
	}
	return out, nil
}

// quotedElement reads a quoted array element that begins at i and returns the
// place behind its closing quote.
func quotedElement(body string, i int, b *strings.Builder) (int, error) {
	for ; i < len(body); i++ {
		switch body[i] {
		case '"':
			return i + 1, nil
		case '\\':
			i++
			if i == len(body) {
				return 0, fmt.Errorf("array ends in a backslash: %q", body)
			}
		}
		b.WriteByte(body[i])
	}
	return 0, fmt.Errorf("unclosed quote in array: %q", body)
}

func parseACLItem(text string) (ACLItem, error) {
	grantee, rest, err := aclName(text)
	if err != nil {
		return ACLItem{}, err
	}
	if !strings.HasPrefix(rest, "=") {
		return ACLItem{}, fmt.Errorf("no = in aclitem %q", text)
	}
	it := ACLItem{Grantee: grantee}
	rest = rest[1:]
	for rest != "" && rest[0] != '/' {
		i := slices.IndexFunc(privTable, func(t struct {
			bit    Privs
			letter byte
			name   string
		}) bool {
			return t.letter == rest[0]
		})
		if i < 0 {
			return ACLItem{}, fmt.Errorf("unknown privilege %q in aclitem %q", rest[0], text)
		}
		it.Privs |= privTable[i].bit
		rest = rest[1:]
		if strings.HasPrefix(rest, "*") {
			it.Grantable |= privTable[i].bit
			rest = rest[1:]
		}
	}
	if rest == "" {
		return ACLItem{}, fmt.Errorf("no grantor in aclitem %q", text)
	}
	it.Grantor, _, err = aclName(rest[1:])
	return it, err
}

// aclName reads a role name as aclitemout writes it: bare, or in double
// quotes with inner ones doubled.
func aclName(text string) (name, rest string, err error) {
	if !strings.HasPrefix(text, `"`) {
		end := strings.IndexAny(text, "=/")
		if end < 0 {
			end = len(text)
		}
		return text[:end], text[end:], nil
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		if text[i] != '"' {
			b.WriteByte(text[i])
			continue
		}
		if i+1 < len(text) && text[i+1] == '"' {
			b.WriteByte('"')
			i++
			continue
		}
		return b.String(), text[i+1:], nil
	}
	return "", "", fmt.Errorf("unclosed quote in aclitem %q", text)
}

// ParsePriv reads one privilege by its SQL name, in whatever case; TEMP is
// TEMPORARY.
func ParsePriv(name string) (Privs, bool) {
	name = strings.ToUpper(strings.Join(strings.Fields(name), " "))
	if name == "TEMP" {
		return Temporary, true
	}
	for _, t := range privTable {
		if t.name == name {
			return t.bit, true
		}
	}
	return 0, false
}
