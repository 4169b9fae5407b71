package dialer_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hustings/hustings/dialer"
)

// sow makes seeds of all the broker's phones.
func (h *house) sow() {
	for i := range h.phones {
		h.phones[i].Seed = true
	}
	h.restart()
}

// awaitSeeds waits until all that went to seeds of the campaign is closed.
func (h *house) awaitSeeds(campaign string) []dialer.TestView {
	h.t.Helper()
	h.await("the seeds of "+campaign+" are closed", func() bool {
		return !slices.ContainsFunc(h.show(campaign).Seeds, func(v dialer.TestView) bool { return v.State != "closed" })
	})
	return h.show(campaign).Seeds
}

// toSeeds are the places of the requests to the broker's phones among all that began.
func (h *house) toSeeds() []int {
	var places []int
	for i, request := range h.carrier.requests() {
		if slices.ContainsFunc(h.phones, func(p dialer.OwnNumber) bool { return p.Number == request.To }) {
			places = append(places, i)
		}
	}
	return places
}

// Ensure that each seed is dialled once within each campaign, one after the other as
// it goes on, with its texts by turns; and that nothing of it is in the campaign's
// books, claims and bill, or among the tests and reports.
func TestDialer_Seeds(t *testing.T) {
	// Slots that were drawn before a seed's turn go first, so that it comes some places
	// after it.
	const people, late = 300, 40
	in(t, plan{people: people, phones: 3, rate: 2, speed: 60}, func(h *house) {
		h.registry.Tariff.PartyDay = 10_000 * h.registry.Tariff.Segment
		h.sow()
		job := withVariants(h.job("first", "party-a"))
		h.accept(job)
		h.run()
		b := h.awaitState("first", "closed").Balance
		seeds := h.awaitSeeds("first")
		if len(seeds) != 3 {
			t.Fatalf("%d seeds: %+v", len(seeds), seeds)
		}
		texts := map[string]bool{}
		for i, seed := range seeds {
			if got := results(seed); got != fmt.Sprintf("phone-%d final delivered", i+1) || seed.Ending != "completed" || seed.Operator != "" {
				t.Errorf("seed %s ended with %s: %+v", seed.ID, got, seed)
			}
			texts[seed.Variant] = true
		}
		if want := min(3, len(bodies(job))); len(texts) != want {
			t.Errorf("the seeds got %d texts, want %d", len(texts), want)
		}
		if b.Considered != people || b.Audience != people || b.Attempts != people || b.Final["delivered"] != people || h.carrier.began() != people+3 {
			t.Errorf("closed with %+v after %d requests", b, h.carrier.began())
		}
		places := h.toSeeds()
		for i, place := range places {
			if turn := i * people / 3; place < turn || place > turn+late {
				t.Errorf("seed %d was dialled at place %d, its turn was at %d", i, place, turn)
			}
		}
		if len(places) != 3 {
			t.Errorf("three seeds were dialled at places %v", places)
		}
		if len(h.show("first").Tests) != 0 || h.rows(dialer.BucketClaim) != people {
			t.Errorf("tests %+v, %d claims", h.show("first").Tests, h.rows(dialer.BucketClaim))
		}
		if n := h.rows(dialer.BucketSpent); n != 1 { // CheckBooks adds its amount up
			t.Errorf("%d days cost anybody anything", n)
		}
	})
}

// Ensure that no seed is dialled while its campaign is paused, that
// those whose turn is still to come get it after a resume, and that none gets it
// twice when the daemon is killed.
func TestDialer_Seeds_Stopped(t *testing.T) {
	in(t, plan{people: 300, phones: 4, rate: 2, speed: 60}, func(h *house) {
		h.sow()
		h.accept(h.job("first", "party-a"))
		h.run()
		h.await("half of it is dialled", func() bool { return h.carrier.began() >= 153 })
		h.give("first", pause)
		before := h.carrier.began()
		h.pass(time.Minute)
		if n := h.carrier.began(); n != before {
			t.Errorf("%d requests began while the campaign was paused", n-before)
		}
		h.kill()
		h.run()
		h.give("first", resume)
		h.awaitState("first", "closed")
		h.awaitSeeds("first")
		if places := h.toSeeds(); len(places) != 4 {
			t.Errorf("four seeds were dialled %d times", len(places))
		}
	})
}

// Ensure that a STOP from a seed holds, in every later campaign (I1), and that the
// campaign is not blamed for it.
func TestDialer_Seeds_OptOut(t *testing.T) {
	in(t, plan{people: 20, phones: 2, rate: 2, speed: 60}, func(h *house) {
		h.sow()
		h.object(h.identity.ID(h.phones[0].Number))
		h.carrier.forbid(h.phones[0].Number)
		h.accept(h.job("first", "party-a"))
		h.run()
		if b := h.awaitState("first", "closed").Balance; b.OptOuts != 0 || b.Final["delivered"] != 20 {
			t.Errorf("closed with %+v", b)
		}
		var got []string
		for _, seed := range h.awaitSeeds("first") {
			got = append(got, results(seed))
		}
		if want := []string{"phone-1 excluded OPTED_OUT", "phone-2 final delivered"}; !slices.Equal(got, want) {
			t.Errorf("the seeds ended with %q, want %q", got, want)
		}
	})
}

// Ensure that a campaign that is cancelled dials no further seed.
func TestDialer_Seeds_Cancelled(t *testing.T) {
	in(t, plan{people: 300, phones: 4, rate: 2, speed: 60}, func(h *house) {
		h.sow()
		h.accept(h.job("first", "party-a"))
		h.run()
		h.await("the first seed is dialled", func() bool { return len(h.toSeeds()) > 0 })
		h.give("first", cancel)
		h.awaitState("first", "closed")
		h.pass(time.Minute)
		h.awaitSeeds("first")
		if places := h.toSeeds(); len(places) != 1 {
			t.Errorf("%d seeds were dialled, want the one before the end", len(places))
		}
	})
}
