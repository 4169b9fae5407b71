package dialer_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// Ensure that a plan excludes just those whom the rules exclude, each for the first
// reason, when most of them are strangers of whom nothing is known, whatever is known
// of the others: the rules are asked about each one by one.
func TestEstimate_Strangers(t *testing.T) {
	places := []string{"FR-75", "FR-974", "FR-99", "FR-987"}
	const own = 5 // of the people have a phone of the broker's, and are in nobody's audience
	phones := func(h *house, o *dialer.Options) {
		for i, p := range h.directory.people[:own] {
			o.OwnNumbers = append(o.OwnNumbers, dialer.OwnNumber{Name: fmt.Sprint("phone ", i), Number: p.number, Line: p.Line, Territory: p.Territory})
		}
	}
	for seed := range uint64(8) {
		t.Run("", func(t *testing.T) {
			in(t, plan{people: 400, places: places, parties: []string{}, voice: seed%2 == 1, options: phones}, func(h *house) {
				random := rand.New(rand.NewPCG(seed, 11))
				for _, p := range h.directory.people {
					p.BirthYear = []int{0, 1950, 1980, 2012}[random.IntN(4)]
					if p.Line = contact.Mobile; random.IntN(3) == 0 {
						p.Line = contact.Fixed
					}
					if random.IntN(5) == 0 {
						p.Zone = paris.Zones[0]
					}
					h.acquaint(random, p)
				}
				if seed%3 == 2 {
					h.reserve(reservation("young", "party-b"), true)
				}
				job := h.job("strangers", "party-a")
				if seed%2 == 1 {
					job = h.call("strangers", "party-a")
				}
				estimate, err := h.dialer().Estimate(context.Background(), job)
				if err != nil || len(estimate.Faults) > 0 {
					t.Fatal(err, estimate)
				}
				want := map[string]uint64{}
				for _, p := range h.directory.people[own:] {
					e, err := h.dialer().Explain(context.Background(), "", job, p.ID, h.clock.Now(), dialer.Look{Operator: "op-anne", Reason: "a test"})
					if err != nil {
						t.Fatal(err)
					}
					for _, check := range e.Checks { // what waiting mends excludes nobody
						if check.Verdict == "deny" || check.Reason == "EXCLUSIVITY" && check.Verdict == "defer" {
							want[check.Reason]++
							break
						}
					}
				}
				if considered := uint64(len(h.directory.people) - own); estimate.Considered != considered ||
					!maps.Equal(estimate.ExcludedAtPlanning, want) || len(want) < 4 {
					t.Errorf("of %d, want %d, excluded %v, the rules exclude %v", estimate.Considered, considered, estimate.ExcludedAtPlanning, want)
				}
			})
		})
	}
}

// acquaint lets something be known of a person, or nothing.
func (h *house) acquaint(random *rand.Rand, p *person) {
	h.t.Helper()
	if random.IntN(5) == 0 {
		p.Person = contact.PersonID{1, byte(random.IntN(256))}
	}
	var err error
	switch random.IntN(10) {
	case 0, 1:
		err = h.ledger.Commit(context.Background(), &dialer.RecordGrants{Grants: h.grantsOf(p.ID, "party-a", tuesday.AddDate(-1, 0, 0))})
	case 2:
		err = h.ledger.Commit(context.Background(), &dialer.RecordGrants{Grants: h.grantsOf(p.ID, "party-b", tuesday.AddDate(-1, 0, 0))})
	case 3:
		_, err = h.dialer().Object(context.Background(), dialer.ObjectionFrom(p.ID, "operator", h.clock.Now().Add(-time.Hour)))
	case 4:
		year := []int{0, 1950, 2012}[random.IntN(3)]
		_, err = h.dialer().Rectify(context.Background(), p.number, dialer.Correction{BirthYear: &year}, dialer.Look{Operator: "op-anne", Reason: "a test"})
	}
	if err != nil {
		h.t.Fatal(err)
	}
}
