package contact

import (
	"strings"
	"unicode"
)

// longestDigits is the longest run of digits that may stand in a text that a
// person wrote: a longer one may be a phone number.
const longestDigits = 5

// WithoutDigits masks what may be a phone number in a text that a person wrote,
// brings it onto one line and cuts it to so many characters: people paste all
// sorts of things into reasons, names and messages. Only letters end a run of
// digits, since whatever else stands between two of them may be how somebody
// writes a number. A date is masked, too; that is the price.
func WithoutDigits(text string, most int) string {
	runes := []rune(strings.Join(strings.Fields(text), " "))
	runes = runes[:min(len(runes), most)]
	start, digits := 0, 0
	mask := func(end int) {
		for i := start; digits > longestDigits && i < end; i++ {
			if unicode.IsDigit(runes[i]) {
				runes[i] = '•'
			}
		}
		digits = 0
	}
	for i, r := range runes {
		switch {
		case unicode.IsDigit(r):
			if digits == 0 {
				start = i
			}
			digits++
		case unicode.IsLetter(r):
			mask(i)
		}
	}
	mask(len(runes))
	return string(runes)
}
