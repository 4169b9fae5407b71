package dialer

import (
	"math"
	"testing"
	"time"
)

// stillClock stands where it is put, and runs at a speed for spans.
type stillClock struct {
	now   time.Time
	speed int
}

func (c *stillClock) Now() time.Time                        { return c.now }
func (c *stillClock) Span(real time.Duration) time.Duration { return real * time.Duration(c.speed) }

// Ensure that over any time no more is granted than the rate and one grain of
// it, however often one asks, and that little is lost.
func TestPacer_Rate(t *testing.T) {
	for name, test := range map[string]struct {
		rate     float64
		segments int
		step     time.Duration
	}{
		"asked all the time": {10, 1, time.Millisecond},
		"asked seldom":       {10, 1, 250 * time.Millisecond},
		"long texts":         {10, 6, 7 * time.Millisecond},
		"a fast sender":      {1000, 2, time.Millisecond},
		"a slow sender":      {0.1, 1, 100 * time.Millisecond},
	} {
		clock := &stillClock{now: someInstant, speed: 1}
		p := newPacer(clock)
		sender := Sender{ID: "X", SegmentsPerSecond: test.rate}
		var granted int
		const over = 100 * time.Second
		for ; clock.now.Before(someInstant.Add(over)); clock.now = clock.now.Add(test.step) {
			for {
				wait, ok := p.grant(sender, test.segments, clock.now)
				if !ok {
					if wait <= 0 {
						t.Fatalf("%s: refused for no time", name)
					}
					break
				}
				granted += test.segments
			}
		}
		most := test.rate*(over+grain).Seconds() + float64(test.segments)
		// As many whole messages as a second has room for.
		each := max(math.Floor(test.rate/float64(test.segments)), min(1, test.rate)) * float64(test.segments)
		least := min(each*over.Seconds(), over.Seconds()/test.step.Seconds())*0.9 - float64(test.segments)
		if float64(granted) > most || float64(granted) < least {
			t.Errorf("%s: %d segments in %s, want %.0f to %.0f", name, granted, over, least, most)
		}
	}
}

// Ensure that forecasts reckon with the rate that long texts really get.
func TestSender_RateFor(t *testing.T) {
	for segments, want := range map[int]float64{1: 10, 2: 10, 3: 9, 4: 8, 6: 6, 12: 10} {
		sender := Sender{ID: "S", SegmentsPerSecond: 10}
		if got := sender.rateFor(segments); got != want {
			t.Errorf("%d segments: %.1f a second, want %.1f", segments, got, want)
		}
		p, granted := newPacer(&stillClock{now: someInstant, speed: 1}), 0
		for now := someInstant; now.Before(someInstant.Add(120 * time.Second)); now = now.Add(5 * time.Millisecond) {
			if _, ok := p.grant(sender, segments, now); ok {
				granted += segments
			}
		}
		if real := float64(granted) / 120; real < want*0.97 || real > want*1.03 {
			t.Errorf("%d segments: %.2f a second were granted, want %.1f", segments, real, want)
		}
	}
}

// Ensure that a sender who rests is silent, that others are not, and that a
// shorter rest does not end a longer one.
func TestPacer_Rest(t *testing.T) {
	clock := &stillClock{now: someInstant, speed: 1}
	p := newPacer(clock)
	one, other := Sender{ID: "A", SegmentsPerSecond: 10}, Sender{ID: "B", SegmentsPerSecond: 10}
	p.rest(one, clock.now, 20*time.Second)
	p.rest(one, clock.now, time.Second)
	if wait, ok := p.grant(one, 1, clock.now.Add(19*time.Second)); ok || wait != time.Second {
		t.Errorf("the sender that rests: %s, %t", wait, ok)
	}
	if _, ok := p.grant(other, 1, clock.now); !ok {
		t.Error("another sender rests, too")
	}
	if _, ok := p.grant(one, 1, clock.now.Add(20*time.Second)); !ok {
		t.Error("the sender rests for ever")
	}
}

// Ensure that the breaker opens after a row of faults, lets one probe through at
// a time, waits longer and longer up to a bound, and closes with an answer.
func TestBreaker(t *testing.T) {
	var b breaker
	span := func(real time.Duration) time.Duration { return 10 * real } // a fast clock
	now := someInstant
	for i := range breakerFaults - 1 {
		if opened, _ := b.note(true, now, span); opened || b.wait(now) != 0 {
			t.Fatalf("open after %d faults", i+1)
		}
	}
	if _, closed := b.note(false, now, span); closed || b.faults != 0 {
		t.Fatal("an answer between the faults does not count")
	}
	for range breakerFaults {
		b.note(true, now, span)
	}
	want := breakerFirstWait
	for probe := range 12 {
		if got := b.wait(now); got != span(want) {
			t.Fatalf("probe %d: wait %s, want %s", probe, got, span(want))
		}
		now = now.Add(span(want))
		if b.wait(now) != 0 {
			t.Fatalf("probe %d is not let through", probe)
		}
		if b.wait(now) == 0 {
			t.Fatalf("two probes at once")
		}
		if opened, closed := b.note(true, now, span); opened || closed {
			t.Fatalf("probe %d: opened %t, closed %t", probe, opened, closed)
		}
		want = min(2*want, breakerLongest)
	}
	now = now.Add(span(breakerLongest))
	if b.wait(now) != 0 {
		t.Fatal("the last probe is not let through")
	}
	b.spared()
	if b.wait(now) != 0 {
		t.Fatal("a probe that was not sent is not made up for")
	}
	if _, closed := b.note(false, now, span); !closed || b.wait(now) != 0 {
		t.Error("an answer does not close the breaker")
	}
}

// Ensure that requests which were in flight when the breaker opened say nothing
// about later: only a probe that fails makes the wait longer, however many fail
// at once.
func TestBreaker_InFlight(t *testing.T) {
	var b breaker
	span := func(real time.Duration) time.Duration { return real }
	now := someInstant
	for range 64 {
		b.note(true, now, span)
	}
	if got := b.wait(now); got != breakerFirstWait {
		t.Errorf("64 requests have failed at once: the first probe comes after %s, want %s", got, breakerFirstWait)
	}
}
