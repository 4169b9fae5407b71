package dialer_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// claimsModel is who belongs to whom: the first party to plan for a contact has
// it for the round.
type claimsModel struct {
	*house
	claims   map[string]map[contact.ID]string // by round
	objected map[contact.ID]bool
	waiting  []*dialer.Job // accepted, in that order, and not planned
}

// Ensure that a contact belongs to the first party that plans for it in a round,
// whatever segments the others order, and though plans are cut short and made
// again (I3).
func TestClaims_Model(t *testing.T) {
	modelled(t, plan{people: 9, parties: []string{"party-a", "party-b", "party-c"}}, func(h *house) map[string]func(*rapid.T) {
		m := &claimsModel{house: h, claims: map[string]map[contact.ID]string{}, objected: map[contact.ID]bool{}}
		for i, p := range h.directory.people {
			p.Values[1] = uint16(1 + i%3)
		}
		return map[string]func(*rapid.T){
			"order": m.order, "plan": m.plan, "plan cut short": m.cutShort, "object": m.object, "": m.check,
		}
	})
}

func (m *claimsModel) order(rt *rapid.T) {
	job := m.job(fmt.Sprintf("order-%d", len(m.jobs)), drawn(rt, "party", m.house.plan.parties))
	job.Round = drawn(rt, "round", []string{"FR-PRES-2027-R1", "FR-PRES-2027-R2"})
	if bands := m.registry.Attributes[1]; rapid.Bool().Draw(rt, "segment") {
		job.Segment = dialer.Segment{bands.Name: rapid.SliceOfNDistinct(rapid.SampledFrom(bands.Values[:3]), 1, 2, rapid.ID).Draw(rt, "bands")}
	}
	m.accept(job)
	m.waiting = append(m.waiting, job)
}

// plan plans the first of those that wait: the order is that of acceptance.
func (m *claimsModel) plan(rt *rapid.T) {
	if len(m.waiting) == 0 {
		rt.Skip("nothing is left to plan")
	}
	job := m.waiting[0]
	m.waiting = m.waiting[1:]
	must(rt, m.dialer().StartNow(context.Background(), job.ID))
	if m.claims[job.Round] == nil {
		m.claims[job.Round] = map[contact.ID]string{}
	}
	claims, want := m.claims[job.Round], map[contact.ID]bool{}
	for _, p := range m.directory.people {
		if free := claims[p.ID] == "" || claims[p.ID] == job.Party; free && !m.objected[p.ID] && m.wanted(job, p) {
			claims[p.ID], want[p.ID] = job.Party, true
		}
	}
	got := m.recipients(job.ID)
	for _, id := range m.ids() {
		if _, found := got[id]; found != want[id] {
			rt.Errorf("campaign %s of %s: contact in its audience %t, want %t", job.ID, job.Party, found, want[id])
		}
	}
}

func (m *claimsModel) wanted(job *dialer.Job, p *person) bool {
	bands := m.registry.Attributes[1]
	wanted := job.Segment[bands.Name]
	return wanted == nil || slices.Contains(wanted, bands.Values[p.Values[1]-1])
}

// cutShort has the daemon die at a move of a plan. Unless the plan was finished by
// then, it claims nothing that the plan made anew does not.
func (m *claimsModel) cutShort(rt *rapid.T) {
	if len(m.waiting) == 0 {
		rt.Skip("nothing is left to plan")
	}
	m.ledger.breakAt(rapid.Int64Range(0, 2).Draw(rt, "after"), rapid.Bool().Draw(rt, "made"))
	if err := m.dialer().StartNow(context.Background(), m.waiting[0].ID); (err == nil) == m.ledger.dead.Load() {
		rt.Fatalf("the ledger has failed: %t, but the plan has said: %v", m.ledger.dead.Load(), err)
	}
	m.restart()
	if unfinished := m.show(m.waiting[0].ID).State == "accepted"; unfinished && rapid.Bool().Draw(rt, "object meanwhile") {
		m.object(rt)
	}
	m.plan(rt)
}

func (m *claimsModel) object(rt *rapid.T) {
	id := drawn(rt, "who", m.ids())
	m.house.object(id)
	m.objected[id] = true
}

func (m *claimsModel) check(rt *rapid.T) {
	m.view(func(tx dialer.Tx) {
		for _, round := range []string{"FR-PRES-2027-R1", "FR-PRES-2027-R2"} {
			for _, id := range m.ids() {
				if got, want := dialer.PartyOf(tx, round, id), m.claims[round][id]; got != want {
					rt.Errorf("round %s: a contact belongs to %q, want %q", round, got, want)
				}
			}
		}
		for _, fault := range dialer.CheckBooks(tx) {
			rt.Error(fault)
		}
	})
}
