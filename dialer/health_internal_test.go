package dialer

import (
	"testing"
	"time"
)

// Ensure that a sender is rested where carriers filter it or hardly anything
// arrives, and not by chance, by what is long past, or for another sender.
func TestHealth(t *testing.T) {
	for name, test := range map[string]struct {
		texts    int
		filtered int // every so many
		failed   int
		spread   time.Duration
		want     bool
	}{
		"all is well":             {1000, 0, 20, time.Minute, false},
		"filtered":                {1000, 30, 0, time.Minute, true},
		"a little is filtered":    {1000, 60, 0, time.Minute, false},
		"few, and all filtered":   {9, 1, 1, time.Minute, false},
		"most do not arrive":      {200, 0, 1, time.Minute, true},
		"few, and none arrives":   {99, 0, 1, time.Minute, false},
		"as bad, over many hours": {60, 2, 2, 20 * time.Hour, false},
	} {
		h, rested := newHealth(), false
		for i := range test.texts {
			now := someInstant.Add(test.spread * time.Duration(i) / time.Duration(test.texts))
			filtered := test.filtered > 0 && i%test.filtered == 0
			failed := filtered || (test.failed > 0 && i%test.failed == 0)
			if h.note("S", failed, filtered, now) {
				rested = true
				if wait := h.rests("S", now); wait != senderRest {
					t.Errorf("%s: rests for %s", name, wait)
				}
			}
		}
		if rested != test.want {
			t.Errorf("%s: rested %t, want %t", name, rested, test.want)
		}
		if h.rests("other", someInstant) > 0 || h.rests("S", someInstant.Add(48*time.Hour)) > 0 {
			t.Errorf("%s: another sender rests, or this one for ever", name)
		}
	}
}

// Ensure that a sender that rests gets no capacity, and others do.
func TestPacer_SenderRests(t *testing.T) {
	clock := &stillClock{now: someInstant, speed: 1}
	p := newPacer(clock)
	for range failedOutcomes {
		p.health.note("A", true, false, clock.now)
	}
	if wait, ok := p.grant(Sender{ID: "A", SegmentsPerSecond: 10}, 1, clock.now.Add(time.Minute)); ok || wait != senderRest-time.Minute {
		t.Errorf("the ill sender: %s, %t", wait, ok)
	}
	if _, ok := p.grant(Sender{ID: "B", SegmentsPerSecond: 10}, 1, clock.now); !ok {
		t.Error("another sender rests, too")
	}
	if _, ok := p.grant(Sender{ID: "A", SegmentsPerSecond: 10}, 1, clock.now.Add(senderRest)); !ok {
		t.Error("the sender rests for ever")
	}
}
