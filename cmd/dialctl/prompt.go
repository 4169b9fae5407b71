package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// confirm asks a person. Where nobody can be asked the answer is yes: a program
// has said what it wants by calling.
func (c *console) confirm(ctx context.Context, question string) (bool, error) {
	if !c.answers {
		return true, nil
	}
	_, _ = fmt.Fprintf(c.err, "%s [y/N] ", question)
	answer, err := c.line(ctx)
	if err != nil {
		_, _ = fmt.Fprintln(c.err)
		return false, fmt.Errorf("read the answer: %w", err)
	}
	answer = strings.ToLower(answer)
	return answer == "y" || answer == "yes", nil
}

// secretLine reads one line: from a terminal without showing it, or else as it
// comes.
func (c *console) secretLine(ctx context.Context, prompt string) (string, error) {
	file, ok := c.in.(*os.File)
	if !ok || !c.answers {
		line, err := c.line(ctx)
		return line, failed("read standard input", err)
	}
	terminal := int(file.Fd())
	state, err := term.GetState(terminal)
	if err != nil {
		return "", fmt.Errorf("read from the terminal: %w", err)
	}
	_, _ = fmt.Fprintf(c.err, "%s: ", prompt)
	line, err := interrupted(ctx, func() (string, error) {
		typed, err := term.ReadPassword(terminal)
		return string(typed), err
	})
	_, _ = fmt.Fprintln(c.err)
	if ctx.Err() != nil {
		_ = term.Restore(terminal, state) // or the shell would not show what is typed
	}
	return strings.TrimSpace(line), failed("read from the terminal", err)
}

// line reads one line of what comes in.
func (c *console) line(ctx context.Context) (string, error) {
	const most = 1 << 10
	line, err := interrupted(ctx, func() (string, error) {
		return bufio.NewReader(io.LimitReader(c.in, most)).ReadString('\n')
	})
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return strings.TrimSpace(line), err
}

// interrupted waits for a reading that the context cannot end, or for the
// context's end. A reading that is left behind ends with the process.
func interrupted[T any](ctx context.Context, read func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := read()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// interruptible is a stream whose reading ends with the context: a pipe may stay
// silent for ever.
type interruptible struct {
	ctx    context.Context //nolint:containedctx // a reader has no other way to know
	source io.Reader
}

func (r *interruptible) Read(into []byte) (int, error) {
	// The bytes go into a buffer of their own: a reading that is left behind
	// must not write into what the caller has taken back.
	text, err := interrupted(r.ctx, func() ([]byte, error) {
		buffer := make([]byte, len(into))
		n, err := r.source.Read(buffer)
		return buffer[:n], err
	})
	return copy(into, text), err
}
