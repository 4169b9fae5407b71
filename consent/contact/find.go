package contact

import (
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"
)

// FindTollFree tells whether a text holds a phone number that is free to call.
// Numbers are read as people in the region (ISO 3166 code) write them, with
// spaces, dots, dashes or brackets in between, and in international form.
//
// What looks like one because figures stand side by side counts as one: the text
// is written once, by somebody who can put a word between them.
func FindTollFree(text, region string) bool {
	for run := range figures(text) {
		for first := range run {
			var number strings.Builder
			for _, group := range run[first:] {
				number.WriteString(group)
				if number.Len() > len("00")+maxE164 {
					break
				}
				if number.Len() >= shortestTollFree && tollFree(number.String(), region) {
					return true
				}
			}
		}
	}
	return false
}

// shortestTollFree is how many digits the shortest number has that can be free:
// shorter ones are years, prices and short codes.
const shortestTollFree = 7

// tollFree tells whether the figures are a free number. One without a plus sign
// begins with a nought, except in North America: the library also takes one
// whose nought is left out, which nobody can dial.
func tollFree(number, region string) bool {
	if number[0] != '+' && number[0] != '0' && phonenumbers.GetCountryCodeForRegion(region) != 1 {
		return false
	}
	_, line, err := Parse(number, region)
	return err == nil && line.Type == TollFree
}

// figures yields the runs of figures in a text, each as the groups in which it
// is written. A plus sign stays before its group; letters end a run.
func figures(text string) func(yield func([]string) bool) {
	return func(yield func([]string) bool) {
		var run []string
		var group strings.Builder
		closeGroup := func() {
			if group.Len() > 0 {
				run = append(run, group.String())
				group.Reset()
			}
		}
		for _, r := range text + "\n\x00" {
			switch digit := digitOf(r); {
			case digit != 0:
				group.WriteByte(digit)
			case r == '+' || r == '＋':
				closeGroup()
				group.WriteByte('+')
			case between(r):
				closeGroup()
			default:
				closeGroup()
				if len(run) > 0 && !yield(run) {
					return
				}
				run = nil
			}
		}
	}
}

// between tells whether people write the character within a number.
func between(r rune) bool {
	return unicode.IsSpace(r) || unicode.Is(unicode.Pd, r) || unicode.Is(unicode.Cf, r) || strings.ContainsRune(".·•()[]/\\_,'’", r)
}

// digitOf returns the figure that a character shows, 0 where it shows none.
func digitOf(r rune) byte {
	switch {
	case r >= '0' && r <= '9':
		return byte(r)
	case r >= '０' && r <= '９': // full width
		return byte(r-'０') + '0'
	case r >= '𝟎' && r <= '𝟿': // mathematical, in five styles
		return byte((r-'𝟎')%10) + '0'
	}
	return 0
}
