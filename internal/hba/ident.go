package hba

import (
	"fmt"
	"strings"
)

// IdentMap is the name of the map in landlord's block of pg_ident.conf, by
// which the router's operating system's user comes as the router's login.
const IdentMap = "landlord_router"

// SpliceIdent puts landlord's block into the text of a pg_ident.conf: an
// operating system's user who may be a role, by [IdentMap]. With an empty user
// the block goes. Every byte outside stays as it is.
func SpliceIdent(text, user, role string) (string, error) {
	start, end, found, err := findBlock(text)
	if err != nil {
		return "", err
	}
	block := ""
	if user != "" {
		for _, name := range []string{user, role} {
			if err := checkName(name); err != nil {
				return "", fmt.Errorf("pg_ident.conf: %w", err)
			}
			if strings.HasPrefix(name, "/") {
				return "", fmt.Errorf("pg_ident.conf: name %q begins with a slash: the server would take it for a regular expression", name)
			}
		}
		block = fmt.Sprintf("%s\n%s %s %s\n%s\n", BeginMarker, IdentMap, `"`+strings.ReplaceAll(user, `"`, `""`)+`"`, quoteWord(role), EndMarker)
	}
	if !found {
		start = top(text)
		end = start
	}
	return text[:start] + block + text[end:], nil
}

// IdentUser is the user in landlord's block of a pg_ident.conf, or "".
func IdentUser(text string) string {
	block, found, err := BlockIn(text)
	if err != nil || !found {
		return ""
	}
	for line := range strings.Lines(block) {
		if rest, ok := strings.CutPrefix(line, IdentMap+` "`); ok {
			if i := strings.LastIndex(rest, `" `); i >= 0 {
				return strings.ReplaceAll(rest[:i], `""`, `"`)
			}
		}
	}
	return ""
}
