package dialer

import (
	"testing"
	"time"
)

func TestOtherDayPart(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	at := func(day, hour, minute int) time.Time { return time.Date(2027, 3, day, hour, minute, 0, 0, zone) }
	for name, test := range map[string]struct{ before, again, want time.Time }{
		"another part already":     {at(9, 9, 0), at(10, 14, 0), at(10, 14, 0)},
		"morning":                  {at(9, 9, 0), at(10, 9, 30), at(10, 12, 0)},
		"afternoon":                {at(9, 12, 0), at(9, 16, 59), at(9, 17, 0)},
		"evening":                  {at(9, 17, 0), at(10, 18, 0), at(11, 0, 0)},
		"the night clocks are set": {at(26, 18, 0), at(27, 19, 0), at(28, 0, 0)},
	} {
		if got := otherDayPart(test.before, test.again, zone); !got.Equal(test.want) {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

// Ensure that an outcome's own rule counts in the place of the general one, and
// that no outcome which may not be tried again gets a rule.
func TestJobRetry(t *testing.T) {
	hour := Duration(time.Hour)
	retry := JobRetry{Maximum: 3, After: 24 * hour, On: []string{"undelivered", "failed"}, Outcomes: map[string]RetryRule{
		"failed": {Maximum: 1, After: hour, OtherDayPart: true}, "busy": {Maximum: 2, After: hour},
	}}
	if faults := retry.validate(); len(faults) != 0 || !retry.any() {
		t.Errorf("faults %v", faults)
	}
	for outcome, want := range map[Outcome]RetryRule{
		OutcomeUndelivered: {3, 24 * hour, false}, OutcomeFailed: {1, hour, true}, OutcomeBusy: {2, hour, false}, OutcomeNoAnswer: {},
	} {
		if got := retry.after(outcome); got != want {
			t.Errorf("after %s: %+v, want %+v", outcome, got, want)
		}
	}
	wrong := JobRetry{Outcomes: map[string]RetryRule{
		"unknown": {Maximum: 1, After: hour}, "delivered": {Maximum: 1, After: hour}, "failed": {Maximum: 11, After: hour}, "busy": {Maximum: 1},
	}}
	if faults := wrong.validate(); len(faults) != 4 {
		t.Errorf("faults %v, want 4", faults)
	}
}
