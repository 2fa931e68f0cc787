package term

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Error prints an error as landlord's commands end with one:
//
//	landlord: doing what: to what (SQLSTATE 42501)
//	  next: what to do
//
// The SQLSTATE is added where the error has one and does not name it. Without
// a hint the error's own is taken, if it has a method Hint.
func Error(w io.Writer, l Look, err error, hint string) {
	var hinted interface{ Hint() string }
	if hint == "" && errors.As(err, &hinted) {
		hint = hinted.Hint()
	}
	io.WriteString(w, l.Paint(Bad, "landlord:")+" "+indent(message(err), "  ")+"\n")
	if hint != "" {
		io.WriteString(w, "  "+l.Paint(Strong, "next:")+" "+indent(hint, "        ")+"\n")
	}
}

func message(err error) string {
	text := err.Error()
	var pg interface{ SQLState() string }
	if errors.As(err, &pg) && pg.SQLState() != "" && !strings.Contains(text, pg.SQLState()) {
		text += " (SQLSTATE " + pg.SQLState() + ")"
	}
	return text
}

// indent cleans a text and indents all its lines but the first.
func indent(text, by string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i, line := range lines {
		lines[i] = Clean(strings.ReplaceAll(strings.TrimRight(line, "\r "), "\t", "    "))
	}
	return strings.Join(lines, "\n"+by)
}

// Bytes writes a size as a person reads it: "512 B", "1.5 GiB".
func Bytes(n int64) string {
	if n < 1024 && n > -1024 {
		return fmt.Sprintf("%d B", n)
	}
	size, unit := float64(n)/1024, 0
	// 1023.95 would be rounded to "1024.0".
	for (size >= 1023.95 || size <= -1023.95) && unit < 5 {
		size, unit = size/1024, unit+1
	}
	return fmt.Sprintf("%.1f %ciB", size, "KMGTPE"[unit])
}

// Duration writes a time as a person reads it: "340 ms", "4.2 s", "3 min 5 s",
// "2 h 10 min".
func Duration(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + Duration(-d)
	case d.Round(time.Millisecond) < time.Second:
		return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds())
	case d.Round(100*time.Millisecond) < time.Minute:
		return fmt.Sprintf("%.1f s", d.Round(100*time.Millisecond).Seconds())
	case d.Round(time.Second) < time.Hour:
		d = d.Round(time.Second)
		return fmt.Sprintf("%d min %d s", d/time.Minute, d%time.Minute/time.Second)
	}
	d = d.Round(time.Minute)
	return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
}

// Count writes a number with its noun: "1 tenant", "2 tenants". A third
// argument is the plural where it is not the noun with an s.
func Count(n int, noun string, plural ...string) string {
	switch {
	case n == 1:
	case len(plural) > 0:
		noun = plural[0]
	default:
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}
