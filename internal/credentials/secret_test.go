package credentials

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
)

func TestPassword(t *testing.T) {
	shape := regexp.MustCompile(`^[A-Za-z0-9]{32}$`)
	seen := map[string]bool{}
	count := map[rune]int{}
	for range 2000 {
		text := Password().Reveal()
		if !shape.MatchString(text) || seen[text] {
			t.Fatalf("a password of the wrong shape, or twice the same")
		}
		seen[text] = true
		for _, r := range text {
			count[r]++
		}
	}
	// 64,000 characters, 1,032 of each expected; 5 standard deviations are 160.
	for _, r := range alphabet {
		if n := count[r]; n < 860 || n > 1200 {
			t.Errorf("%c came %d times", r, n)
		}
	}
}

// A Secret must not show itself wherever somebody prints a thing that holds
// one, in a field exported or not.
func TestSecretStaysHidden(t *testing.T) {
	const text = "hunter2hunter2"
	s := NewSecret(text)
	type inner struct{ s Secret }
	things := map[string]any{
		"itself": s, "pointer": &s, "field": Settings{Secret: s}, "pointer to field": &Settings{Secret: s},
		"unexported field": inner{s}, "deep": map[string][]inner{"a": {{s}}}, "slice": []Secret{s}, "array": [1]inner{{s}}, "interface": []any{inner{s}, &inner{s}},
	}
	for name, thing := range things {
		var printed []string
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%p", "%t", "%10.3s"} {
			printed = append(printed, fmt.Sprintf(verb, thing))
		}
		if b, err := json.Marshal(thing); err == nil {
			printed = append(printed, string(b))
		}
		if b, err := yaml.Marshal(thing); err == nil {
			printed = append(printed, string(b))
		}
		var log strings.Builder
		slog.New(slog.NewTextHandler(&log, nil)).Info("m", "thing", thing)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "thing", thing)
		printed = append(printed, log.String(), fmt.Sprint(thing), fmt.Errorf("e: %w: %v", fmt.Errorf("%v", thing), thing).Error())
		for _, p := range printed {
			if strings.Contains(p, "hunter2") || strings.Contains(p, fmt.Sprintf("%x", "hunter2")) {
				t.Errorf("%s prints its secret: %s", name, p)
			}
		}
	}
	if d := cmp.Diff(s, NewSecret("other")); d == "" || strings.Contains(d, "hunter2") {
		t.Errorf("a diff of two secrets: %q", d)
	}
	if got := fmt.Sprintf("%v %#v %s", s, s, s); got != "[secret] [secret] [secret]" {
		t.Error(got)
	}
	if s.Reveal() != text || !s.Equal(NewSecret(text)) || s.Equal(Secret{}) || !NewSecret("").IsZero() {
		t.Error("Reveal, Equal or IsZero is wrong")
	}
}
