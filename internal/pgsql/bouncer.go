package pgsql

import "strings"

// BouncerValue quotes a value of a line of [databases] in pgbouncer.ini: a
// quote is doubled, and nothing else is special (pgbouncer.ini(5); src/loader.c).
// What such a line cannot hold at all, line ends, the caller refuses.
func BouncerValue(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// BouncerName quotes a word of PgBouncer's auth_file or auth_hba_file.
func BouncerName(text string) string { return `"` + strings.ReplaceAll(text, `"`, `""`) + `"` }
