package rig

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hustings/hustings/cmd/internal/outpost"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/dialer/twilio/sandbox"
)

// worstSegment is the most that a segment can cost, by the embedded tariff, and
// chargedSegment what the carrier does charge for it.
const (
	worstSegment   = 72_500 * dialer.Unit / 1_000_000
	chargedSegment = 65_000 * dialer.Unit / 1_000_000
)

// Ensure that a daemon which is killed over and over while budgets run out spends
// not a cent more than each of them, as the carrier's own log has it: neither by
// what the carrier charges nor by the most that it could have charged (I7).
func TestSpending(t *testing.T) {
	t.Parallel()
	base := seed(t)
	replayable(t, base, settingKills)
	random, kills := draw(base), min(number(t, settingKills, 3), killsPerHouse)
	s := newScene(t, 1100, outpost.Options{
		InFlight: 16, Speed: 400, Carrier: append([]string{"--seed", fmt.Sprint(random.Uint32())}, misbehaviour...),
	})
	s.open()
	budgets := map[string]dialer.Money{}
	for i, party := range parties {
		job := order(party, party+"-poor", 500)
		each := worstSegment * dialer.Money(dialer.MeasureText(job.Message.Body).Segments)
		// In the middle of a message, so that a cent too many would be seen.
		job.Budget = each*dialer.Money(min(20+12*kills, 400)+10*i) + each/2
		budgets[job.ID] = job.Budget
		s.submit(job)
	}
	end := s.begin(random, traffic{texts: 300 * time.Millisecond})
	requests := &arrivals{log: s.CarrierLog()}
	for s.kills < kills {
		s.liveAndDie(random, requests)
		s.mustBalance()
	}
	s.start()
	end()
	s.finish()
	spending := spentByCampaign(t, s.CarrierLog())
	for campaign := range budgets {
		spent := spending[campaign]
		worst, charged := dialer.Money(spent)*worstSegment, dialer.Money(spent)*chargedSegment
		t.Logf("figures: %s, %d kills: %d segments, %s charged, %s at worst, of a budget of %s", campaign, s.kills, spent, charged, worst, budgets[campaign])
		if charged > budgets[campaign] {
			t.Errorf("%s: the carrier has charged %s of a budget of %s", campaign, charged, budgets[campaign])
		}
		if charged < budgets[campaign]/2 {
			t.Errorf("%s: only %s of a budget of %s was spent: it was never under pressure", campaign, charged, budgets[campaign])
		}
	}
}

// spentByCampaign counts the segments of what the carrier made, by the name that
// stands at each text's end.
func spentByCampaign(t *testing.T, log string) map[string]int {
	t.Helper()
	spent := map[string]int{}
	err := sandbox.ScanLog(log, func(record sandbox.Record) error {
		if record.Kind == sandbox.KindCreated {
			if from := strings.LastIndexByte(record.Body, '('); from >= 0 {
				spent[strings.TrimSuffix(record.Body[from+1:], ")")] += record.Segments
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return spent
}
