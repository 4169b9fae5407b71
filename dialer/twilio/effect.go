package twilio

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/hustings/hustings/dialer"
)

//go:embed errors.tsv
var errorTable string

// knownError is a row of the error table: one code, or a range of them.
type knownError struct {
	first, last int
	effect      dialer.Effect
	meaning     string
}

var knownErrors = sync.OnceValue(func() []knownError {
	rows, err := parseErrors(errorTable)
	if err != nil {
		panic(err) // The table is part of the binary and its test reads it whole.
	}
	return rows
})

// EffectOf returns what an error code of Twilio's asks of us, whether it came
// with a refusal or with a status. A code that the table does not know has no
// effect beyond its attempt.
func EffectOf(code int) dialer.Effect {
	row, _ := findError(code)
	return row.effect
}

// MeaningOf returns what an error code of Twilio's means, in a few words of
// our own, for logs and operators.
func MeaningOf(code int) string {
	if row, known := findError(code); known {
		return row.meaning
	}
	return "not in the error table"
}

func findError(code int) (knownError, bool) {
	for _, row := range knownErrors() {
		if row.first <= code && code <= row.last {
			return row, true
		}
	}
	return knownError{}, false
}

var effectNames = map[string]dialer.Effect{
	"none":        dialer.NoEffect,
	"objection":   dialer.EffectObjection,
	"unreachable": dialer.EffectUnreachable,
	"hold":        dialer.EffectHold,
	"throttle":    dialer.EffectThrottle,
	"filtered":    dialer.EffectFiltered,
}

func parseErrors(table string) ([]knownError, error) {
	var rows []knownError
	place := 0
	for line := range strings.Lines(table) {
		place++
		line = strings.TrimRight(line, "\r\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		row, err := parseError(line)
		if err != nil {
			return nil, fmt.Errorf("errors.tsv:%d: %w", place, err)
		}
		for _, other := range rows {
			if row.first <= other.last && other.first <= row.last {
				return nil, fmt.Errorf("errors.tsv:%d: %d stands there twice", place, row.first)
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func parseError(line string) (knownError, error) {
	fields := strings.Split(line, "\t")
	if len(fields) != 4 {
		return knownError{}, fmt.Errorf("want 4 fields separated by tabs, got %d", len(fields))
	}
	first, last, isRange := strings.Cut(fields[0], "-")
	if !isRange {
		last = first
	}
	var row knownError
	var err error
	if row.first, err = strconv.Atoi(first); err != nil {
		return row, fmt.Errorf("code: %w", err)
	}
	if row.last, err = strconv.Atoi(last); err != nil {
		return row, fmt.Errorf("code: %w", err)
	}
	effect, known := effectNames[fields[1]]
	switch {
	case !validCode(row.first) || !validCode(row.last) || row.last < row.first:
		return row, fmt.Errorf("code %s: want five digits, the lower end of a range first", fields[0])
	case !known:
		return row, fmt.Errorf("effect %q is not known", fields[1])
	case fields[2] == "" || fields[3] == "":
		return row, fmt.Errorf("code %s: meaning or source is empty", fields[0])
	}
	row.effect, row.meaning = effect, fields[2]
	return row, nil
}
