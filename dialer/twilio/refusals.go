package twilio

import (
	"context"
	"time"

	"golang.org/x/time/rate"
)

// Whoever sends callbacks that Twilio has not signed must not take the machine from
// those that it has. What is signed is never slowed down, however many there are; what
// is not is answered no faster than this.
const (
	// refusalsPerSecond are answered at most, with so many at once before that.
	refusalsPerSecond, refusalsAtOnce = 200, 1000
	// refusalWait is how long a refusal waits for its turn at most. What would have to
	// wait longer, or finds too many waiting, loses its connection.
	refusalWait     = 2 * time.Second
	refusalsWaiting = 512
)

// refusals spaces the answers to callbacks that are not believed.
type refusals struct {
	limiter *rate.Limiter
	waiting chan struct{}
}

func newRefusals() *refusals {
	return &refusals{rate.NewLimiter(refusalsPerSecond, refusalsAtOnce), make(chan struct{}, refusalsWaiting)}
}

// turn waits for a refusal's turn, and tells whether it has one.
func (r *refusals) turn(ctx context.Context) bool {
	turn := r.limiter.Reserve()
	delay := turn.Delay()
	if delay == 0 {
		return true
	}
	if delay > refusalWait {
		turn.Cancel()
		return false
	}
	select {
	case r.waiting <- struct{}{}:
		defer func() { <-r.waiting }()
	default:
		turn.Cancel()
		return false
	}
	return wait(ctx, delay)
}

// wait waits, and tells whether the whole time passed before the context's end.
func wait(ctx context.Context, span time.Duration) bool {
	timer := time.NewTimer(span)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
