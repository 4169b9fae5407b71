package dialer_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/hustings/hustings/dialer"
)

// FuzzMoney ensures that an amount is exact: what is read is written as the same
// amount, with no more decimals than it has, and nothing is read twice.
func FuzzMoney(f *testing.F) {
	for _, text := range []string{"250", "250.00", "0.0451", "000.5", ".5", "5.", "-1", "+1", "1e9", "1.0000001", "999999999999.999999", "9223372036854.775807", "1 2", "٣"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var m dialer.Money
		if m.UnmarshalText([]byte(text)) != nil {
			return
		}
		if m < 0 || strings.Trim(text, "0123456789.") != "" {
			t.Fatalf("%q is read as %d", text, int64(m))
		}
		var again, inJSON dialer.Money
		if err := again.UnmarshalText([]byte(m.String())); err != nil || again != m {
			t.Errorf("%q is %s, which is read as %s, %v", text, m, again, err)
		}
		written, err := json.Marshal(m)
		if err != nil || json.Unmarshal(written, &inJSON) != nil || inJSON != m {
			t.Errorf("%s is %s in JSON, which is read as %s", m, written, inJSON)
		}
		whole, _, _ := strings.Cut(text, ".")
		if digits := strings.TrimLeft(whole, "0"); len(digits) > 12 || math.MaxInt64-m < 0 {
			t.Errorf("%q is too much to be exact", text)
		}
	})
}

// FuzzDuration ensures that a duration is read as it is written.
func FuzzDuration(f *testing.F) {
	for _, text := range []string{"24h", "90m", "1h30m", "-5s", "1.5h", "1d", "", "9223372036854775807ns", "1h1h"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var d, again dialer.Duration
		if d.UnmarshalText([]byte(text)) != nil {
			return
		}
		written, err := d.MarshalText()
		if err != nil || again.UnmarshalText(written) != nil || again != d {
			t.Errorf("%q is written as %s, which is read as %s", text, written, time.Duration(again))
		}
	})
}

// FuzzMeasureText ensures that a text has as many segments as its characters
// need: at least what fits, and never fewer for a longer text.
func FuzzMeasureText(f *testing.F) {
	for _, text := range []string{"", "STOP", strings.Repeat("a", 161), strings.Repeat("€", 81), strings.Repeat("é", 160), "“", strings.Repeat("🛑", 36), "\xff"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		size := dialer.MeasureText(text)
		units := len([]rune(text))
		if least := (units + 159) / 160; size.Segments < max(1, least) || size.Segments > 1+2*units/67+units/60 {
			t.Errorf("%d characters take %d segments", units, size.Segments)
		}
		if longer := dialer.MeasureText(text + "a"); longer.Segments < size.Segments {
			t.Errorf("%d segments, and %d with one character more", size.Segments, longer.Segments)
		}
		// NUL is the one character that Odd cannot name.
		if (size.Encoding == "UCS-2") != (size.Odd != 0) && !strings.ContainsRune(text, 0) {
			t.Errorf("%s with the odd character %q", size.Encoding, size.Odd)
		}
	})
}
