package intake

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// RowError is the refusal of one row. Reading goes on after it. No part of it
// holds the content of a field.
type RowError struct {
	// File is the list's name as it was given to Open.
	File string
	// Line is the physical line on which the row starts; the header stands on
	// line 1.
	Line int
	// Column is the place of the field in the file, from 1; 0 where the whole
	// row is at fault.
	Column int
	// Field is the declared name of the column; empty where Column is 0.
	Field string
	// Reason tells what is wrong, Hint what to do about it (it may be empty).
	Reason, Hint string
}

// Error returns the refusal as one line: place, field, reason and hint.
func (e *RowError) Error() string {
	if e.Column == 0 {
		return describe(e.File, e.Line, e.Reason, e.Hint)
	}
	return describe(e.File, e.Line, fmt.Sprintf("column %d %q: %s", e.Column, e.Field, e.Reason), e.Hint)
}

// FileError is the refusal of a list as a whole, or of the rest of it: no more
// rows come after it.
type FileError struct {
	// File is the list's name as it was given to Open.
	File string
	// Line is the physical line of the fault; 0 where it has none.
	Line int
	// Reason tells what is wrong, Hint what to do about it (it may be empty).
	Reason, Hint string
	// Err is the cause, where there is one beneath this package.
	Err error
}

// Error returns the refusal as one line: place, reason, cause and hint.
func (e *FileError) Error() string {
	reason := e.Reason
	if e.Err != nil {
		reason += ": " + e.Err.Error()
	}
	return describe(e.File, e.Line, reason, e.Hint)
}

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.Err }

func describe(file string, line int, reason, hint string) string {
	var text strings.Builder
	text.WriteString(file)
	if line > 0 {
		text.WriteString(":" + strconv.Itoa(line))
	}
	text.WriteString(": " + reason)
	if hint != "" {
		text.WriteString("; " + hint)
	}
	return text.String()
}

// Refusals writes refused rows as a CSV file that goes back to whoever sent
// the list.
type Refusals struct {
	csv    *csv.Writer
	count  int
	record [6]string
}

// NewRefusals returns a writer of refusals to w. Nothing is written before the
// first of them, so that a clean import leaves an empty file.
func NewRefusals(w io.Writer) *Refusals { return &Refusals{csv: csv.NewWriter(w)} }

// Add writes one refusal.
func (r *Refusals) Add(e *RowError) error {
	if r.count == 0 {
		r.record = [6]string{"file", "line", "column", "field", "reason", "hint"}
		if err := r.csv.Write(r.record[:]); err != nil {
			return fmt.Errorf("write the refusals' header: %w", err)
		}
	}
	r.count++
	column := ""
	if e.Column > 0 {
		column = strconv.Itoa(e.Column)
	}
	r.record = [6]string{e.File, strconv.Itoa(e.Line), column, e.Field, e.Reason, e.Hint}
	if err := r.csv.Write(r.record[:]); err != nil {
		return fmt.Errorf("write the refusal of %s:%d: %w", e.File, e.Line, err)
	}
	return nil
}

// Count returns how many refusals were added.
func (r *Refusals) Count() int { return r.count }

// Flush writes what is still buffered. It must be called once at the end.
func (r *Refusals) Flush() error {
	r.csv.Flush()
	if err := r.csv.Error(); err != nil {
		return fmt.Errorf("write refusals: %w", err)
	}
	return nil
}
