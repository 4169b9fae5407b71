package dialer

import "time"

// Clock tells the time that campaigns live in. With a real carrier it is the
// wall clock. A sandbox may live faster, so that an election week passes while
// one watches; then Span says how much of that time passes while the machine
// works for a real duration.
type Clock interface {
	Now() time.Time
	Span(real time.Duration) time.Duration
}

// WallClock is the clock of a real carrier.
type WallClock struct{}

// Now returns the present instant.
func (WallClock) Now() time.Time { return time.Now() }

// Span returns real: a second is a second.
func (WallClock) Span(real time.Duration) time.Duration { return real }
