package rig

import (
	"flag"
	"testing"

	"go.uber.org/goleak"

	"github.com/hustings/hustings/cmd/internal/outpost"
	"github.com/hustings/hustings/dialer/twilio/sandbox"
)

func TestMain(m *testing.M) {
	outpost.Play(map[string]outpost.Role{
		outpost.Carrier: sandbox.Main,
		outpost.Daemon:  mortalDaemon,
		roleTraced:      traceDaemon,
		roleWatched:     watchedDaemon,
		roleQueue:       playQueue,
	})
	// The rigs wait more than they compute.
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}
