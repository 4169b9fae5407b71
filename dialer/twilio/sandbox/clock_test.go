package sandbox

import (
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var monday = time.Date(2027, 4, 5, 8, 0, 0, 0, time.UTC)

func mustClock(t testing.TB, start time.Time, speed float64) *Clock {
	t.Helper()
	clock, err := NewClock(start, speed)
	if err != nil {
		t.Fatal(err)
	}
	return clock
}

func TestClock_Now(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		speed  float64
		change func(*Clock) error
		pass   time.Duration
		want   time.Duration // since the start
	}{
		{"real speed", 1, nil, time.Hour, time.Hour},
		{"fast", 60, nil, time.Minute, time.Hour},
		{"slow", 0.5, nil, time.Hour, 30 * time.Minute},
		{"advanced", 1, func(clock *Clock) error { return clock.Advance(36 * time.Hour) }, time.Second, 36*time.Hour + time.Second},
		{"another speed", 1, func(clock *Clock) error { return clock.SetSpeed(10) }, time.Minute, 10 * time.Minute},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				clock := mustClock(t, monday, test.speed)
				if test.change != nil {
					if err := test.change(clock); err != nil {
						t.Fatal(err)
					}
				}
				<-time.After(test.pass)
				if got := clock.Now().Sub(monday); got != test.want {
					t.Errorf("passed %v, want %v", got, test.want)
				}
			})
		})
	}
}

func TestClock_ZeroStartIsRealTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		clock := mustClock(t, time.Time{}, 1)
		<-time.After(time.Minute)
		if got := clock.Now(); !got.Equal(time.Now()) {
			t.Errorf("shows %v, real time is %v", got, time.Now())
		}
	})
}

// Ensure that whoever waits for what Until says finds the instant come.
func TestClock_Until(t *testing.T) {
	t.Parallel()
	for _, speed := range []float64{0.3, 1, 3, 7, 1000, 9999} {
		synctest.Test(t, func(t *testing.T) {
			clock := mustClock(t, monday, speed)
			for _, ahead := range []time.Duration{1, time.Microsecond + 1, time.Second, 36*time.Hour + 7} {
				instant := clock.Now().Add(ahead)
				<-time.After(clock.Until(instant))
				now := clock.Now()
				if now.Before(instant) {
					t.Errorf("speed %v: woke %v too early", speed, instant.Sub(now))
				}
				if late := now.Sub(instant); late > time.Duration(2*speed)+time.Microsecond {
					t.Errorf("speed %v: woke %v too late", speed, late)
				}
				if clock.Until(instant) > 0 {
					t.Errorf("speed %v: an instant that has come is still ahead", speed)
				}
			}
		})
	}
}

func TestClock_Refuses(t *testing.T) {
	t.Parallel()
	clock := mustClock(t, monday, 1)
	for _, speed := range []float64{0, -1, math.NaN(), math.Inf(1), maximumSpeed + 1} {
		if _, err := NewClock(monday, speed); err == nil {
			t.Errorf("NewClock took speed %v", speed)
		}
		if err := clock.SetSpeed(speed); err == nil {
			t.Errorf("SetSpeed took %v", speed)
		}
	}
	for _, duration := range []time.Duration{0, -time.Hour, maximumAdvance + 1} {
		if err := clock.Advance(duration); err == nil {
			t.Errorf("Advance took %v", duration)
		}
	}
}

// Ensure that time never goes back while others change the clock.
func TestClock_NeverGoesBack(t *testing.T) {
	t.Parallel()
	clock := mustClock(t, monday, 1)
	var readers, writers sync.WaitGroup
	done := make(chan struct{})
	for range 4 {
		readers.Go(func() {
			for last := clock.Now(); ; {
				select {
				case <-done:
					return
				default:
				}
				now := clock.Now()
				if now.Before(last) {
					t.Errorf("went back by %v", last.Sub(now))
					return
				}
				last = now
			}
		})
	}
	for _, speed := range []float64{5000, 0.01} {
		writers.Go(func() {
			for range 200 {
				if clock.SetSpeed(speed) != nil || clock.Advance(time.Millisecond) != nil {
					t.Error("a change was refused")
				}
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
}

func TestResumeClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		first := mustClock(t, monday, 60)
		<-time.After(time.Minute)
		state := first.State()
		<-time.After(time.Minute) // nobody runs
		second, err := ResumeClock(state, monday)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := second.Now(), first.Now(); !got.Equal(want) {
			t.Errorf("resumed at %v, want %v", got, want)
		}
		// The machine's clock was set back in between.
		state.Anchor = state.Anchor.Add(24 * time.Hour)
		third, err := ResumeClock(state, monday.Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		if got := third.Now(); got.Before(monday.Add(time.Hour)) {
			t.Errorf("resumed at %v, before the last record", got)
		}
	})
}

// Ensure that the state alone lets another process follow the clock.
func TestClock_State(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		clock := mustClock(t, monday, 3)
		<-time.After(time.Minute)
		if err := clock.SetSpeed(60); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Minute)
		state := clock.State()
		followed := state.Start.Add(time.Duration(float64(time.Now().Round(0).Sub(state.Anchor)) * state.Speed))
		if !followed.Equal(clock.Now()) {
			t.Errorf("followed to %v, clock shows %v", followed, clock.Now())
		}
	})
}
