package snapshot

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Format is the version of the JSON form that Encode writes. It changes when
// something that is there already changes its meaning; new fields do not
// change it.
const Format = 1

// Encode writes the JSON form.
func Encode(w io.Writer, s Snapshot) error {
	s.Format = Format
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return fmt.Errorf("writing the snapshot: %w", err)
	}
	return nil
}

// Decode reads the JSON form. Its errors say what is wrong with the file and
// what to do about it.
func Decode(text []byte) (Snapshot, error) {
	var s Snapshot
	if err := decode(text, &s, formatOf(text), Format); err != nil {
		return Snapshot{}, err
	}
	return s, nil
}

// formatOf is the version of a file's JSON form; 0: it has none.
func formatOf(text []byte) int {
	var head struct {
		Format *int `json:"format"`
	}
	if json.Unmarshal(text, &head) != nil || head.Format == nil {
		return 0
	}
	return *head.Format
}

// decode reads a file of that format, of those up to most.
func decode(text []byte, into any, format, most int) error {
	err := json.Unmarshal(text, into)
	var kind *json.UnmarshalTypeError
	switch syntax := (*json.SyntaxError)(nil); {
	case len(bytes.TrimSpace(text)) == 0:
		return errors.New("the file is empty: take the snapshot again with landlord snapshot")
	case errors.As(err, &syntax) && int(syntax.Offset) >= len(bytes.TrimRight(text, " \t\r\n")):
		return fmt.Errorf("the file is cut off after %d bytes: take the snapshot again, or copy it whole", len(text))
	case errors.As(err, &syntax):
		return fmt.Errorf("it is no JSON: line %d: %w", line(text, syntax.Offset), err)
	case format > most:
		return fmt.Errorf("it has format %d, and this landlord reads formats up to %d: use the landlord that took it, or a newer one", format, most)
	case errors.As(err, &kind):
		return fmt.Errorf("it is no snapshot of landlord's: line %d: %s is a %s", line(text, kind.Offset), kind.Field, kind.Value)
	case err != nil:
		return fmt.Errorf("it is no snapshot of landlord's: %w", err)
	case bytes.Contains(text, []byte(`\u0000`)):
		return errors.New("it is no snapshot of landlord's: it has a NUL in it, which no server can hold")
	case format < 1:
		return errors.New(`it is no snapshot of landlord's: it has no "format"`)
	}
	return nil
}

// line is the number of the line that a byte is in.
func line(text []byte, offset int64) int {
	return 1 + bytes.Count(text[:min(int(offset), len(text))], []byte("\n"))
}
