package dialer_test

import (
	"testing"
	"time"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// peopledDirectory knows that neighbours in the list are one person.
type peopledDirectory struct{ *fakeDirectory }

// Persons tells that it does.
func (peopledDirectory) Persons() bool { return true }

// pair makes one person of each two contacts that follow each other.
func (h *house) pair() {
	h.t.Helper()
	for i, p := range h.directory.people {
		p.Person = h.identity.Person([]byte{byte(i / 2), byte(i / 512)})
	}
	h.plan.options = func(h *house, o *dialer.Options) { o.Directory = peopledDirectory{h.directory} }
	h.restart()
}

// Ensure that an objection to one number holds for the person's other one, that
// a claim does, too, and that nobody else is touched.
func TestPerson_ObjectionsAndClaims(t *testing.T) {
	in(t, plan{people: 20}, func(h *house) {
		h.pair()
		people := h.directory.people
		h.object(people[0].ID)
		h.carrier.forbid(people[0].number)
		h.carrier.forbid(people[1].number)
		if h.rows(dialer.BucketObjection) != 2 || h.journal.count() != 2 {
			t.Errorf("%d objections in the ledger, %d in the journal", h.rows(dialer.BucketObjection), h.journal.count())
		}
		first := h.job("first", "party-a")
		first.Segment = dialer.Segment{"age_band": {"18-24"}}
		h.spread() // one number of each person is young
		h.accept(first)
		second := h.accept(h.job("second", "party-b"))
		h.run()
		if b := h.awaitState(first.ID, "closed").Balance; b.ExcludedAtPlanning["OPTED_OUT"] != 1 || b.Final["delivered"] != 9 {
			t.Errorf("the first closed with %+v", b)
		}
		// The other numbers of those nine are bound to party-a, and the last two object.
		if b := h.awaitState(second.ID, "closed").Balance; b.Audience != 0 || b.ExcludedAtPlanning["CLAIMED"] != 18 || b.ExcludedAtPlanning["OPTED_OUT"] != 2 {
			t.Errorf("the second closed with %+v", b)
		}
		file, err := h.dialer().File(t.Context(), people[1].number, asked)
		if err != nil || len(file.Objections) != 1 || !file.Directory.Person {
			t.Errorf("the other number's file: %+v, %v", file, err)
		}
		file, err = h.dialer().File(t.Context(), people[3].number, asked)
		if err != nil || len(file.Claims) != 1 || file.Claims[0].Party != "party-a" {
			t.Errorf("a claimed person's other file: %+v, %v", file, err)
		}
	})
}

// Ensure that no request to a person's other number begins once the objection is
// effective, even where the decision came before it, and that the one in flight
// to the other number is waited for (I1).
func TestPerson_Gate(t *testing.T) {
	in(t, plan{people: 2, inFlight: 2}, func(h *house) {
		h.pair()
		other := h.directory.people[1]
		objected := false
		after := func(move string) {
			if move == "*dialer.intend" && !objected {
				objected = true
				if effect := h.object(h.directory.people[0].ID); effect == dialer.Effective {
					h.carrier.forbid(h.directory.people[0].number)
					h.carrier.forbid(other.number)
				}
			}
		}
		h.ledger.after.Store(&after)
		job := h.accept(h.job("first", "party-a"))
		h.run()
		b := h.awaitState(job.ID, "closed").Balance
		if b.ExcludedLater["OPTED_OUT"] != 2 || h.carrier.began() != 0 {
			t.Errorf("closed with %+v after %d requests", b, h.carrier.began())
		}
	})
}

// Ensure that an objection waits for the request in flight to the person's other
// number.
func TestPerson_WhileARequestHangs(t *testing.T) {
	in(t, plan{people: 2, inFlight: 2}, func(h *house) {
		h.pair()
		slow := delivered()
		slow.takes = 3 * time.Second
		h.carrier.always(slow)
		job := h.accept(h.job("first", "party-a"))
		h.run()
		h.await("one is in flight", func() bool { return h.carrier.began() == 1 })
		asked := time.Now()
		idle := h.directory.people[0]
		if h.carrier.requests()[0].To == idle.number {
			idle = h.directory.people[1]
		}
		if effect := h.object(idle.ID); effect != dialer.Effective || time.Since(asked) < 2*time.Second {
			t.Errorf("told %q after %s", effect, time.Since(asked))
		}
		if b := h.awaitState(job.ID, "closed").Balance; b.Final["delivered"] != 1 || b.ExcludedLater["OPTED_OUT"] != 1 {
			t.Errorf("closed with %+v", b)
		}
	})
}

// Ensure that a plan cut short leaves no claim on a person.
func TestPerson_WipedPlan(t *testing.T) {
	in(t, plan{people: 10}, func(h *house) {
		h.pair()
		job := h.accept(h.later("first", "party-a", 500))
		h.cutAt("*dialer.plannedMove", 1)
		h.runIntoFailure()
		for _, p := range h.directory.people[:8] { // whom the second draw leaves out
			h.object(p.ID)
		}
		h.run()
		h.awaitState(job.ID, "ready")
		claims := map[contact.ID]bool{}
		h.view(func(tx dialer.Tx) {
			for key := range tx.Rows(dialer.BucketClaim, nil) {
				claims[contact.ID(key[len(key)-contact.IDSize:])] = true
			}
		})
		if last := h.directory.people[8]; len(claims) != 3 || !claims[last.ID] || !claims[last.Person.ID()] {
			t.Errorf("%d claims: %v", len(claims), claims)
		}
	})
}
