package credentials

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"landlord/internal/run"
)

// Sink keeps passwords that landlord made.
type Sink interface {
	// Store keeps one login's password, in place of an earlier one.
	Store(ctx context.Context, s Settings) error
}

// Source finds passwords that a [Sink] kept.
type Source interface {
	// Lookup returns the password of s's login; ok is false where it is not
	// known. The Secret in s is not used.
	Lookup(ctx context.Context, s Settings) (secret Secret, ok bool, err error)
}

// Command is a program of the user's that keeps or finds passwords
// (`secrets: {command: …}` and `lookup`): the program and its arguments, run
// without a shell.
type Command []string

// message is what a command reads, one JSON object on standard input.
type message struct {
	Action   string `json:"action"` // "store" or "lookup"
	Server   string `json:"server"`
	Tenant   string `json:"tenant"`
	Login    string `json:"login"`
	Database string `json:"database"`
	Host     string `json:"host"`
	Port     int    `json:"port"`
	Password string `json:"password,omitempty"` // of "store"
}

// Store runs the command with {"action":"store", …, "password":"…"} on its
// standard input. A non-zero exit status is an error; the password is in none.
func (c Command) Store(ctx context.Context, s Settings) error {
	if s.Secret.IsZero() {
		return fmt.Errorf("store the password of %q: there is none", s.User)
	}
	m := newMessage("store", s)
	m.Password = s.Secret.Reveal()
	_, err := c.talk(ctx, m)
	return err
}

// Lookup runs the command with {"action":"lookup", …} on its standard input
// and reads the password, one line, from its standard output. No output is "not known".
func (c Command) Lookup(ctx context.Context, s Settings) (secret Secret, ok bool, err error) {
	out, err := c.talk(ctx, newMessage("lookup", s))
	if err != nil {
		return Secret{}, false, err
	}
	text := strings.TrimSuffix(strings.TrimSuffix(out, "\n"), "\r")
	if strings.ContainsAny(text, "\r\n\x00") {
		return Secret{}, false, fmt.Errorf("look up the password of %q: %s printed more than one line", s.User, c[0])
	}
	return NewSecret(text), text != "", nil
}

func newMessage(action string, s Settings) message {
	return message{action, s.Server, s.Tenant, s.User, s.Database, s.Host, s.portNumber(), ""}
}

// talk runs the command with the message on its standard input.
func (c Command) talk(ctx context.Context, m message) (stdout string, err error) {
	if len(c) == 0 {
		return "", errors.New("secrets: the command is empty")
	}
	input, err := jsonText(m)
	if err != nil {
		return "", err
	}
	out, stderr, err := run.Command(ctx, run.Spec{Name: c[0], Args: c[1:], Stdin: strings.NewReader(input)})
	if err == nil {
		return string(out), nil
	}
	doing := fmt.Sprintf("%s the password of %q: %s", m.Action, m.Login, c[0])
	if ctx.Err() != nil {
		return "", fmt.Errorf("%s: %w", doing, context.Cause(ctx))
	}
	return "", fmt.Errorf("%s: %s", doing, explain(err, string(stderr), m.Password, strings.TrimSpace(string(out))))
}

// maxExplanation is how many bytes of a command's standard error are shown.
const maxExplanation = 2000

// explain says how a command failed. Its standard error is the user's best
// help, but nobody knows what it prints: neither the password that the
// command was given nor one that it found. So the whole is redacted before
// its end is taken.
func explain(err error, stderr string, secrets ...string) string {
	text := err.Error()
	if e, ok := errors.AsType[*run.Error](err); ok {
		text = e.Err.Error()
	}
	stderr = strings.TrimSpace(redact(stderr, secrets...))
	if len(stderr) > maxExplanation {
		stderr = "… " + strings.ToValidUTF8(stderr[len(stderr)-maxExplanation:], "")
	}
	if stderr == "" {
		return text
	}
	return text + ": " + stderr
}

// redact replaces secrets in a text, in the spellings in which programs print
// what they were given.
func redact(text string, secrets ...string) string {
	for _, s := range secrets {
		if s == "" {
			continue
		}
		quoted, _ := jsonText(s)
		html, _ := json.Marshal(s)
		for _, form := range []string{s, unquote(quoted), unquote(string(html)), percent(s, ""), url.QueryEscape(s)} {
			text = strings.ReplaceAll(text, form, hidden)
		}
	}
	return text
}

// jsonText is one line of JSON that leaves <, > and & as they are.
func jsonText(v any) (string, error) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return b.String(), err
}

// unquote takes a JSON string's quotation marks away, and no escapes.
func unquote(s string) string {
	s = strings.TrimSuffix(s, "\n")
	return s[1 : len(s)-1]
}
