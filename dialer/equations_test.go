package dialer_test

import (
	"fmt"
	"testing"
)

// Ensure that both equations hold at every instant, that the rows add up to the
// counters, and that all campaigns close, whatever happens on the way.
func TestBalance_HoldsAtEveryInstant(t *testing.T) {
	seeds := uint64(2)
	if testing.Short() {
		seeds = 1
	}
	for seed := range seeds {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			p := worldPlan(seed)
			p.people, p.speed = 30, 600
			in(t, p, func(h *house) {
				w := newWorld(h, seed, 4)
				w.afterEach = w.equations
				w.live(h.t)
			})
		})
	}
}
