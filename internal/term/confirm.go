package term

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// ErrNotConfirmed says that a person was asked and did not consent, or that
// there was nobody to ask.
var ErrNotConfirmed = errors.New("not confirmed")

// maxAnswer is how many bytes of an answer are read.
const maxAnswer = 4096

// Confirm asks a person to type a word and returns nil if that is what came.
// Anything else, the end of the input, and an input that is no terminal
// are an [ErrNotConfirmed]: silence is no consent. It reads one line and not a
// byte more.
func Confirm(ctx context.Context, in io.Reader, out io.Writer, question, expected string) error {
	if f, ok := in.(*os.File); ok && !term.IsTerminal(int(f.Fd())) {
		return fmt.Errorf("%w: it takes a person at a terminal to type %q", ErrNotConfirmed, Clean(expected))
	}
	fmt.Fprintf(out, "%s\nType %s to go on: ", indent(question, ""), Clean(expected))
	type answer struct {
		text string
		err  error
	}
	got := make(chan answer, 1)
	go func() { // left behind if the context ends first: reading cannot be interrupted
		text, err := readLine(in)
		got <- answer{text, err}
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(out)
		return fmt.Errorf("%w: %w", ErrNotConfirmed, context.Cause(ctx))
	case a := <-got:
		return judge(a.text, a.err, expected)
	}
}

func judge(answer string, err error, expected string) error {
	answer = strings.TrimSpace(answer)
	switch {
	case answer == expected && expected != "" && err == nil:
		return nil
	case errors.Is(err, io.EOF):
		return fmt.Errorf("%w: the input ended before an answer", ErrNotConfirmed)
	case err != nil:
		return fmt.Errorf("%w: %w", ErrNotConfirmed, err)
	}
	return fmt.Errorf("%w: the answer was %q, not %q; nothing was done", ErrNotConfirmed, Clean(answer), Clean(expected))
}

// readLine reads byte by byte, since what follows the line may be the answer
// to the next question.
func readLine(in io.Reader) (string, error) {
	var line []byte
	var b [1]byte
	for len(line) < maxAnswer {
		n, err := in.Read(b[:])
		if n == 1 && b[0] == '\n' {
			return string(line), nil
		}
		line = append(line, b[:n]...)
		if err != nil {
			return string(line), err
		}
	}
	return "", errors.New("the answer is too long")
}
