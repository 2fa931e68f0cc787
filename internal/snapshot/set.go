package snapshot

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// SetFormat is the version of the JSON form of several servers. It is another
// than a snapshot's, so that a program that knows of one server alone does not
// take it for one in which nothing is.
const SetFormat = 2

// Set is what was read of several servers.
type Set struct {
	Format  int     `json:"format"`
	Servers []Named `json:"servers"`
	// Missing are those of which nothing was read. What judges a set must not be
	// silent about them.
	Missing []Missing `json:"missing,omitempty"`
}

// Named is a server's snapshot, with the name that it has in the spec. It has
// none where it stands alone in a file.
type Named struct {
	Name     string   `json:"server"`
	Snapshot Snapshot `json:"snapshot"`
}

// Missing is a server of which nothing was read.
type Missing struct {
	Name   string `json:"server"`
	Reason string `json:"reason"`
	// Stopped says that it does not run on purpose, while its tenant is suspended.
	Stopped bool `json:"stopped,omitempty"`
}

// EncodeSet writes the JSON form of several servers.
func EncodeSet(w io.Writer, s Set) error {
	s.Format = SetFormat
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return fmt.Errorf("writing the snapshots: %w", err)
	}
	return nil
}

// DecodeSet reads the JSON form of several servers, or of one, which is a set
// of one without a name. Its errors are those of [Decode].
func DecodeSet(text []byte) (Set, error) {
	format := formatOf(text)
	if format != SetFormat {
		var s Snapshot
		if err := decode(text, &s, format, SetFormat); err != nil {
			return Set{}, err
		}
		return Set{Format: format, Servers: []Named{{Snapshot: s}}}, nil
	}
	var s Set
	if err := decode(text, &s, format, SetFormat); err != nil {
		return Set{}, err
	}
	seen := map[string]bool{}
	for _, n := range s.Servers {
		if n.Name == "" || seen[n.Name] {
			return Set{}, fmt.Errorf("it is no snapshot of landlord's: it has two servers called %q, or one without a name", n.Name)
		}
		if seen[n.Name] = true; n.Snapshot.Version == 0 {
			return Set{}, fmt.Errorf("it is no snapshot of landlord's: it has no snapshot of server %q", n.Name)
		}
	}
	if len(s.Servers)+len(s.Missing) == 0 {
		return Set{}, errors.New("it is no snapshot of landlord's: no server is in it")
	}
	return s, nil
}
