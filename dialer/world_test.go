package dialer_test

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// world is a house in which anything happens at any moment: what people,
// parties, operators, carriers and machines do is drawn from a seed.
type world struct {
	*house
	random *rand.Rand // the driver's
	// toOrder is how many campaigns are still to be ordered.
	toOrder int
	texts   int
	halted  bool // the stop file is there
	// afterEach is called after every commit; it may be nil.
	afterEach func()
	// crowd are those who object and write, and wait for their answer.
	crowd sync.WaitGroup

	mu   sync.Mutex // guards what follows
	dice *rand.Rand // everybody else's
	seen tally
}

// worldPlan draws what a world is made of.
func worldPlan(seed uint64) plan {
	random := rand.New(rand.NewPCG(seed, 1))
	places := []string{"FR-75", "FR-75", "FR-13", "FR-2A", "FR-971", "FR-974", "FR-975", "FR-987", "FR-988"}
	random.Shuffle(len(places), func(i, j int) { places[i], places[j] = places[j], places[i] })
	pool := []int{0, 0, 2, 3}[rand.New(rand.NewPCG(seed, 4)).IntN(4)]
	return plan{
		voice: seed%2 == 1, pool: pool, people: 30 + random.IntN(150), places: places[:1+random.IntN(len(places))],
		speed: []float64{300, 600, 600, 1200}[random.IntN(4)], rate: []float64{0.005, 0.02, 0.1, 2}[random.IntN(4)],
		inFlight: 1 + random.IntN(10), steps: 3, parties: []string{"party-a", "party-b", "party-c"},
		// From long before the first round to after the second one.
		start: time.Date(2027, 3, 20, 0, 0, 0, 0, time.UTC).Add(time.Duration(random.IntN(42*24*60)) * time.Minute),
	}
}

func newWorld(h *house, seed uint64, campaigns int) *world {
	w := &world{
		house: h, random: rand.New(rand.NewPCG(seed, 2)), dice: rand.New(rand.NewPCG(seed, 3)), toOrder: campaigns,
	}
	for _, text := range stopTexts {
		if class := h.pack.Classify(text); class.Class != consent.InboundOptOut {
			h.t.Fatalf("%q is %s", text, class.Class)
		}
	}
	for i, p := range h.directory.people {
		p.Values[1] = uint16(1 + w.random.IntN(len(h.registry.Attributes[1].Values)))
		switch i % 23 {
		case 3:
			p.Zone = paris.Zones[0] // lives there, wherever they vote
		case 7:
			p.BirthYear, p.never = 0, "nobody knows their age"
		case 11:
			p.BirthYear, p.never = 2012, "they are children"
		case 15:
			p.Line, p.never = contact.Fixed, landline
		case 19:
			p.Territory, _ = contact.FindTerritory("FR-99")
			p.never = "nobody knows their time"
		}
	}
	h.carrier.answers(moody(seed))
	w.listen()
	return w
}

// listen has the judge know when the house has taken in what the carrier's list
// held, and makes the daemon dawdle now and then between decision and gate.
func (w *world) listen() {
	after := func(move string) {
		switch move {
		case "dialer.watermarkMove":
			w.carrier.heard()
		case "*dialer.intend":
			if w.roll(40) == 0 {
				w.pass(time.Duration(w.roll(3000)) * time.Millisecond)
			}
		}
		if w.afterEach != nil {
			w.afterEach()
		}
	}
	w.ledger.after.Store(&after)
}

// roll is chance for those who are not the driver.
func (w *world) roll(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dice.IntN(n)
}

// live goes on until all campaigns were ordered and have closed.
func (w *world) live(t *testing.T) {
	t.Helper()
	w.run()
	for !t.Failed() && (w.toOrder > 0 || w.anyOpen()) {
		longest := 3000
		if w.random.IntN(3) == 0 {
			longest = 40
		}
		w.pass(time.Duration(w.random.IntN(longest)) * time.Millisecond)
		if w.ledger.dead.Load() {
			w.crash(0)
		}
		w.equations()
		if w.random.IntN(4) == 0 {
			w.act()
		}
		w.losePatience()
	}
	w.ledger.left.Store(0)
	if w.ledger.dead.Load() {
		w.crash(0)
	}
	w.crowd.Wait()
	w.count()
}

// losePatience fails where a campaign is still open long after its end: however
// sick the carrier's lists are, after a day what is in doubt is unknown.
func (w *world) losePatience() {
	if now := w.clock.Now(); w.toOrder == 0 && now.After(w.lastEnd().Add(7*24*time.Hour)) {
		w.t.Errorf("at %s campaigns are open, the last of which should have ended at %s", now, w.lastEnd())
	}
}

func (w *world) lastEnd() (last time.Time) {
	for _, job := range w.jobs {
		if job.Schedule.End.After(last) {
			last = job.Schedule.End
		}
	}
	return last
}

func (w *world) anyOpen() (open bool) {
	w.view(func(tx dialer.Tx) { open = dialer.OpenCampaigns(tx) > 0 })
	return open
}

// equations hold at every instant.
func (w *world) equations() {
	w.t.Helper()
	w.view(func(tx dialer.Tx) {
		for _, fault := range dialer.Equations(tx) {
			w.t.Error(fault)
		}
	})
}

// crash ends the daemon as a power cut does. It stays down for a while.
func (w *world) crash(down time.Duration) {
	w.seen.kills++
	w.ledger.kill()
	w.carrier.release()
	w.down(down)
}

// down stops the daemon and starts it again a while later. What the carrier
// holds for us by then must take effect before anything is dialled.
func (w *world) down(down time.Duration) {
	w.t.Helper()
	w.cancel()
	if err := <-w.ended; err != nil && !w.ledger.dead.Load() {
		w.t.Errorf("run: %v", err)
	}
	w.ledger.kill() // whoever still calls finds nobody
	w.closeLedger()
	w.pass(down)
	w.open()
	w.checkBooks()
	w.listen()
	w.carrier.held()
	w.dialer().Halt(dialer.HaltStopFile, w.halted)
	w.run()
}
