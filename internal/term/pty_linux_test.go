package term

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// screen collects what is written to a terminal.
type screen struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// terminal opens a real pseudo-terminal of 60 columns: the side of a program
// and the side of the person, with what the person sees.
func terminal(t *testing.T) (program, person *os.File, seen *screen) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { person.Close() })
	fd := int(person.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Skip(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Skip(err)
	}
	if program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { program.Close() })
	if err := unix.IoctlSetWinsize(int(program.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 60}); err != nil {
		t.Fatal(err)
	}
	seen = &screen{}
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := person.Read(buf)
			seen.mu.Lock()
			seen.text.Write(buf[:n])
			seen.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return program, person, seen
}

// wait waits until the person sees a text.
func (s *screen) wait(t *testing.T, text string) {
	t.Helper()
	for range 6000 {
		if strings.Contains(s.String(), text) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%q never came; the screen holds %q", text, s.String())
}

func TestLookOfTerminal(t *testing.T) {
	program, _, _ := terminal(t)
	utf8 := map[string]string{"LANG": "en_US.UTF-8", "TERM": "xterm"}
	with := func(name, value string) func(string) string {
		return func(n string) string {
			if n == name {
				return value
			}
			return utf8[n]
		}
	}
	for _, c := range []struct {
		name, value string
		want        Look
	}{
		{"", "", Look{Terminal: true, Color: true, Unicode: true, Width: 60}},
		{"NO_COLOR", "1", Look{Terminal: true, Unicode: true, Width: 60}},
		{"TERM", "dumb", Look{Unicode: true, Width: 60}},
		{"LC_ALL", "C", Look{Terminal: true, Color: true, Width: 60}},
	} {
		if got := LookOf(program, with(c.name, c.value)); got != c.want {
			t.Errorf("%s=%s: %+v", c.name, c.value, got)
		}
	}
}

func TestConfirmOnTerminal(t *testing.T) {
	program, person, seen := terminal(t)
	got := make(chan error)
	go func() { got <- Confirm(t.Context(), program, program, "This drops acme.", "acme") }()
	seen.wait(t, "Type acme to go on: ")
	io.WriteString(person, "acme\n")
	if err := <-got; err != nil {
		t.Error(err)
	}
}

func TestProgressOnTerminal(t *testing.T) {
	program, _, seen := terminal(t)
	p := NewProgress(program, Look{Terminal: true, Width: 60}, "applying", 3, false)
	p.Done("tenant acme", "applied")
	seen.wait(t, "1/3")
	p.Say("a note")
	seen.wait(t, "a note\r\n")
	p.Done("tenant bolt", "failed")
	seen.wait(t, "2/3")
	p.Close()
	p.Close()
	for line := range strings.Lines(seen.String()) {
		if strings.Contains(line, "tenant") {
			t.Errorf("a line for an item on a terminal: %q", line)
		}
	}
}
