package rig

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/hustings/hustings/cmd/internal/outpost"
	"github.com/hustings/hustings/dialer/twilio/sandbox"
)

// killsPerHouse is how often one daemon is killed over its campaigns.
const killsPerHouse = 40

// Ensure that a daemon that is killed at random moments, over and over, in the
// middle of two parties' campaigns of texts and one of calls at a carrier that
// misbehaves, writes to nobody and rings nobody twice, after a STOP or a 9, or for two
// parties, forgets no opt-out that it acknowledged, and comes to books that balance.
func TestKills(t *testing.T) {
	t.Parallel()
	kills, base := number(t, settingKills, 6), seed(t)
	var total killFigures
	t.Cleanup(func() { total.print(t) })
	for house := 0; kills > 0; house++ {
		killed := min(kills, killsPerHouse)
		kills -= killed
		t.Run(fmt.Sprintf("house%d", house), func(t *testing.T) {
			t.Parallel()
			replayable(t, base, settingKills)
			total.add(killHouse(t, draw(base+uint64(house)), killed))
		})
	}
}

// killFigures are what came of all houses together.
type killFigures struct {
	mu                                           sync.Mutex
	kills, dialling                              int
	requests, created, unknown, unclear, optOuts int
	calls, digits                                int
	allowed, acknowledged                        int
}

func (f *killFigures) add(s *scene, r ruling, dialling int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.kills += s.kills
	f.dialling += dialling
	f.requests += r.Requests
	f.created += r.Created
	f.unknown += r.unknown
	f.calls += r.calls
	f.digits += r.digits
	f.unclear += r.unclear
	f.allowed += s.cut
	f.optOuts += r.OptOuts
	f.acknowledged += len(s.acknowledged)
}

func (f *killFigures) print(t *testing.T) {
	t.Helper()
	t.Logf("figures: kills %d, with requests under way %d, requests %d, created %d (calls %d, digits heard %d), unknown %d (may be, for the kills, %d; the carrier left open %d), opted out by text %d, by the control service %d",
		f.kills, f.dialling, f.requests, f.created, f.calls, f.digits, f.unknown, f.allowed, f.unclear, f.optOuts, f.acknowledged)
}

// misbehaviour is a carrier at which everything goes wrong that can, in the mix
// that all figures are quoted under.
var misbehaviour = []string{"--latency", "100ms", "--stop-fraction", "0.05", "--fault-mix", sandbox.MixStandard}

// killHouse lets one house live through so many kills and to its end.
func killHouse(t *testing.T, random *rand.Rand, kills int) (*scene, ruling, int) {
	t.Helper()
	const inFlight, peoplePerKill = 16, 60
	people := min(100+kills*peoplePerKill, 10_000)
	s := newScene(t, people, outpost.Options{
		InFlight: inFlight, Speed: 400,
		Carrier: append([]string{"--seed", fmt.Sprint(random.Uint32())}, misbehaviour...),
	})
	s.open()
	s.submit(order("party-a", "party-a-everybody", max(500, people/2)))
	s.submit(order("party-b", "party-b-everybody", max(500, people/2)))
	s.ConsentToCalls(s.numbers, "party-a")
	s.submit(calls("party-a-calls", max(500, people/3)))
	end := s.begin(random, traffic{texts: 150 * time.Millisecond, optOuts: 100 * time.Millisecond, orders: time.Second})
	dialling, requests := 0, &arrivals{log: s.CarrierLog()}
	for s.kills < kills {
		if s.liveAndDie(random, requests) {
			dialling++
		}
		s.mustBalance()
	}
	s.start()
	end()
	r := s.finish()
	if r.calls == 0 {
		t.Error("nobody was rung")
	}
	return s, r, dialling
}

// liveAndDie starts the daemon, if none is there, and kills it at a moment that
// is drawn: while it still starts, at some instant afterwards, or at one of its
// first requests. It tells whether requests were under way.
func (s *scene) liveAndDie(random *rand.Rand, requests *arrivals) bool {
	s.t.Helper()
	kind := random.IntN(5)
	if s.there.Load() == nil {
		var launch outpost.Launch
		if kind == 0 {
			launch.Lifetime = between(random, 10*time.Millisecond, 600*time.Millisecond)
		}
		s.launch(launch)
	}
	requests.since(s.t)
	// Where all campaigns are paused or the carrier hangs, no request comes.
	wanted, patience := random.IntN(60), 3*time.Second
	if kind < 2 {
		wanted, patience = math.MaxInt, between(random, 100*time.Millisecond, 1500*time.Millisecond)
	}
	outpost.Within(patience, func() bool { wanted -= requests.since(s.t); return wanted < 0 || s.over() })
	s.kill()
	return time.Since(requests.latest) < 200*time.Millisecond
}

// arrivals are the requests at the carrier, as they come.
type arrivals struct {
	log    string
	read   int64
	latest time.Time
}

// since counts the requests that have begun since it was asked last.
func (a *arrivals) since(t *testing.T) int {
	t.Helper()
	file, err := os.Open(a.log)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	grown, err := io.ReadAll(io.NewSectionReader(file, a.read, math.MaxInt64-a.read))
	if err != nil {
		t.Fatal(err)
	}
	whole := grown[:bytes.LastIndexByte(grown, '\n')+1]
	a.read += int64(len(whole))
	count := bytes.Count(whole, []byte(`"kind":"`+string(sandbox.KindRequestBegun)+`"`))
	if count > 0 {
		a.latest = time.Now()
	}
	return count
}
