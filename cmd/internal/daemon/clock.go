package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/hustings/hustings/dialer/twilio/sandbox"
)

// insideClock is the embedded sandbox's time.
type insideClock struct{ *sandbox.Clock }

// Span returns how much sandbox time passes in a real duration.
func (c insideClock) Span(real time.Duration) time.Duration { return scaled(real, c.State().Speed) }

func scaled(real time.Duration, speed float64) time.Duration {
	return time.Duration(float64(real) * speed)
}

// outsideClock is the time of a sandbox in another process on this machine. It
// is asked again and again, since somebody may have moved it.
type outsideClock struct {
	address string
	state   atomic.Pointer[sandbox.ClockState]
	latest  atomic.Int64
}

func newOutsideClock(base string) (*outsideClock, error) {
	address, err := url.JoinPath(base, "sandbox", "clock")
	if err != nil {
		return nil, fmt.Errorf("sandbox address: %w", err)
	}
	c := &outsideClock{address: address}
	if err := c.ask(context.Background()); err != nil {
		return nil, fmt.Errorf("ask the SANDBOX carrier for its time: %w", err)
	}
	return c, nil
}

// Now returns the sandbox's time. It never goes back.
func (c *outsideClock) Now() time.Time {
	state := c.state.Load()
	now := state.Start.Add(scaled(time.Since(state.Anchor), state.Speed)).UnixNano()
	for {
		latest := c.latest.Load()
		if now <= latest {
			return time.Unix(0, latest)
		}
		if c.latest.CompareAndSwap(latest, now) {
			return time.Unix(0, now)
		}
	}
}

// Span returns how much sandbox time passes in a real duration.
func (c *outsideClock) Span(real time.Duration) time.Duration {
	return scaled(real, c.state.Load().Speed)
}

func (c *outsideClock) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.address, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	state := new(sandbox.ClockState)
	if err := json.NewDecoder(response.Body).Decode(state); err != nil {
		return fmt.Errorf("read the clock: %w", err)
	}
	if state.Speed <= 0 {
		return fmt.Errorf("the clock has speed %v", state.Speed)
	}
	c.state.Store(state)
	return nil
}

// follow keeps the time of an outside sandbox. One that does not answer is no
// reason to stop: its clock runs on as it was.
func (c *carrier) follow(ctx context.Context) error {
	if c.outer == nil {
		<-ctx.Done()
		return nil
	}
	return everyReal(ctx, 100*time.Millisecond, func() error {
		_ = c.outer.ask(ctx)
		return nil
	})
}
