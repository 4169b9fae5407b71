package intake

import (
	"strings"
	"testing"
	"time"
)

// Ensure that instants read as people write them, in the list's own zone.
func TestParseInstant(t *testing.T) {
	t.Parallel()
	paris := time.FixedZone("Paris in summer", 2*60*60)
	tests := []struct{ text, want string }{
		{"2026-09-01T10:00:00+02:00", "2026-09-01T08:00:00Z"},
		{"2026-09-01T08:00:00.25Z", "2026-09-01T08:00:00.25Z"},
		{"2026-09-01 10:00:00", "2026-09-01T08:00:00Z"},
		{"2026-09-01T10:00:00", "2026-09-01T08:00:00Z"},
		{"2026-09-01 10:00", "2026-09-01T08:00:00Z"},
		{"2026-09-01", "2026-08-31T22:00:00Z"},
		{"01/09/2026", "2026-08-31T22:00:00Z"},
		{"01/09/2026 10:00:00", "2026-09-01T08:00:00Z"},
		{"01/09/2026 10:00", "2026-09-01T08:00:00Z"},
		{"", ""},
		{"09/31/2026", ""},
		{"31/09/2026", ""},
		{"1/9/2026", ""},
		{"01/09/26", ""},
		{"0206-09-01", ""},
		{"2026-09-01T10:00:00 02:00", ""},
		{"2026-13-01", ""},
		{"2026-02-29", ""},
		{"0639980001", ""},
		{"9999-01-01T00:00:00Z", ""},
	}
	for _, test := range tests {
		got, err := ParseInstant(test.text, paris)
		if text := got.UTC().Format(time.RFC3339Nano); (err == nil) != (test.want != "") || (err == nil && text != test.want) {
			t.Errorf("%q: got %s, %v; want %q", test.text, text, err, test.want)
		}
		if err != nil && test.text != "" && strings.Contains(err.Error(), test.text) {
			t.Errorf("%q: the error shows it: %v", test.text, err)
		}
	}
}

// Ensure that a date is read the day first, and never guessed.
func TestParseDate(t *testing.T) {
	t.Parallel()
	tests := []struct{ text, want string }{
		{"2026-09-01", "2026-09-01"},
		{"01/09/2026", "2026-09-01"},
		{"31/12/1999", "1999-12-31"},
		{"", ""},
		{"12/31/1999", ""},
		{"1/9/2026", ""},
		{"2026-9-1", ""},
		{"2026-09-01T00:00:00Z", ""},
		{"01/01/1899", ""},
	}
	for _, test := range tests {
		got, err := ParseDate(test.text)
		if text := got.Format(time.DateOnly); (err == nil) != (test.want != "") || (err == nil && text != test.want) {
			t.Errorf("%q: got %s, %v; want %q", test.text, text, err, test.want)
		}
	}
}

// Ensure that yes and no are read in both languages, and nothing is taken for
// either.
func TestParseBool(t *testing.T) {
	t.Parallel()
	tests := map[string][]string{
		"yes": {"true", "TRUE", "oui", "Oui", "yes", "vrai", "1"},
		"no":  {"false", "non", "NON", "no", "faux", "0"},
		"":    {"", "2", "o", "n", "ouiii", "-", "null"},
	}
	for want, texts := range tests {
		for _, text := range texts {
			if got, err := ParseBool(text); (err != nil) != (want == "") || got != (want == "yes") {
				t.Errorf("%q: got %t, %v; want %q", text, got, err, want)
			}
		}
	}
}

// Ensure that a shape tells enough to mend a field and shows none of it.
func TestShape(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"": "empty", "7": "1 digit", "06 39 98 00 01": "10 digits", "+33639980001": "11 digits",
		"unknown": "7 characters, 7 letters", "06399800O1": "10 characters, 1 letter", "--": "2 characters, no letters or digits",
		"é": "1 character, 1 letter",
	}
	for text, want := range tests {
		if got := Shape(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
