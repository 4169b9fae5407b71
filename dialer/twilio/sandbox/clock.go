package sandbox

import (
	"fmt"
	"math"
	"sync"
	"time"
)

// Bounds that keep sandbox time within what a time.Duration and RFC 3339 can
// say: at the highest speed ten days of real time still fit.
const (
	maximumSpeed   = 10_000
	maximumAdvance = 366 * 24 * time.Hour
)

// ClockState is all there is to know about a clock: the sandbox instant Start
// was the case at the real instant Anchor, and Speed sandbox seconds pass in a
// real one.
type ClockState struct {
	Start  time.Time `json:"start"`
	Anchor time.Time `json:"anchor"`
	Speed  float64   `json:"speed"`
}

// Clock is the sandbox's own time: start + (real now - anchor) * speed. It never
// goes back. It is safe for concurrent use.
type Clock struct {
	mutex   sync.RWMutex
	start   time.Time
	anchor  time.Time // with a monotonic reading, so that a step of the wall clock does not move us
	speed   float64
	changed chan struct{}
}

// NewClock returns a clock that shows start now and runs at speed. A zero start
// means the real time. It fails if the speed is not above 0 and at most 10,000.
func NewClock(start time.Time, speed float64) (*Clock, error) {
	if err := checkSpeed(speed); err != nil {
		return nil, err
	}
	now := time.Now()
	if start.IsZero() {
		start = now
	}
	return &Clock{start: start.UTC().Round(0), anchor: now, speed: speed, changed: make(chan struct{})}, nil
}

// ResumeClock continues the clock that state describes, as another process left
// it. It shows notBefore or later, even where the real clock was set back in
// between. It fails as NewClock does.
func ResumeClock(state ClockState, notBefore time.Time) (*Clock, error) {
	if err := checkSpeed(state.Speed); err != nil {
		return nil, err
	}
	// The wall clock bridges the gap between two processes; from here on the
	// monotonic one counts.
	start := state.Start.Add(scale(time.Now().Round(0).Sub(state.Anchor), state.Speed))
	if start.Before(notBefore) {
		start = notBefore
	}
	return NewClock(start, state.Speed)
}

func checkSpeed(speed float64) error {
	if !(speed > 0 && speed <= maximumSpeed) {
		return fmt.Errorf("clock speed %v is not above 0 and at most %d", speed, maximumSpeed)
	}
	return nil
}

// scale multiplies without the rounding of a float where there is nothing to
// multiply, and without overflow.
func scale(duration time.Duration, factor float64) time.Duration {
	if factor == 1 {
		return duration
	}
	product := float64(duration) * factor
	if product >= math.MaxInt64 {
		return math.MaxInt64
	}
	if product <= math.MinInt64 {
		return math.MinInt64
	}
	return time.Duration(product)
}

// Now returns the sandbox instant, in UTC.
func (clock *Clock) Now() time.Time {
	clock.mutex.RLock()
	defer clock.mutex.RUnlock()
	return clock.now()
}

// now needs the lock.
func (clock *Clock) now() time.Time {
	return clock.start.Add(scale(time.Since(clock.anchor), clock.speed))
}

// Until returns the real time that passes until the sandbox instant, at the
// present speed. It is zero or negative once the instant has come. After the
// returned time Now is not before the instant.
func (clock *Clock) Until(instant time.Time) time.Duration {
	clock.mutex.RLock()
	defer clock.mutex.RUnlock()
	remaining := instant.Sub(clock.now())
	if remaining <= 0 || clock.speed == 1 {
		return remaining
	}
	// One nanosecond more, so that rounding never wakes anybody too early.
	return scale(remaining, 1/clock.speed) + 1
}

// Advance moves the clock forward by a duration of sandbox time. It fails if the
// duration is not positive, as time never goes back, or longer than 366 days.
func (clock *Clock) Advance(duration time.Duration) error {
	if duration <= 0 {
		return fmt.Errorf("advance clock by %v: time never goes back", duration)
	}
	if duration > maximumAdvance {
		return fmt.Errorf("advance clock by %v: longer than %v", duration, maximumAdvance)
	}
	clock.change(func() { clock.start = clock.start.Add(duration) })
	return nil
}

// SetSpeed changes the speed from now on. It fails as NewClock does.
func (clock *Clock) SetSpeed(speed float64) error {
	if err := checkSpeed(speed); err != nil {
		return err
	}
	clock.change(func() { clock.speed = speed })
	return nil
}

// change anchors the clock at this instant, applies the change, and wakes those
// who wait.
func (clock *Clock) change(apply func()) {
	clock.mutex.Lock()
	defer clock.mutex.Unlock()
	now := time.Now()
	clock.start = clock.start.Add(scale(now.Sub(clock.anchor), clock.speed))
	clock.anchor = now
	apply()
	close(clock.changed)
	clock.changed = make(chan struct{})
}

// State returns what another process needs to follow this clock.
func (clock *Clock) State() ClockState {
	clock.mutex.RLock()
	defer clock.mutex.RUnlock()
	return ClockState{Start: clock.start, Anchor: clock.anchor.UTC().Round(0), Speed: clock.speed}
}

// Changed returns a channel that is closed when the speed changes or the clock
// is advanced. Take it before asking for Until, or a change can be missed.
func (clock *Clock) Changed() <-chan struct{} {
	clock.mutex.RLock()
	defer clock.mutex.RUnlock()
	return clock.changed
}
