package dialer_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/hustings/hustings/dialer"
)

// Ensure that texts are measured as carriers do, on both sides of each bound.
func TestMeasureText(t *testing.T) {
	a := func(n int) string { return strings.Repeat("a", n) }
	for name, test := range map[string]struct {
		text string
		want dialer.TextSize
	}{
		"empty":                    {"", dialer.TextSize{Encoding: "GSM-7", Segments: 1}},
		"one full segment":         {a(160), dialer.TextSize{Encoding: "GSM-7", Segments: 1}},
		"one more":                 {a(161), dialer.TextSize{Encoding: "GSM-7", Segments: 2}},
		"two full ones":            {a(306), dialer.TextSize{Encoding: "GSM-7", Segments: 2}},
		"three":                    {a(307), dialer.TextSize{Encoding: "GSM-7", Segments: 3}},
		"French that GSM-7 has":    {"é è à ù É Ç", dialer.TextSize{Encoding: "GSM-7", Segments: 1}},
		"French that it has not":   {"fête", dialer.TextSize{Encoding: "UCS-2", Segments: 1, Odd: 'ê'}},
		"a small c with cedilla":   {"ça", dialer.TextSize{Encoding: "UCS-2", Segments: 1, Odd: 'ç'}},
		"a typographic quote":      {"l’élu", dialer.TextSize{Encoding: "UCS-2", Segments: 1, Odd: '’'}},
		"a euro counts twice":      {a(158) + "€", dialer.TextSize{Encoding: "GSM-7", Segments: 1}},
		"and so fills the segment": {a(159) + "€", dialer.TextSize{Encoding: "GSM-7", Segments: 2}},
		"an escape is not split":   {a(152) + "€" + a(152), dialer.TextSize{Encoding: "GSM-7", Segments: 3}},
		"seventy":                  {strings.Repeat("ê", 70), dialer.TextSize{Encoding: "UCS-2", Segments: 1, Odd: 'ê'}},
		"seventy-one":              {strings.Repeat("ê", 71), dialer.TextSize{Encoding: "UCS-2", Segments: 2, Odd: 'ê'}},
		"two of 67":                {strings.Repeat("ê", 134), dialer.TextSize{Encoding: "UCS-2", Segments: 2, Odd: 'ê'}},
		"a pair is not split":      {strings.Repeat("ê", 66) + "😀" + strings.Repeat("ê", 66), dialer.TextSize{Encoding: "UCS-2", Segments: 3, Odd: 'ê'}},
		"a letter and its accent":  {strings.Repeat("ê", 66) + "e\u0301" + strings.Repeat("ê", 66), dialer.TextSize{Encoding: "UCS-2", Segments: 3, Odd: 'ê'}},
		"a family of emoji":        {strings.Repeat("ê", 60) + "👨‍👩‍👧‍👦" + strings.Repeat("ê", 60), dialer.TextSize{Encoding: "UCS-2", Segments: 3, Odd: 'ê'}},
		"a line's end is split":    {strings.Repeat("ê", 66) + "\r\n" + strings.Repeat("ê", 66), dialer.TextSize{Encoding: "UCS-2", Segments: 2, Odd: 'ê'}},
		"more accents than fit":    {"e" + strings.Repeat("\u0301", 134), dialer.TextSize{Encoding: "UCS-2", Segments: 3, Odd: '\u0301'}},
		"a bracket in UCS-2":       {strings.Repeat("[", 69) + "ê", dialer.TextSize{Encoding: "UCS-2", Segments: 1, Odd: 'ê'}},
		"35 pairs":                 {strings.Repeat("😀", 35), dialer.TextSize{Encoding: "UCS-2", Segments: 1, Odd: '😀'}},
	} {
		if got := dialer.MeasureText(test.text); got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
}

// Ensure that a longer text never takes fewer segments.
func TestMeasureText_Grows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, more := rapid.String().Draw(t, "text"), rapid.String().Draw(t, "more")
		if dialer.MeasureText(text).Segments > dialer.MeasureText(text+more).Segments {
			t.Fatalf("%q takes more segments than with %q behind it", text, more)
		}
	})
}

// Ensure that amounts are read from their digits, exactly, and nothing else is.
func TestMoney_UnmarshalText(t *testing.T) {
	for text, want := range map[string]dialer.Money{
		"0": 0, "250": 250_000_000, "250.00": 250_000_000, "0.0725": 72_500, "0.000001": 1, "007.5": 7_500_000, "5.": 5_000_000,
		"999999999999.999999": 999_999_999_999_999_999,
	} {
		var got dialer.Money
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%q: %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", ".", ".5", "-1", "+1", "1e3", "1,5", " 1", "1 ", "1 2", "0x10", "0.0000001", "1.2.3", "1000000000000", "١", "null", "1_000", "NaN"} {
		var got dialer.Money
		if err := got.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was read as %s", text, got)
		}
	}
}

// Ensure that an amount is read as it was printed, with two decimals at least.
func TestMoney_String(t *testing.T) {
	for amount, want := range map[dialer.Money]string{0: "0.00", 1: "0.000001", 72_500: "0.0725", 250_000_000: "250.00", -1_500_000: "-1.50", 100: "0.0001"} {
		if got := amount.String(); got != want {
			t.Errorf("%d: %s, want %s", int64(amount), got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		want := dialer.Money(rapid.Int64Range(0, 999_999_999_999_999_999).Draw(t, "amount"))
		var got dialer.Money
		if err := got.UnmarshalText([]byte(want.String())); err != nil || got != want {
			t.Fatalf("%s was read as %d, %v, want %d", want, got, err, want)
		}
	})
}
