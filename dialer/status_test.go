package dialer_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hustings/hustings/dialer"
)

var allStatuses = []dialer.CarrierStatus{
	dialer.StatusUnknown, dialer.StatusQueued, dialer.StatusSending, dialer.StatusSent,
	dialer.StatusDelivered, dialer.StatusUndelivered, dialer.StatusFailed, dialer.StatusCanceled,
	dialer.StatusRinging, dialer.StatusAnswered, dialer.StatusAnsweredMachine,
	dialer.StatusCompleted, dialer.StatusCompletedMachine, dialer.StatusBusy, dialer.StatusNoAnswer,
}

// pathOf are the statuses that a text or a call can have one after the other.
var pathOf = map[string][]dialer.CarrierStatus{
	"a text": {dialer.StatusQueued, dialer.StatusSending, dialer.StatusSent, dialer.StatusDelivered},
	"a call": {dialer.StatusQueued, dialer.StatusSending, dialer.StatusRinging, dialer.StatusAnswered, dialer.StatusCompleted},
	"a call to a machine": {
		dialer.StatusQueued, dialer.StatusRinging, dialer.StatusAnswered, dialer.StatusAnsweredMachine, dialer.StatusCompletedMachine,
	},
}

// Ensure that merging never goes back, keeps the first final status, and is
// content with being told twice.
func TestCarrierStatus_Merge(t *testing.T) {
	for _, known := range allStatuses {
		for _, news := range allStatuses {
			merged := known.Merge(news)
			machine := known == dialer.StatusAnsweredMachine && news == dialer.StatusCompleted && merged == dialer.StatusCompletedMachine
			switch {
			case merged != known && merged != news && !machine:
				t.Errorf("%s and %s make %s", known, news, merged)
			case known.Final() && merged != known:
				t.Errorf("%s went back to %s on %s", known, merged, news)
			case merged.Merge(news) != merged || merged.Merge(known) != merged && !merged.Final():
				t.Errorf("%s and %s, told twice, make another", known, news)
			}
		}
	}
}

// Ensure that the order in which statuses that are not final come is all the
// same.
func TestCarrierStatus_Merge_AnyOrder(t *testing.T) {
	names := slices.Sorted(maps.Keys(pathOf))
	rapid.Check(t, func(t *rapid.T) {
		path := pathOf[rapid.SampledFrom(names).Draw(t, "of")]
		updates := rapid.SliceOf(rapid.SampledFrom(path)).Draw(t, "updates")
		var one, other dialer.CarrierStatus
		for _, status := range updates {
			one = one.Merge(status)
		}
		for _, status := range rapid.Permutation(updates).Draw(t, "in another order") {
			other = other.Merge(status)
		}
		if one != other {
			t.Fatalf("%s in one order, %s in another", one, other)
		}
	})
}

// Ensure that each status means the outcome that it says.
func TestCarrierStatus_Outcome(t *testing.T) {
	for status, want := range map[dialer.CarrierStatus]dialer.Outcome{
		dialer.StatusDelivered: dialer.OutcomeDelivered, dialer.StatusUndelivered: dialer.OutcomeUndelivered,
		dialer.StatusFailed: dialer.OutcomeFailed, dialer.StatusCanceled: dialer.OutcomeFailed,
		dialer.StatusCompleted: dialer.OutcomeAnsweredHuman, dialer.StatusCompletedMachine: dialer.OutcomeAnsweredMachine,
		dialer.StatusBusy: dialer.OutcomeBusy, dialer.StatusNoAnswer: dialer.OutcomeNoAnswer,
		dialer.StatusAnswered: dialer.OutcomeUnknown, dialer.StatusSent: dialer.OutcomeUnknown, dialer.CarrierStatus(99): dialer.OutcomeUnknown,
	} {
		if got := status.Outcome(); got != want {
			t.Errorf("%s: %s, want %s", status, got, want)
		}
	}
}

// Ensure that outcomes are read as they are printed, and "none" is none.
func TestParseOutcome(t *testing.T) {
	for outcome := dialer.OutcomeDelivered; outcome <= dialer.OutcomeUnknown; outcome++ {
		if got, err := dialer.ParseOutcome(outcome.String()); got != outcome || err != nil {
			t.Errorf("%s: %s, %v", outcome, got, err)
		}
	}
	for _, name := range []string{"", "none", "Delivered", "lost"} {
		if got, err := dialer.ParseOutcome(name); err == nil {
			t.Errorf("%q: %s", name, got)
		}
	}
}

// Ensure that a report is released after a day of quiet at least, on the daily
// grid, and within two days.
func TestReportDue(t *testing.T) {
	day := func(d, hour, minute int) time.Time { return time.Date(2027, 3, d, hour, minute, 0, 0, time.UTC) }
	for closed, want := range map[time.Time]time.Time{
		day(9, 8, 59): day(10, 9, 0), day(9, 9, 0): day(10, 9, 0), day(9, 9, 1): day(11, 9, 0), day(9, 23, 59): day(11, 9, 0),
		day(31, 12, 0): time.Date(2027, 4, 2, 9, 0, 0, 0, time.UTC),
		time.Date(2027, 3, 9, 23, 0, 0, 0, time.FixedZone("", -10*3600)): day(11, 9, 0),
	} {
		if got := dialer.ReportDue(closed); !got.Equal(want) {
			t.Errorf("closed at %s: due at %s, want %s", closed, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		closed := time.Unix(rapid.Int64Range(1.7e9, 2e9).Draw(t, "closed"), 0)
		if wait := dialer.ReportDue(closed).Sub(closed); wait < 24*time.Hour || wait >= 48*time.Hour {
			t.Fatalf("closed at %s: due after %s", closed, wait)
		}
	})
}
