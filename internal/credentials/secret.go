// Package credentials makes passwords, writes connection settings in the
// formats that applications read, and hands passwords to where the user wants
// them kept. Rendering is pure; only file.go, passfile.go and command.go touch
// the machine.
//
// A password is a [Secret] from birth: it shows itself only where its text is
// asked for by name ([Secret.Reveal]).
package credentials

import (
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

// hidden is what a Secret prints instead of itself.
const hidden = "[secret]"

// Secret is a password that does not leak through logs, errors, dumps or
// JSON. Its zero value is "no password". Secrets are compared with Equal; ==
// does not compile.
type Secret struct {
	// A function, since fmt, go-cmp and other printers look through unexported
	// fields and pointers without asking any method: here they find an address.
	text func() string
}

// NewSecret wraps the text of a password.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{func() string { return text }}
}

// Reveal returns the password itself.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return s.text()
}

// IsZero says whether there is no password.
func (s Secret) IsZero() bool { return s.text == nil }

// Equal compares two passwords in a time that does not depend on where they
// differ.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(other.Reveal())) == 1
}

// Format prints [secret], whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, hidden) }

// String returns [secret].
func (s Secret) String() string { return hidden }

// GoString returns [secret].
func (s Secret) GoString() string { return hidden }

// MarshalText returns [secret]; JSON and YAML encoders use it.
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// LogValue returns [secret].
func (s Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// The characters of a made password: nothing that any shell, URI, INI file or
// pgpass file would want escaped.
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// passwordLength characters of the alphabet hold 190 bits.
const passwordLength = 32

// Password makes a random password of 32 letters and digits. It cannot fail:
// without a source of randomness, package crypto/rand ends the program.
func Password() Secret {
	// Bytes from here up are thrown away, so that no character is likelier.
	const fair = 256 / len(alphabet) * len(alphabet)
	text := make([]byte, 0, passwordLength)
	var pool [64]byte
	for len(text) < passwordLength {
		rand.Read(pool[:])
		for _, b := range pool {
			if int(b) < fair && len(text) < passwordLength {
				text = append(text, alphabet[int(b)%len(alphabet)])
			}
		}
	}
	return NewSecret(string(text))
}
