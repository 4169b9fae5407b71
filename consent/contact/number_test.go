package contact_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/nyaruka/phonenumbers"

	"github.com/hustings/hustings/consent/contact"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text  string
		e164  string
		kind  contact.LineType
		valid bool
	}{
		{"+33639980001", "+33639980001", contact.Mobile, true},
		{"06 39 98 00 01", "+33639980001", contact.Mobile, true},
		{"06.39.98.00.01", "+33639980001", contact.Mobile, true},
		{"0033 6 39 98 00 01", "+33639980001", contact.Mobile, true},
		{"+33 (0)6 39 98 00 01", "+33639980001", contact.Mobile, true},
		{"01 99 00 12 34", "+33199001234", contact.Fixed, true},
		{"+1 202 555 0123", "+12025550123", contact.FixedOrMobile, true},
		{"06 39 98 00", "", contact.LineUnknown, false},
		{"O639980001", "", contact.LineUnknown, false},
		{"0639980ABC", "", contact.LineUnknown, false},
		{"+33639980001 ext. 2", "", contact.LineUnknown, false},
		{"", "", contact.LineUnknown, false},
	} {
		t.Run(test.text, func(t *testing.T) {
			t.Parallel()
			number, line, err := contact.Parse(test.text, "FR")
			if test.e164 == "" {
				if err == nil && line.Valid {
					t.Fatalf("taken for a valid %s", line.Type)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if number.E164() != test.e164 || line.Type != test.kind || line.Valid != test.valid {
				t.Errorf("got a %s, valid %t; want a %s, valid %t", line.Type, line.Valid, test.kind, test.valid)
			}
		})
	}
}

// Ensure that no verb and no encoder shows a number.
func TestNumber_PrintsMasked(t *testing.T) {
	t.Parallel()
	number, err := contact.ParseE164("+33639980001")
	if err != nil {
		t.Fatal(err)
	}
	holder := struct{ Number contact.Number }{number}
	encoded, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	shown := []string{
		string(encoded), number.String(), fmt.Sprint(number), fmt.Sprintf("%v %+v %#v %d %x %q %s", number, number, number, number, number, number, number),
		fmt.Sprintf("%v %+v", holder, &holder),
	}
	for _, text := range shown {
		if strings.Contains(text, "639980001") || strings.Contains(text, "39980001") || strings.Contains(strings.ToLower(text), "7d7b6d101") {
			t.Errorf("a number is shown: %s", text)
		}
	}
}

// Ensure that what no country's plan holds, such as a satellite phone, is not taken for
// a mobile, and that a freephone number of all countries is seen as one.
func TestParse_NoCountry(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]contact.LineType{
		870: contact.LineUnknown, 881: contact.LineUnknown, 882: contact.LineUnknown, 883: contact.LineUnknown,
		878: contact.LineUnknown, 979: contact.LineUnknown, 808: contact.LineUnknown, 800: contact.TollFree,
	} {
		example := phonenumbers.GetExampleNumberForNonGeoEntity(code)
		_, line, err := contact.Parse(phonenumbers.Format(example, phonenumbers.E164), "FR")
		if err != nil || !line.Valid || line.Type != want {
			t.Errorf("+%d: a %s, valid %t (%v); want a %s", code, line.Type, line.Valid, err, want)
		}
	}
}

func TestParseE164_Refuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "+", "33639980001", "+0639980001", "+3363998000100000", "+33 639980001", "+33639x80001", "+-3639980001"} {
		if _, err := contact.ParseE164(text); !errors.Is(err, contact.ErrNotNumber) {
			t.Errorf("%q: got %v", text, err)
		}
	}
}

func TestIDKey(t *testing.T) {
	t.Parallel()
	secret := []byte("an identity key of 32 bytes, yes!")[:contact.IDKeySize]
	key, err := contact.NewIDKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	number, _ := contact.ParseE164("+33639980001")
	id := key.ID(number)
	if again := key.ID(number); again != id {
		t.Errorf("the same number has two pseudonyms, %s and %s", id, again)
	}
	text, _ := id.MarshalText()
	var read contact.ID
	if err := read.UnmarshalText(text); err != nil || read != id {
		t.Errorf("read %s back as %s: %v", id, read, err)
	}
	if shown := fmt.Sprintf("%v %+v %x %s", key, key, key, key); strings.Contains(shown, "identity key of") || strings.Contains(shown, "616e20") {
		t.Errorf("the key is shown: %s", shown)
	}
	if _, err := contact.NewIDKey(make([]byte, contact.IDKeySize)); err == nil {
		t.Error("a key of zeros was taken")
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"+33639980001", "06 39 98 00 01", "0033639980001", "O6", "+", ";ext=2", "tel:+1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		number, _, err := contact.Parse(text, "FR")
		if err != nil {
			return
		}
		again, err := contact.ParseE164(number.E164())
		if err != nil || again != number {
			t.Errorf("a number that was read does not read back: %v", err)
		}
	})
}

func BenchmarkIDKey(b *testing.B) {
	key, err := contact.NewIDKey([]byte("an identity key of 32 bytes, yes!")[:contact.IDKeySize])
	if err != nil {
		b.Fatal(err)
	}
	number, err := contact.ParseE164("+33639980001")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		key.ID(number)
	}
}
