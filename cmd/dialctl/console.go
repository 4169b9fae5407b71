package main

// The rules of what dialctl says:
//
//   - stdout gets the result and nothing else; progress, warnings and errors go
//     to stderr, prompts too.
//   - Messages are lower case and without a full stop. Errors begin with
//     "dialctl:" and say what failed and why; what to do follows as "hint:".
//   - Bars are drawn on a terminal only. Elsewhere a line is printed now and
//     then, each complete in itself.
//   - There are no colours.
//   - No phone number is ever printed: not one that was typed, not one that
//     came back.

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"text/tabwriter"

	"golang.org/x/term"

	"github.com/hustings/hustings/configs"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

// console is where dialctl reads from and writes to.
type console struct {
	in       io.Reader
	out, err io.Writer
	// asJSON asks for results, and errors, as programs read them.
	asJSON bool
	// quiet leaves out progress and advice.
	quiet bool
	// terminal tells that a person watches what goes to err, and answers that a
	// person is there to be asked.
	terminal, answers bool
	// typed are the arguments that may be phone numbers: no error may show
	// them again.
	typed []string
}

func newConsole(in io.Reader, out, err io.Writer) console {
	return console{in: in, out: out, err: err, terminal: isTerminal(err), answers: isTerminal(in) && isTerminal(err)}
}

func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// tell prints an error and its hint.
func (c *console) tell(err error) {
	var f *failure
	if errors.As(err, &f) && f.told {
		return
	}
	hint := hintOf(err)
	if c.asJSON {
		c.tellJSON(err, hint)
		return
	}
	_, _ = fmt.Fprintf(c.err, "dialctl: %s\n", c.masked(message(err)))
	if hint != "" {
		_, _ = fmt.Fprintf(c.err, "hint: %s\n", hint)
	}
}

func (c *console) tellJSON(err error, hint string) {
	told := struct {
		Error  string         `json:"error"`
		Hint   string         `json:"hint,omitempty"`
		Code   int            `json:"code"`
		Faults []dialer.Fault `json:"faults,omitempty"`
	}{Error: c.masked(err.Error()), Hint: hint, Code: exitCode(err)}
	if faults, ok := errors.AsType[configs.Faults](err); ok {
		told.Error = strings.TrimSuffix(strings.TrimSuffix(told.Error, faults.Error()), ": ")
		for _, f := range faults {
			fault := dialer.Fault{Field: f.Field, Reason: f.Reason, Hint: f.Hint}
			if f.Line > 0 {
				fault.Place = fmt.Sprintf("%d:%d", f.Line, f.Column)
			}
			told.Faults = append(told.Faults, fault)
		}
	}
	text, _ := json.Marshal(told) // texts and a number
	_, _ = fmt.Fprintf(c.err, "%s\n", text)
}

// message is the error's text. Faults of files have lines of their own.
func message(err error) string {
	var faults configs.Faults
	var control *queue.ControlError
	text := err.Error()
	switch {
	case errors.As(err, &faults):
		return strings.Replace(text, " "+faults.Error(), "\n"+faults.Error(), 1)
	case errors.As(err, &control) && len(control.Faults) > 0:
		lines := []string{control.Message}
		for _, fault := range control.Faults {
			lines = append(lines, "  "+fault.String())
		}
		return strings.Replace(text, control.Error(), strings.Join(lines, "\n"), 1)
	}
	return text
}

// say prints a line of progress or advice, unless it was asked not to.
func (c *console) say(format string, values ...any) {
	if !c.quiet {
		_, _ = fmt.Fprintf(c.err, format+"\n", values...)
	}
}

// warn prints a line that even a quiet console prints.
func (c *console) warn(format string, values ...any) {
	_, _ = fmt.Fprintf(c.err, "dialctl: "+format+"\n", values...)
}

// printJSON prints a result for programs.
func (c *console) printJSON(value any) error {
	encoder := json.NewEncoder(c.out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	return nil
}

// printJSONLine prints one of several results.
func (c *console) printJSONLine(value any) error {
	encoder := json.NewEncoder(c.out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	return nil
}

// result prints a value as JSON if that was asked for, and by the function for
// people otherwise.
func (c *console) result(value any, people func(io.Writer) error) error {
	if c.asJSON {
		return c.printJSON(value)
	}
	if err := people(c.out); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	return nil
}

// table prints rows in columns; cells are parted by tabs.
func table(w io.Writer, rows ...string) error {
	var text strings.Builder
	tabs := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		_, _ = fmt.Fprintln(tabs, row) // into memory
	}
	_ = tabs.Flush()
	for line := range strings.Lines(text.String()) {
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// remember keeps the arguments that look like a phone number.
func (c *console) remember(args []string) {
	for _, arg := range args {
		count := 0
		for _, r := range arg {
			if r >= '0' && r <= '9' {
				count++
			}
		}
		if count >= shortestNumber && strings.Trim(arg, "+0123456789 .()/-") == "" {
			c.typed = append(c.typed, arg)
		}
	}
}

// shortestNumber is how many digits an argument needs to be taken for a number;
// a date has fewer.
const shortestNumber = 9

// masked leaves out what was typed and may be a number.
func (c *console) masked(text string) string {
	for _, arg := range c.typed {
		text = strings.ReplaceAll(text, arg, "•••")
	}
	return text
}

// digits matches what may be a phone number in a wrong command line.
var digits = regexp.MustCompile(`\+?\d[\d .()/-]{4,}\d`)

// withoutNumbers masks what may be a phone number: people type all sorts of
// things into a command line, and errors are pasted into mails.
func withoutNumbers(text string) string { return digits.ReplaceAllString(text, "•••") }
