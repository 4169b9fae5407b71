package rig

import (
	"fmt"
	"testing"

	"github.com/hustings/hustings/cmd/internal/outpost"
	"github.com/hustings/hustings/dialer/twilio/sandbox"
)

// Ensure that of a campaign over which nobody kills anything nothing is unknown
// where the carrier makes no faults, and nothing but what the carrier itself
// left in the dark where it makes those of the standard mix.
func TestUnknown(t *testing.T) {
	t.Parallel()
	people, base := number(t, settingPeople, 200), seed(t)
	for _, mix := range []string{sandbox.MixNone, sandbox.MixStandard} {
		t.Run(mix, func(t *testing.T) {
			t.Parallel()
			replayable(t, base, settingPeople)
			s := newScene(t, people, outpost.Options{InFlight: 32, Carrier: []string{
				"--seed", fmt.Sprint(base), "--latency", "20ms", "--silent-fraction", "0", "--fault-mix", mix,
			}})
			s.open()
			s.submit(order("party-a", "party-a-everybody", max(500, people)))
			r := s.finish()
			if mix == sandbox.MixNone && r.unknown > 0 {
				t.Errorf("%d are unknown", r.unknown)
			}
			t.Logf("figures: fault mix %s: %d requests, %d created, %d unknown (%.2f %%), of which the carrier made nothing and did not say so for %d",
				mix, r.Requests, r.Created, r.unknown, 100*float64(r.unknown)/float64(r.attempts), r.unclear)
		})
	}
}
