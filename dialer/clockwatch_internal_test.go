package dialer

import (
	"testing"
	"time"
)

// Ensure that a date proves what it can, and no more: it is told to the second,
// and was read at some instant while the answer was under way.
func TestCarrierDate_Compare(t *testing.T) {
	second := someInstant.Truncate(time.Second)
	for name, test := range map[string]struct {
		ahead         time.Duration // the carrier's date, of the instant of asking
		took          time.Duration
		apart, agrees bool
	}{
		"the same":                     {0, 100 * time.Millisecond, false, true},
		"a little ahead":               {3 * time.Second, time.Second, false, true},
		"a little behind":              {-3 * time.Second, time.Second, false, true},
		"at the bound":                 {5 * time.Second, 0, false, false}, // or up to a second beyond
		"ahead":                        {7 * time.Second, time.Second, true, false},
		"behind":                       {-7 * time.Second, time.Second, true, false},
		"years ahead":                  {100_000 * time.Hour, time.Second, true, false},
		"years behind":                 {-100_000 * time.Hour, time.Second, true, false},
		"a slow answer":                {0, 9 * time.Second, false, false},
		"a slow answer, perhaps ahead": {7 * time.Second, 9 * time.Second, false, false},
		"a slow answer, surely ahead":  {15 * time.Second, 9 * time.Second, true, false},
		"our clock was set meanwhile":  {0, time.Hour, false, false},
		"it was set back meanwhile":    {0, -time.Hour, true, false},
	} {
		date := CarrierDate{Date: second.Add(test.ahead), Asked: second, Answered: second.Add(test.took)}
		apart, agrees := date.compare()
		if (apart != 0) != test.apart || agrees != test.agrees {
			t.Errorf("%s: apart %s, agrees %v", name, apart, agrees)
		}
		if apart != 0 && test.took >= 0 && (apart > 0) != (test.ahead > 0) {
			t.Errorf("%s: apart %s", name, apart)
		}
	}
}
