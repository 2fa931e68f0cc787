package catalog

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"landlord/internal/hba"
	"landlord/internal/snapshot"
)

// views reads pg_hba.conf and pg_ident.conf by what the server shows of them to
// a role that may not read the files: pg_hba_file_rules and, since 15,
// pg_ident_file_mappings. They are often closed as well; then nothing changes.
func views(ctx context.Context, conn *pgconn.PgConn, major int, path string, file *snapshot.HBA) {
	r := newReader()
	order, mapOrder := "r.line_number", "m.line_number"
	if major >= 16 { // with included files
		order, mapOrder = "r.rule_number", "m.map_number"
	}
	var rules, maps seen
	if err := query(ctx, conn, r, censusSQL("hbarules", "{{order}}", order), func(row [][]byte) {
		words := []string{string(row[1]), r.list(row[2]), r.list(row[3])}
		for _, cell := range row[4:7] {
			if len(cell) > 0 {
				words = append(words, string(cell))
			}
		}
		for _, option := range r.array(row[7]) {
			words = append(words, word(option))
		}
		rules.line(r.int(row[0]), words)
	}); err != nil {
		return
	}
	*file = snapshot.HBA{Path: "pg_hba.conf", Text: hba.Redact(rules.text()), Rebuilt: true}
	if path != "" {
		file.Path = path
	}
	if major < 15 {
		return
	}
	err := query(ctx, conn, r, censusSQL("identrules", "{{order}}", mapOrder), func(row [][]byte) {
		maps.line(r.int(row[0]), []string{word(string(row[1])), word(string(row[2])), word(string(row[3]))})
	})
	if err == nil {
		file.Ident = &snapshot.File{Path: "pg_ident.conf", Text: maps.text()}
	}
}

// seen is a file as far as the server shows it, each line where it stands.
type seen struct{ lines []string }

func (s *seen) line(number int, words []string) {
	for len(s.lines) < number-1 && number < 1<<20 {
		s.lines = append(s.lines, "")
	}
	s.lines = append(s.lines, strings.Join(words, " "))
}

func (s *seen) text() string { return strings.Join(s.lines, "\n") + "\n" }

// list is a column of names.
func (r *reader) list(cell []byte) string {
	var words []string
	for _, name := range r.array(cell) {
		words = append(words, word(name))
	}
	return strings.Join(words, ",")
}

// word is a word as it could stand in the file: the views show none of its
// quotes, so that a role called all looks like the keyword.
func word(text string) string {
	return hba.Token{Text: text, Quoted: text == "" || strings.ContainsAny(text, " \t,#\"")}.Written()
}
