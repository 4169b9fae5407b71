package dialer_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hustings/hustings/dialer"
)

// The long form of the simulation: HUSTINGS_SIMULATION_HOURS is how many
// campaign-hours to live through, HUSTINGS_SIMULATION_SEED is one world to live
// through alone, or the first of many.
const (
	simulationHours = "HUSTINGS_SIMULATION_HOURS"
	simulationSeed  = "HUSTINGS_SIMULATION_SEED"
)

// tally is what has happened in simulated worlds.
type tally struct {
	seeds, campaigns, requests, created, kills, objections int

	unknown uint64
	// hours are those from acceptance to closing, added up over the campaigns.
	hours    float64
	endings  map[string]int
	excluded map[string]uint64
}

func (a *tally) add(b tally) {
	a.seeds += b.seeds
	a.campaigns += b.campaigns
	a.requests += b.requests
	a.created += b.created
	a.kills += b.kills
	a.objections += b.objections
	a.unknown += b.unknown
	a.hours += b.hours
	for ending, n := range b.endings {
		a.endings[ending] += n
	}
	for reason, n := range b.excluded {
		a.excluded[reason] += n
	}
}

// String prints the figures on some lines.
func (a *tally) String() string {
	return fmt.Sprintf("seeds %d, campaigns %d, campaign-hours %.0f, requests %d, created %d, kills %d, objections %d, unknown %d\n%s\n%s",
		a.seeds, a.campaigns, a.hours, a.requests, a.created, a.kills, a.objections, a.unknown, figures(a.endings), figures(a.excluded))
}

func figures[N int | uint64](counts map[string]N) string {
	var words []string
	for name, n := range counts {
		words = append(words, fmt.Sprintf("%s %d", name, n))
	}
	slices.Sort(words)
	return strings.Join(words, ", ")
}

// count adds up what has happened in this world.
func (w *world) count() {
	w.seen.seeds, w.seen.endings, w.seen.excluded = 1, map[string]int{}, map[string]uint64{}
	for _, request := range w.carrier.requests() {
		w.seen.requests++
		if request.created {
			w.seen.created++
		}
	}
	w.view(func(tx dialer.Tx) {
		for _, row := range dialer.Campaigns(tx) {
			w.seen.campaigns++
			w.seen.hours += row.Closed.Sub(row.Accepted).Hours()
			w.seen.unknown += row.Unknown
			w.seen.endings[row.Ending]++
			for reason, n := range row.Excluded {
				w.seen.excluded[reason] += n
			}
		}
	})
}

func setting(t *testing.T, name string, usual uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return usual
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// Ensure that whatever happens at whatever moment, all that the carrier sees is
// lawful, no objection is passed over, nobody is written to twice, the books
// balance at every instant, and everything closes in the end.
func TestSimulation(t *testing.T) {
	usual := uint64(2000)
	if testing.Short() {
		usual = 250
	}
	hours := float64(setting(t, simulationHours, usual))
	first := setting(t, simulationSeed, 0)
	if os.Getenv(simulationSeed) != "" && os.Getenv(simulationHours) == "" {
		hours = 0 // this one alone
	}
	total := tally{endings: map[string]int{}, excluded: map[string]uint64{}}
	began := time.Now()
	for seed := first; seed == first || total.hours < hours; {
		var mu sync.Mutex
		t.Run("worlds", func(t *testing.T) {
			for range min(8, 1+int(hours/250)) {
				of := seed
				seed++
				t.Run(fmt.Sprintf("seed %d", of), func(t *testing.T) {
					t.Cleanup(func() {
						if t.Failed() {
							t.Logf("live through this world again: %s=%d go test -count=20 -failfast -run 'TestSimulation$' ./dialer", simulationSeed, of)
						}
					})
					in(t, worldPlan(of), func(h *house) {
						w := newWorld(h, of, 4+int(of%6))
						w.live(h.t)
						mu.Lock()
						defer mu.Unlock()
						total.add(w.seen)
					})
				})
			}
		})
		if t.Failed() {
			break
		}
		t.Logf("%s: seeds up to %d, %.0f campaign-hours of %.0f", time.Since(began).Round(time.Second), seed-1, total.hours, hours)
	}
	t.Logf("\n%s", &total)
}
