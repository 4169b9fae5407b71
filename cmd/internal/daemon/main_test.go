package daemon

import (
	"context"
	"flag"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hustings/hustings/dialer/twilio/sandbox"
)

// playRole has the test binary play a part in a process of its own, so that it
// can be killed.
const playRole = "HUSTINGS_PLAY_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(playRole) {
	case "daemon":
		os.Exit(Main(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
	case mortalRole:
		os.Exit(mortalDaemon(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
	case fusedRole:
		os.Exit(fusedDaemon(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
	case "carrier":
		os.Exit(sandbox.Main(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
	}
	// The tests wait more than they compute.
	if err := flag.Set("test.parallel", "4"); err != nil {
		panic(err)
	}
	// No daemon that ran in this process may leave a goroutine behind.
	goleak.VerifyTestMain(m)
}

// limit is how long a test waits for what must happen; it only passes where
// something is broken.
const limit = 2 * time.Minute

// eventually waits until the condition holds.
func eventually(tb testing.TB, what string, condition func() bool) {
	tb.Helper()
	deadline := time.After(limit)
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for !condition() {
		select {
		case <-ticker.C:
		case <-deadline:
			tb.Fatalf("%v have passed, and still not: %s", limit, what)
		}
	}
}

// steadily watches that the condition holds all the while.
func steadily(tb testing.TB, span time.Duration, what string, condition func() bool) {
	tb.Helper()
	end := time.After(span)
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		if !condition() {
			tb.Fatalf("no longer: %s", what)
		}
		select {
		case <-ticker.C:
		case <-end:
			return
		}
	}
}
