package intake

import (
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// The errors of the parsers name the forms that are read and never the text
// itself.
var (
	errDate    = errors.New("not a date: want 2006-01-02 or 02/01/2006")
	errInstant = errors.New("not an instant: want 2006-01-02T15:04:05+02:00, 2006-01-02 15:04:05, 02/01/2006 15:04 or a date")
	errYear    = errors.New("the year is not between 1900 and 2100")
	errBool    = errors.New("not yes or no: want true, false, oui, non, yes, no, vrai, faux, 1 or 0")
)

var dateForms = []string{time.DateOnly, "02/01/2006"}

// A text without an offset stands in the list's own zone. A date alone is its
// first instant.
var instantForms = []string{
	time.DateTime, "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02T15:04",
	time.DateOnly, "02/01/2006", "02/01/2006 15:04:05", "02/01/2006 15:04",
}

// ParseDate reads a date, the day first where slashes part it. It returns
// midnight UTC of that date.
func ParseDate(text string) (time.Time, error) {
	for _, form := range dateForms {
		if len(text) != len(form) {
			continue
		}
		if t, err := time.Parse(form, text); err == nil {
			return plausible(t)
		}
	}
	return time.Time{}, errDate
}

// ParseInstant reads an instant: in RFC 3339, or without an offset in zone. A
// date alone is its first instant there.
func ParseInstant(text string, zone *time.Location) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return plausible(t)
	}
	for _, form := range instantForms {
		if len(text) != len(form) {
			continue
		}
		if t, err := time.ParseInLocation(form, text, zone); err == nil {
			return plausible(t)
		}
	}
	return time.Time{}, errInstant
}

// plausible catches years that lost a digit.
func plausible(t time.Time) (time.Time, error) {
	if t.Year() < 1900 || t.Year() > 2100 {
		return time.Time{}, errYear
	}
	return t, nil
}

// ParseBool reads yes or no in English and French, in any case. An empty text
// is neither.
func ParseBool(text string) (bool, error) {
	switch strings.ToLower(text) {
	case "true", "oui", "yes", "vrai", "1":
		return true, nil
	case "false", "non", "no", "faux", "0":
		return false, nil
	default:
		return false, errBool
	}
}

// Shape describes a text without showing any of it, for reasons: "empty", "9
// digits", "12 characters, 2 letters". Spaces and signs that part digits are
// not counted as digits.
func Shape(text string) string {
	digits, letters, characters := 0, 0, 0
	for _, r := range text {
		characters++
		switch {
		case unicode.IsDigit(r):
			digits++
		case unicode.IsLetter(r):
			letters++
		}
	}
	switch {
	case characters == 0:
		return "empty"
	case letters > 0:
		return counted(characters, "character") + ", " + counted(letters, "letter")
	case digits > 0:
		return counted(digits, "digit")
	default:
		return counted(characters, "character") + ", no letters or digits"
	}
}

func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.Itoa(n) + " " + thing + "s"
}
