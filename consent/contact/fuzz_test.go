package contact_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hustings/hustings/consent/contact"
)

// FuzzParseE164 ensures that a number is read only if it is written back to the
// letter, and that it never shows its digits.
func FuzzParseE164(f *testing.F) {
	for _, text := range []string{"+33639980001", "+15550100", "+0639980001", "+", "33639980001", "+33 639980001", "++3363998000", "+1_000_000_0", "+９９９９９９９９"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		number, err := contact.ParseE164(text)
		if err != nil {
			if !number.IsZero() || strings.Contains(err.Error(), text) && len(text) > 3 && !strings.Contains("not a phone number", text) {
				t.Errorf("refused with %v", err)
			}
			return
		}
		if number.E164() != text {
			t.Errorf("%q is written back as %q", text, number.E164())
		}
		for _, shown := range []string{fmt.Sprintf("%v %+v %#v %s %q %d %x", number, number, number, number, number, number, number), number.String()} {
			if strings.Contains(shown, text[2:]) {
				t.Errorf("it shows its digits: %s", shown)
			}
		}
	})
}

// FuzzID ensures that a pseudonym is read only from its own text.
func FuzzID(f *testing.F) {
	for _, text := range []string{"", strings.Repeat("00", contact.IDSize), strings.Repeat("aF", contact.IDSize), strings.Repeat("x", 2*contact.IDSize)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var id contact.ID
		if err := id.UnmarshalText([]byte(text)); err == nil && id.String() != strings.ToLower(text) {
			t.Errorf("%q is read as %s", text, id)
		}
	})
}
