package dialer

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/rs/zerolog"

	"github.com/hustings/hustings/consent/contact"
)

// longestPanic is how much of a panic's text is told, in characters.
const longestPanic = 200

// DescribePanic says what is safe to say of a panic. Its value may quote what was
// being worked on, and so a number, of which only the type is told; the runtime's
// own faults quote an index at most, which is masked where it could be a number.
func DescribePanic(cause any) string {
	if fault, ok := cause.(runtime.Error); ok {
		return contact.WithoutDigits(fault.Error(), longestPanic)
	}
	return fmt.Sprintf("panic with a %T", cause)
}

// deepestStack is how many calls are told of a stack.
const deepestStack = 64

// Stack tells by which calls its caller was reached, the innermost first: from
// within a deferred function, where the panic was. Unlike Go's own it leaves the
// arguments out: a [contact.Number] is an integer, and would stand there in
// hexadecimal.
func Stack() string {
	var places [deepestStack]uintptr
	frames := runtime.CallersFrames(places[:runtime.Callers(2, places[:])])
	var text strings.Builder
	for more := true; more; {
		var frame runtime.Frame
		frame, more = frames.Next()
		_, _ = fmt.Fprintf(&text, "%s\n\t%s:%d\n", frame.Function, frame.File, frame.Line)
	}
	return text.String()
}

// EndOnPanic is deferred first in goroutines that work with contacts. A panic
// there means that nobody knows what state we are in: the process ends at once, as
// by kill -9, which the next life is made for. Go would end it as well, but print
// the panic's value, and arguments that can be numbers.
func EndOnPanic(log zerolog.Logger) {
	cause := recover()
	if cause == nil {
		return
	}
	what, stack := DescribePanic(cause), Stack()
	log.Error().Str(FieldEvent, EventPanic).Str(FieldReason, what).Str(FieldStack, stack).Send()
	_, _ = fmt.Fprintf(os.Stderr, "dialerd: %s\n%s", what, stack) // the log may lead anywhere
	os.Exit(1)                                                    // for a supervisor to start it again
}

// guarded is a goroutine's work, with its panics kept from being printed.
func (d *Dialer) guarded(work func() error) func() error {
	return func() error {
		defer EndOnPanic(d.log)
		return work()
	}
}
