package paste

import (
	"strings"

	"landlord/internal/pgsql"
)

// aclItems cuts a cell of access privileges into aclitems. psql puts each on
// a line of its own; a web page may have made one line of them.
func aclItems(cell string) []string {
	var items []string
	var b strings.Builder
	quoted := false
	flush := func() {
		if item := strings.TrimSuffix(b.String(), "+"); item != "" {
			items = append(items, item)
		}
		b.Reset()
	}
	for _, c := range cell {
		switch {
		case c == '"':
			quoted = !quoted
			b.WriteRune(c)
		case !quoted && (c == ' ' || c == '\n'):
			flush()
		default:
			b.WriteRune(c)
		}
	}
	flush()
	return items
}

// looksLikeACL says whether all of a line is aclitems.
func looksLikeACL(text string) bool {
	_, bad := parseACL(text)
	return bad == "" && strings.Contains(text, "/")
}

// parseACL reads a cell of access privileges. An empty one means NULL, the
// built-in default; psql before 17 prints an ACL without any entry the same
// way, which hardly exists. bad is the first part that is no aclitem.
func parseACL(cell string) (acl pgsql.ACL, bad string) {
	if strings.TrimSpace(cell) == "" {
		return nil, ""
	}
	acl = pgsql.ACL{}
	if cell == "(none)" {
		return acl, ""
	}
	for _, item := range aclItems(cell) {
		one, err := pgsql.ParseACL(`{"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(item) + `"}`)
		if err != nil {
			return nil, item
		}
		acl = append(acl, one...)
	}
	return acl, ""
}

// names reads an array of names as psql prints it: {user1,"Mary Ann"}.
func names(cell string) (list []string, ok bool) {
	cell = strings.TrimSpace(strings.ReplaceAll(cell, "\n", ""))
	if !strings.HasPrefix(cell, "{") || !strings.HasSuffix(cell, "}") || len(cell) < 2 {
		return nil, cell == ""
	}
	var b strings.Builder
	quoted, escaped, any := false, false, false
	flush := func() {
		if name := b.String(); name != "" || any {
			list = append(list, name)
		}
		b.Reset()
		any = false
	}
	for _, c := range cell[1 : len(cell)-1] {
		switch {
		case escaped:
			b.WriteRune(c)
			escaped = false
		case c == '\\':
			escaped = true
		case c == '"':
			quoted, any = !quoted, true
		case c == ',' && !quoted:
			flush()
		case c == ' ' && !quoted && b.Len() == 0:
		default:
			b.WriteRune(c)
		}
	}
	flush()
	return list, !quoted && !escaped
}
