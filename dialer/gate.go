package dialer

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/hustings/hustings/consent/contact"
)

// gate is the last look before a request begins. The decision has read the
// ledger; the gate catches the objection that came since. It knows the
// contacts who objected a moment ago and those with a request in flight.
//
// Invariant: once deny has returned, no pass for that contact succeeds until
// the objection is in the ledger and every permit older than that has lapsed.
type gate struct {
	stripes [256]stripe
	// flights counts the requests in flight; landed is when, in real time, the
	// last one ended.
	flights, landed atomic.Int64
}

// stripe guards memory only: nobody waits or does I/O while holding one.
type stripe struct {
	mu       sync.Mutex
	denied   map[contact.ID]denial
	inFlight map[contact.ID]*flight
}

// denial is a contact's closed gate.
type denial struct {
	// unrecorded counts the objections that the ledger may not have yet.
	unrecorded int
	// forget is when no permit from before the last recorded one can be valid.
	forget time.Time
}

func (d denial) over(now time.Time) bool { return d.unrecorded == 0 && now.After(d.forget) }

// flight is one request that has begun. Over is closed when it has ended.
type flight struct {
	over chan struct{}
}

func newGate() *gate {
	g := new(gate)
	for i := range g.stripes {
		g.stripes[i].denied = map[contact.ID]denial{}
		g.stripes[i].inFlight = map[contact.ID]*flight{}
	}
	return g
}

// IDs are keyed hashes, so their last byte spreads evenly.
func (g *gate) stripe(id contact.ID) *stripe { return &g.stripes[id[contact.IDSize-1]] }

// refusal is why the gate did not let a permit pass.
type refusal uint8

const (
	passed refusal = iota
	// refusedObjection: the contact objected since the decision.
	refusedObjection
	// refusedLate: the permit's not_after has passed.
	refusedLate
	// refusedBusy: a request to the contact is in flight.
	refusedBusy
)

// pass lets a permit through once and marks its contact as in flight. Who
// passes must call land when the request has ended.
func (g *gate) pass(permit Permit, request Request, now time.Time) (Attempt, refusal) {
	f := &flight{over: make(chan struct{})}
	gates := permit.gates()
	for i, id := range gates {
		if refused := g.enter(id, f, permit.notAfter, now); refused != passed {
			g.leave(f, gates[:i])
			return Attempt{}, refused
		}
	}
	g.flights.Add(1)
	return Attempt{permit: permit, request: request, flight: f}, passed
}

// enter lets a flight through one gate, if it is open and nothing is in flight
// behind it.
func (g *gate) enter(id contact.ID, f *flight, notAfter, now time.Time) refusal {
	s := g.stripe(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if denied, closed := s.denied[id]; closed && !denied.over(now) {
		return refusedObjection
	}
	if now.After(notAfter) {
		return refusedLate
	}
	if s.inFlight[id] != nil {
		return refusedBusy
	}
	s.inFlight[id] = f
	return passed
}

// leave takes a flight out of the gates that it has passed, and tells whoever
// waits for its end.
func (g *gate) leave(f *flight, gates []contact.ID) {
	for _, id := range gates {
		s := g.stripe(id)
		s.mu.Lock()
		delete(s.inFlight, id)
		s.mu.Unlock()
	}
	close(f.over)
}

// land notes that the attempt's request has ended, whatever came of it.
func (g *gate) land(attempt Attempt) {
	g.leave(attempt.flight, attempt.permit.gates())
	g.landed.Store(time.Now().UnixNano())
	g.flights.Add(-1)
}

// quiet tells whether nothing has been dialled for a moment.
func (g *gate) quiet() bool {
	return g.flights.Load() == 0 && time.Since(time.Unix(0, g.landed.Load())) > time.Second
}

// deny closes the gate for a contact and returns the request in flight, nil for
// none. It can be called again for the same contact.
func (g *gate) deny(id contact.ID) *flight {
	s := g.stripe(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	denied := s.denied[id]
	denied.unrecorded++
	s.denied[id] = denied
	return s.inFlight[id]
}

// recorded notes that the objection is in the ledger, where every later
// decision sees it: the entry may be forgotten at the instant given, when no
// permit from before can be valid any more.
func (g *gate) recorded(id contact.ID, forget time.Time) {
	s := g.stripe(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	denied := s.denied[id]
	denied.unrecorded--
	if forget.After(denied.forget) {
		denied.forget = forget
	}
	s.denied[id] = denied
}

// sweep forgets what the ledger has long known, so that memory stays bounded.
func (g *gate) sweep(now time.Time) {
	for i := range g.stripes {
		s := &g.stripes[i]
		s.mu.Lock()
		for id, denied := range s.denied {
			if denied.over(now) {
				delete(s.denied, id)
			}
		}
		s.mu.Unlock()
	}
}
