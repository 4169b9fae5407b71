package dialer

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hustings/hustings/consent/contact"
)

func permitFor(id contact.ID, notAfter time.Time) Permit {
	return Permit{contact: id, sequence: 1, notAfter: notAfter}
}

// Ensure that the gate lets a permit pass once, in time, and nobody who has
// objected.
func TestGate_Pass(t *testing.T) {
	now, soon := someInstant, someInstant.Add(time.Second)
	id := contact.ID{15: 1}
	for name, test := range map[string]struct {
		before func(*gate)
		permit Permit
		want   refusal
	}{
		"free":                  {func(*gate) {}, permitFor(id, soon), passed},
		"at the last moment":    {func(*gate) {}, permitFor(id, now), passed},
		"late":                  {func(*gate) {}, permitFor(id, now.Add(-time.Nanosecond)), refusedLate},
		"denied":                {func(g *gate) { g.deny(id) }, permitFor(id, soon), refusedObjection},
		"denied and late":       {func(g *gate) { g.deny(id) }, permitFor(id, now.Add(-time.Second)), refusedObjection},
		"recorded just now":     {func(g *gate) { g.deny(id); g.recorded(id, soon) }, permitFor(id, soon), refusedObjection},
		"recorded long ago":     {func(g *gate) { g.deny(id); g.recorded(id, now.Add(-time.Second)) }, permitFor(id, soon), passed},
		"recorded once of two":  {func(g *gate) { g.deny(id); g.deny(id); g.recorded(id, now.Add(-time.Second)) }, permitFor(id, soon), refusedObjection},
		"another one is denied": {func(g *gate) { g.deny(contact.ID{1: 1, 15: 1}) }, permitFor(id, soon), passed},
		"in flight":             {func(g *gate) { g.pass(permitFor(id, soon), Request{}, now) }, permitFor(id, soon), refusedBusy},
		"landed": {func(g *gate) {
			attempt, _ := g.pass(permitFor(id, soon), Request{}, now)
			g.land(attempt)
		}, permitFor(id, soon), passed},
	} {
		g := newGate()
		test.before(g)
		if _, got := g.pass(test.permit, Request{}, now); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
}

// Ensure that what the ledger has long known is forgotten, and nothing else.
func TestGate_Sweep(t *testing.T) {
	g := newGate()
	unrecorded, recent, old := contact.ID{15: 1}, contact.ID{15: 2}, contact.ID{15: 3}
	for _, id := range []contact.ID{unrecorded, recent, old} {
		g.deny(id)
	}
	g.recorded(recent, someInstant.Add(time.Second))
	g.recorded(old, someInstant.Add(-time.Second))
	g.sweep(someInstant)
	kept := 0
	for i := range g.stripes {
		kept += len(g.stripes[i].denied)
	}
	if kept != 2 {
		t.Errorf("%d entries are kept, want 2", kept)
	}
}

// Ensure that once deny has returned, either nobody is in flight or who is can
// be waited for, and that nobody begins any more, whoever races whom.
func TestGate_DenyRacesPass(t *testing.T) {
	for round := range 200 {
		g := newGate()
		id := contact.ID{15: byte(round)}
		var denied atomic.Bool
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				for range 50 {
					over := denied.Load()
					attempt, got := g.pass(permitFor(id, someInstant), Request{}, someInstant)
					if got != passed {
						continue
					}
					if over {
						t.Error("a request began after deny had returned and the one in flight was over")
					}
					g.land(attempt)
				}
			})
		}
		both.Go(func() {
			for range rand.IntN(50) {
				g.sweep(someInstant)
			}
			if flight := g.deny(id); flight != nil {
				<-flight.over
			}
			denied.Store(true)
		})
		both.Wait()
	}
}
