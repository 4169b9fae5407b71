package main

import (
	"testing"
	"testing/synctest"
	"time"
)

// Ensure that the time that is left goes by what was done since the beginning, and
// that nothing is said where nobody can tell.
func TestETA(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var build eta
		if got := build.text(1000, 5000); got != "" {
			t.Errorf("at the first look: %q", got)
		}
		<-time.After(10 * time.Second)
		for _, test := range []struct {
			done, all float64
			want      string
		}{{1000, 5000, ""}, {2000, 5000, ", 30s left"}, {3000, 5000, ", 10s left"}, {5000, 5000, ", 0s left"}, {5000, -1, ""}} {
			if got := build.text(test.done, test.all); got != test.want {
				t.Errorf("%v of %v: %q, want %q", test.done, test.all, got, test.want)
			}
		}
	})
}
