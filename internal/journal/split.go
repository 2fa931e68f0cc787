package journal

import (
	"encoding/json"
	"unicode/utf8"
)

// maxLine is how long a line for the system's log may be, in bytes: rsyslog cuts
// at 8 KiB (its $MaxMessageSize), and the name and time before it count.
const maxLine = 7900

// split makes parts of an entry, each no longer than max bytes as JSON as far as
// its statements go: a line that is cut off is no JSON any more.
func split(e Entry, max int) []Entry {
	if length(e) <= max {
		return []Entry{e}
	}
	frame := e
	frame.Statements, frame.Part, frame.Parts = nil, 1<<20, 1<<20
	room := max - length(frame) - len(`,"statements":[]`)
	var parts []Entry
	var now []Statement
	used := 0
	flush := func() {
		if len(now) > 0 {
			part := e
			part.Statements = now
			parts, now, used = append(parts, part), nil, 0
		}
	}
	for _, s := range e.Statements {
		for {
			n := length(s) + 1
			if used+n > room {
				flush()
			}
			head, tail, cut := cutSQL(s, room)
			if !cut {
				now, used = append(now, s), used+n
				break
			}
			now = append(now, head)
			flush()
			s = tail
		}
	}
	flush()
	for i := range parts {
		parts[i].Part, parts[i].Parts = i+1, len(parts)
	}
	return parts
}

// cutSQL cuts a statement that is longer than the room for it.
func cutSQL(s Statement, room int) (head, tail Statement, cut bool) {
	if length(s)+1 <= room {
		return s, s, false
	}
	n := len(s.SQL)
	head, tail = s, s
	head.Continues = true
	for length(head)+1 > room && n > 1 {
		n /= 2
		for n > 1 && !utf8.RuneStart(s.SQL[n]) {
			n--
		}
		head.SQL, tail.SQL = s.SQL[:n], s.SQL[n:]
	}
	return head, tail, n < len(s.SQL)
}

func length(v any) int {
	text, err := json.Marshal(v)
	if err != nil { // of values of our own there is none
		return 0
	}
	return len(text)
}
