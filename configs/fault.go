package configs

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"github.com/hustings/hustings/consent/contact"
)

// Fault is one thing that is wrong with a file, and where.
type Fault struct {
	// File is the file's name as it was asked for.
	File string
	// Line and Column count from 1, columns in characters. Line is 0 where the
	// fault has no place, as in a Config that came from no file.
	Line, Column int
	// Source is the line at fault. What may be a secret is left out of it.
	Source string
	// Field is the path of the key, such as "senders[0].parties[1]"; empty
	// where the file as a whole is at fault.
	Field string
	// Reason says what is wrong, Hint what to do about it; Hint may be empty.
	Reason, Hint string
}

// String prints the fault for a person: place, field and reason on one line,
// then the source line with a caret beneath the column, then the hint.
func (f Fault) String() string {
	var text strings.Builder
	for _, part := range []string{f.place(), f.Field, f.Reason} {
		if part == "" {
			continue
		}
		if text.Len() > 0 {
			text.WriteString(": ")
		}
		text.WriteString(printable([]rune(part)))
	}
	if f.Line > 0 {
		f.appendSource(&text)
	}
	if f.Hint != "" {
		text.WriteString("\n    hint: " + printable([]rune(f.Hint)))
	}
	return text.String()
}

func (f Fault) place() string {
	if f.Line == 0 {
		return f.File
	}
	return fmt.Sprintf("%s:%d:%d", f.File, f.Line, f.Column)
}

// A directory may hold thousands of values on one line; a terminal shows so
// many characters of it.
const shownWidth = 110

func (f Fault) appendSource(text *strings.Builder) {
	line, caret := []rune(f.Source), max(f.Column-1, 0)
	caret = min(caret, len(line))
	left, right := "", ""
	if from := caret - shownWidth/2; from > 0 && len(line) > shownWidth {
		line, caret, left = line[from:], caret-from, "... "
	}
	if len(line) > shownWidth {
		line, right = line[:shownWidth], " ..."
	}
	fmt.Fprintf(text, "\n%6d | %s%s%s", f.Line, left, printable(line), right)
	fmt.Fprintf(text, "\n       | %s^", strings.Repeat(" ", caret+len(left)))
}

// printable keeps a file from steering the terminal that its faults are shown
// on.
func printable(line []rune) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case unicode.IsPrint(r):
			return r
		default:
			return '·'
		}
	}, string(line))
}

// conceal takes out of a fault what may be a phone number.
func (f *Fault) conceal() {
	if f.Line > 0 {
		f.Source = "<not shown>"
	}
	for _, text := range []*string{&f.Field, &f.Reason, &f.Hint} {
		*text = contact.WithoutDigits(*text, shownWidth)
	}
}

// Faults are all things that are wrong with one or more files.
type Faults []Fault //nolint:errname // "faults" is what files have, in this project and in its messages

// Error prints every fault, one after the other.
func (f Faults) Error() string {
	texts := make([]string, len(f))
	for i := range f {
		texts[i] = f[i].String()
	}
	return strings.Join(texts, "\n")
}

// secretKey matches a key that seems to hold a secret in clear, and
// secretInAddress the user and password in a server's address, each up to where
// the secret begins. Keys that name a file are not meant.
var (
	secretKey       = regexp.MustCompile(`(?i)[\w.-]*(?:token|secret|password|passphrase|private_key|api_key)["']?\s*:\s*`)
	secretInAddress = regexp.MustCompile(`//[^/@\s]*:[^/@\s]*@`)
)

// withoutSecret cuts a line off where a secret may begin: faults end up in logs
// and in mails.
func withoutSecret(line string) string {
	const instead = "<not shown>"
	if at := secretKey.FindStringIndex(line); at != nil && at[1] < len(line) {
		line = line[:at[1]] + instead
	}
	if at := secretInAddress.FindStringIndex(line); at != nil {
		line = line[:at[0]+len("//")] + instead
	}
	return line
}
