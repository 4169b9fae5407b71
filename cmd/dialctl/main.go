// Dialctl is the operators' command line: it gives orders to dialerd, the
// broker's dialer, and shows what it does. See dialctl --help.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/hustings/hustings/configs"
	"github.com/hustings/hustings/queue"
)

// The exit codes, as --help tells them. Programs rely on them.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitUnreachable = 3
	exitRejected    = 4
	exitViolated    = 5
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run is dialctl: everything it reads and writes is handed in.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends us at once
	a := &app{console: newConsole(stdin, stdout, stderr)}
	a.remember(args)
	root := a.rootCommand()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	if ctx.Err() != nil && unexplained(err) {
		err = &failure{message: "interrupted", cause: err}
	}
	a.tell(err)
	return exitCode(err)
}

// unexplained tells whether an error says no more than that its context ended.
// Others say what was left behind.
func unexplained(err error) bool {
	_, ours := errors.AsType[*failure](err)
	_, theirs := errors.AsType[*queue.ControlError](err)
	return errors.Is(err, context.Canceled) && !ours && !theirs
}

// failure is an error with what to do about it, and the exit code that it
// ends in.
type failure struct {
	message string
	hint    string
	code    int
	cause   error
	// told means that everything was said already.
	told bool
}

func (f *failure) Error() string { return f.message }

func (f *failure) Unwrap() error { return f.cause }

// usage is a wrong command line.
func usage(hint, format string, values ...any) error {
	return &failure{message: fmt.Sprintf(format, values...), hint: hint, code: exitUsage}
}

// failed puts what was tried before an error, and keeps its code and hint.
func failed(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// withHint is an error with a hint of ours.
func withHint(err error, hint string) error {
	return &failure{message: err.Error(), hint: hint, cause: err}
}

func exitCode(err error) int {
	var f *failure
	if errors.As(err, &f) && f.code != 0 {
		return f.code
	}
	var faults configs.Faults
	switch {
	case errors.As(err, &faults):
		return exitRejected
	case queue.CodeOf(err) == queue.CodeUnreachable:
		return exitUnreachable
	default:
		return exitFailed
	}
}

// hintOf returns the first hint in the error's chain.
func hintOf(err error) string {
	for cause := err; cause != nil; cause = errors.Unwrap(cause) {
		if f, ok := cause.(*failure); ok && f.hint != "" { //nolint:errorlint // walks the chain itself
			return f.hint
		}
	}
	return queue.HintOf(err)
}
