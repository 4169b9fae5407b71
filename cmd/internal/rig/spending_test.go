package rig

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/hustings/hustings/cmd/internal/outpost"
	"github.com/hustings/hustings/configs"
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
	random, kills := misers(t)
	s := newScene(t, 1100, miserly(random, ""))
	s.open()
	budgets := map[string]dialer.Money{}
	for i, party := range parties {
		job := order(party, party+"-poor", 500)
		each := worstPrice(job)
		// In the middle of a message, so that a cent too many would be seen.
		job.Budget = each*dialer.Money(min(20+12*kills, 400)+10*i) + each/2
		budgets[job.ID] = job.Budget
		s.submit(job)
	}
	s.squander(random, kills)
	s.mustStayBelow(budgets, segmentsBy(t, s.CarrierLog(), func(campaign string, _ time.Time) string { return campaign }))
}

// Ensure the same of what a day of a party may cost, which no plan can foresee:
// it is asked for each intent, over all of the party's campaigns, and what messages
// did cost comes back within the day (I7).
func TestSpending_Day(t *testing.T) {
	t.Parallel()
	random, kills := misers(t)
	each := worstPrice(order("party-a", "party-a-1", 500))
	dayCap := each*dialer.Money(min(20+12*kills, 400)) + each/2
	s := newScene(t, 1100, miserly(random, strings.Replace(embeddedRegistry(t),
		"  # party_day: 5000.00", fmt.Sprintf("  party_day: %s", dayCap), 1)))
	s.open()
	for _, party := range parties {
		for i := range 2 {
			job := order(party, fmt.Sprintf("%s-%d", party, i), 500)
			job.Schedule.End = s.Now().Truncate(24 * time.Hour).Add(19 * time.Hour) // a day is enough
			s.submit(job)
		}
	}
	s.squander(random, kills)
	caps := map[string]dialer.Money{}
	segments := segmentsBy(t, s.CarrierLog(), func(campaign string, at time.Time) string {
		day := campaign[:len("party-a")] + at.UTC().Format(" 2006-01-02")
		caps[day] = dayCap
		return day
	})
	if len(segments) != len(parties) {
		t.Errorf("messages went out on so many days of parties: %v", segments)
	}
	s.mustStayBelow(caps, segments)
}

// misers are the random choices of a run, and how often its daemon is killed.
func misers(t *testing.T) (*rand.Rand, int) {
	t.Helper()
	base := seed(t)
	replayable(t, base, settingKills)
	return draw(base), min(number(t, settingKills, 3), killsPerHouse)
}

// miserly is an outpost at a carrier that misbehaves.
func miserly(random *rand.Rand, registry string) outpost.Options {
	return outpost.Options{
		InFlight: 16, Speed: 400, Registry: registry, Carrier: append([]string{"--seed", fmt.Sprint(random.Uint32())}, misbehaviour...),
	}
}

func embeddedRegistry(t *testing.T) string {
	t.Helper()
	registry, err := fs.ReadFile(configs.Examples(), "registry.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(registry)
}

// worstPrice is the most that one message of the job can cost.
func worstPrice(job *dialer.Job) dialer.Money {
	return worstSegment * dialer.Money(dialer.MeasureText(job.Message.Body).Segments)
}

// squander has the campaigns run to their end while the daemon is killed so often.
func (s *scene) squander(random *rand.Rand, kills int) {
	s.t.Helper()
	end := s.begin(random, traffic{texts: 300 * time.Millisecond})
	requests := &arrivals{log: s.CarrierLog()}
	for s.kills < kills {
		s.liveAndDie(random, requests)
		s.mustBalance()
	}
	s.start()
	end()
	s.finish()
}

// mustStayBelow holds what the carrier has charged against caps, which must have
// been felt.
func (s *scene) mustStayBelow(caps map[string]dialer.Money, segments map[string]int) {
	s.t.Helper()
	for what, most := range caps {
		spent := segments[what]
		worst, charged := dialer.Money(spent)*worstSegment, dialer.Money(spent)*chargedSegment
		s.t.Logf("figures: %s, %d kills: %d segments, %s charged, %s at worst, of %s", what, s.kills, spent, charged, worst, most)
		if charged > most {
			s.t.Errorf("%s: the carrier has charged %s of %s", what, charged, most)
		}
		if charged < most/2 {
			s.t.Errorf("%s: only %s of %s was spent: it was never under pressure", what, charged, most)
		}
	}
}

// segmentsBy counts the segments of what the carrier made, by what is said of the
// campaign, whose name stands at each text's end, and the instant.
func segmentsBy(t *testing.T, log string, of func(campaign string, at time.Time) string) map[string]int {
	t.Helper()
	segments := map[string]int{}
	err := sandbox.ScanLog(log, func(record sandbox.Record) error {
		if record.Kind == sandbox.KindCreated {
			if from := strings.LastIndexByte(record.Body, '('); from >= 0 {
				segments[of(strings.TrimSuffix(record.Body[from+1:], ")"), record.At)] += record.Segments
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return segments
}
