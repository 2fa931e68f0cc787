package hba

import (
	"errors"
	"fmt"
	"strings"
)

// Splice puts a block (what Render returned) into the text of a pg_hba.conf:
// in the place of the block that is there, or else above the first rule, so
// that it decides first. Every byte outside the block stays as it is. It is an
// error, with the line, when the file has markers that are not exactly one
// whole block.
func Splice(text, block string) (result string, changed bool, err error) {
	if err := checkBlock(block); err != nil {
		return "", false, err
	}
	start, end, found, err := findBlock(text)
	if err != nil {
		return "", false, err
	}
	if !found {
		start = top(text)
		end = start
	}
	result = text[:start] + block + text[end:]
	return result, result != text, nil
}

// Remove takes landlord's block out. After a Splice into a file without one
// it gives back the very text that was there before; without a block it
// changes nothing.
func Remove(text string) (string, error) {
	start, end, found, err := findBlock(text)
	if err != nil || !found {
		return text, err
	}
	return text[:start] + text[end:], nil
}

// BlockIn returns landlord's block in a text, as it stands there.
func BlockIn(text string) (block string, found bool, err error) {
	start, end, found, err := findBlock(text)
	if err != nil || !found {
		return "", false, err
	}
	return text[start:end], true, nil
}

// checkBlock makes sure that what goes in is one whole block of good rules.
func checkBlock(block string) error {
	start, end, found, err := findBlock(block)
	if err != nil {
		return fmt.Errorf("the block to put in: %w", err)
	}
	if !found || start != 0 || end != len(block) || !strings.HasSuffix(block, "\n") {
		return errors.New("the block to put in does not begin and end with landlord's marker lines")
	}
	if f := Parse("block", []byte(block), Options{}); len(f.Errors) > 0 {
		return fmt.Errorf("the block to put in: %w", f.Errors[0])
	}
	return nil
}

// top is where a new block goes: above the first line that is neither blank
// nor a comment. A file without one gets it at its very beginning, since its
// last line may lack a line end or go on with a backslash.
func top(text string) int {
	offset := 0
	for _, l := range splitLines(text, true) {
		if s := strings.Trim(l.text, " \t\r,"); s != "" && s[0] != '#' {
			return offset
		}
		offset += len(l.raw)
	}
	return 0
}

// MarkerError says that the marker lines in a file are not one whole block.
type MarkerError struct {
	Line    int
	Text    string
	Problem string
}

func (e *MarkerError) Error() string {
	return fmt.Sprintf("pg_hba.conf line %d: %s: %q; put the marker lines right, or remove them with what is between them, by hand", e.Line, e.Problem, e.Text)
}

// findBlock finds the bytes from the begin marker to the end of the end
// marker's line.
func findBlock(text string) (start, end int, found bool, err error) {
	offset, begun := 0, 0
	for _, l := range splitLines(text, true) {
		kind, problem := markerIn(l)
		switch {
		case kind == begin && begun > 0:
			problem = fmt.Sprintf("a second block begins inside the one of line %d", begun)
		case kind == begin && found:
			problem = "a second block begins"
		case kind == finish && begun == 0:
			problem = "a block ends that has not begun"
		}
		if problem != "" {
			return 0, 0, false, &MarkerError{l.number, oneLine(l.raw), problem}
		}
		switch kind {
		case begin:
			start, begun = offset, l.number
		case finish:
			end, begun, found = offset+len(l.raw), 0, true
		}
		offset += len(l.raw)
	}
	if begun > 0 {
		return 0, 0, false, &MarkerError{begun, BeginMarker, "a block begins and does not end"}
	}
	return start, end, found, nil
}

type marker int

const (
	noMarker marker = iota
	begin
	finish
)

// markerIn tells which marker a logical line is. A line that somebody changed
// but that still looks like one is a problem, as is one that a backslash has
// made part of another line: guessing could drop somebody's rule.
func markerIn(l *logical) (kind marker, problem string) {
	if len(l.starts) > 1 {
		for physical := range strings.Lines(l.raw) {
			if looksLike(physical) != noMarker {
				return noMarker, "a marker line is part of a line that goes on with a backslash"
			}
		}
		return noMarker, ""
	}
	switch looksLike(l.raw) {
	case begin:
		if line := strings.TrimRight(l.raw, " \t\r\n"); line == BeginMarker || line == "# BEGIN landlord" {
			return begin, ""
		}
	case finish:
		if strings.TrimRight(l.raw, " \t\r\n") == EndMarker {
			return finish, ""
		}
	default:
		return noMarker, ""
	}
	return noMarker, "a marker line has been changed"
}

func looksLike(line string) marker {
	s := strings.TrimLeft(line, " \t\r")
	if !strings.HasPrefix(s, "#") {
		return noMarker
	}
	words := strings.Fields(strings.ToLower(strings.TrimLeft(s, "# \t")))
	if len(words) < 2 || strings.TrimRight(words[1], ":") != "landlord" {
		return noMarker
	}
	switch words[0] {
	case "begin":
		return begin
	case "end":
		return finish
	}
	return noMarker
}
