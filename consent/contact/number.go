package contact

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"
)

// shortestE164 and maxE164 are the least and the greatest number of digits that
// are taken for a number of E.164, country code included.
const (
	shortestE164 = 7
	maxE164      = 15
)

// Number is one phone number in E.164. It prints masked, whatever the verb or
// encoder, so that a number cannot reach a log by accident; see E164. The zero
// Number is nobody's.
type Number struct{ digits uint64 }

// ErrNotNumber is returned for a text that is not a phone number.
var ErrNotNumber = errors.New("not a phone number")

// ParseE164 reads a plus sign and 7 to 15 digits and nothing else. It does not
// ask whether the number exists: see Parse.
func ParseE164(text string) (Number, error) {
	if len(text) < shortestE164+1 || len(text) > maxE164+1 || text[0] != '+' || text[1] == '0' {
		return Number{}, ErrNotNumber
	}
	digits, err := strconv.ParseUint(text[1:], 10, 64)
	if err != nil {
		return Number{}, ErrNotNumber
	}
	return Number{digits}, nil
}

// Parse reads a number as people write it: in E.164, with the international
// prefix, or in the national form of region (ISO 3166 code, such as "FR").
// What it learns about the line comes with it. The only error is ErrNotNumber.
//
// A text with letters is no number, although a keypad has letters, too: an O
// typed for a 0 would become a 6, and somebody else's phone would ring.
//
// A number of a country with a pack, written as usual, does not allocate.
func Parse[Text ~string | ~[]byte](text Text, region string) (Number, Line, error) {
	number, line, known := parsePlanned(text, region)
	if !known {
		var err error
		if number, line, err = parseAny(string(text), region); err != nil {
			return Number{}, Line{}, err
		}
	}
	if kind, reserved := number.fictional(); reserved {
		return number, Line{Valid: true, Type: kind, Region: region}, nil
	}
	return number, line, nil
}

// parseAny asks the library, which knows every country and every way of
// writing.
func parseAny(text, region string) (Number, Line, error) {
	if strings.ContainsFunc(text, unicode.IsLetter) {
		return Number{}, Line{}, ErrNotNumber
	}
	parsed, err := phonenumbers.Parse(text, region)
	if err != nil || parsed.GetExtension() != "" {
		return Number{}, Line{}, ErrNotNumber
	}
	number, err := ParseE164(phonenumbers.Format(parsed, phonenumbers.E164))
	if err != nil {
		return Number{}, Line{}, ErrNotNumber
	}
	line := Line{
		Valid:  phonenumbers.IsValidNumber(parsed),
		Type:   lineTypes[phonenumbers.GetNumberType(parsed)],
		Region: phonenumbers.GetRegionCodeForNumber(parsed),
	}
	if line.Region == phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY && line.Type != TollFree {
		line.Type = LineUnknown // "mobile", says the plan of a satellite phone, at ten times the price
	}
	return number, line, nil
}

// E164 returns the number in clear. Only the sealed directory row, the carrier
// request and the answer to a person's own question may call it.
func (n Number) E164() string {
	var text [maxE164 + 1]byte
	return string(n.appendE164(text[:0]))
}

// IsZero tells whether n is nobody's number.
func (n Number) IsZero() bool { return n.digits == 0 }

// String returns the number masked: its country's first digits, as many as
// tell nobody apart, and dots.
func (n Number) String() string {
	if n.IsZero() {
		return "<no number>"
	}
	return "+" + strconv.FormatUint(n.digits, 10)[:1] + "••••••••"
}

// Format prints the masked form for every verb.
func (n Number) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(n.String())) }

// MarshalText writes the masked form. There is no way back, on purpose.
func (n Number) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

func (n Number) appendE164(text []byte) []byte {
	return strconv.AppendUint(append(text, '+'), n.digits, 10)
}
