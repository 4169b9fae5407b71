package report

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// words are the short texts of one language; its prose stands in page/french.html or page/english.html.
type words struct {
	lang     string
	months   [12]string
	thousand string // between groups of three digits
	decimal  string
	colon    string

	tableCaption, classColumn, figureColumn  string
	withheld                                 string
	chartTitle, chartCaption, whiskerCaption string

	channels map[string]string
	classes  map[string]classWords
	endings  map[Ending]endingWords

	date    func(day int, month string, year int) string
	instant func(date, clock string) string
}

// classWords name a class and say what is in it.
type classWords struct{ name, meaning string }

// endingWords name an ending and say what it does to the promise of epsilon.
type endingWords struct{ name, promise string }

// channels returns the channels that a report can be about, in the words of jobs and packs.
func channels() []string {
	return []string{"sms", "robocall", "ai_voice", "live_call", "predictive_call"}
}

// number writes an integer in groups of three digits.
func (w words) number(value uint64) string {
	digits := strconv.FormatUint(value, 10)
	var groups []string
	for len(digits) > 3 {
		groups = append(groups, digits[len(digits)-3:])
		digits = digits[:len(digits)-3]
	}
	groups = append(groups, digits)
	slices.Reverse(groups)
	return strings.Join(groups, w.thousand)
}

// fraction writes an exact decimal ("0.45") as the language does.
func (w words) fraction(decimal string) string { return strings.Replace(decimal, ".", w.decimal, 1) }

// day writes the date of an instant, in the location that the instant carries.
func (w words) day(instant time.Time) string {
	year, month, day := instant.Date()
	return w.date(day, w.months[month-1], year)
}
