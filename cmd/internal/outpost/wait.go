package outpost

import (
	"testing"
	"time"
)

// Limit is how long is waited for what must happen; it only passes where
// something is broken.
const Limit = 60 * time.Second

const glance = 20 * time.Millisecond

// Eventually waits until the condition holds.
func Eventually(tb testing.TB, what string, condition func() bool) {
	tb.Helper()
	if !Within(Limit, condition) {
		tb.Fatalf("%v have passed, and still not: %s", Limit, what)
	}
}

// Within tells whether the condition comes to hold within the span.
func Within(span time.Duration, condition func() bool) bool {
	deadline := time.NewTimer(span)
	defer deadline.Stop()
	ticker := time.NewTicker(glance)
	defer ticker.Stop()
	for !condition() {
		select {
		case <-ticker.C:
		case <-deadline.C:
			return false
		}
	}
	return true
}

// Steadily watches that the condition holds all the while.
func Steadily(tb testing.TB, span time.Duration, what string, condition func() bool) {
	tb.Helper()
	if Within(span, func() bool { return !condition() }) {
		tb.Fatalf("no longer: %s", what)
	}
}
