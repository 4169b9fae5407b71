package dialer_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hustings/hustings/dialer"
)

// spread gives every other of the people the first age band, and the rest the
// second: two segments of one place.
func (h *house) spread() (young, old []*person) {
	h.t.Helper()
	band := slices.IndexFunc(h.registry.Attributes, func(a dialer.Attribute) bool { return a.Name == "age_band" })
	for i, p := range h.directory.people {
		p.Values[band] = uint16(1 + i%2)
		if i%2 == 0 {
			young = append(young, p)
		} else {
			old = append(old, p)
		}
	}
	return young, old
}

func reservation(id string, parties ...string) dialer.Reservation {
	return dialer.Reservation{
		ID: id, Round: "FR-PRES-2027-R1", Parties: parties, Segment: dialer.Segment{"age_band": {"18-24"}}, Operator: "op-anne",
	}
}

func (h *house) reserve(r dialer.Reservation, despiteClaims bool) dialer.Reservation {
	h.t.Helper()
	entered, faults, err := h.dialer().Reserve(h.t.Context(), r, despiteClaims)
	if err != nil || len(faults) > 0 {
		h.t.Fatalf("reserve: %v, %v", faults, err)
	}
	return entered
}

// Ensure that a segment under reservation serves only its parties: others leave
// its contacts out when they plan, so that they are not even claimed (I3).
func TestReserve_OthersPlanWithoutIt(t *testing.T) {
	in(t, plan{people: 40}, func(h *house) {
		h.spread()
		kept := h.reserve(reservation("young", "party-a"), false)
		if kept.Contacts != 20 || kept.Claimed != 0 || !kept.Until.Equal(time.Date(2027, 4, 19, 12, 0, 0, 0, time.UTC)) {
			t.Errorf("reserved: %+v", kept)
		}
		other := h.accept(h.job("other", "party-b"))
		job := h.accept(h.job("first", "party-a"))
		h.run()
		if b := h.awaitState(other.ID, "closed").Balance; b.ExcludedAtPlanning["EXCLUSIVITY"] != 20 || b.Final["delivered"] != 20 {
			t.Errorf("the other party's closed with %+v", b)
		}
		if b := h.awaitState(job.ID, "closed").Balance; b.ExcludedAtPlanning["CLAIMED"] != 20 || b.Final["delivered"] != 20 {
			t.Errorf("closed with %+v", b)
		}
	})
}

// Ensure that a reservation holds over what was planned before it: the others'
// recipients wait, go on once it is removed, and its order says beforehand whom
// it would leave to nobody.
func TestReserve_DespiteClaims(t *testing.T) {
	in(t, plan{people: 40, speed: 60, inFlight: 1, rate: 2}, func(h *house) {
		young, _ := h.spread()
		other := h.accept(h.job("other", "party-b"))
		h.run()
		h.awaitState(other.ID, "running")
		_, faults, err := h.dialer().Reserve(t.Context(), reservation("young", "party-a"), false)
		if err != nil || len(faults) != 1 || !strings.Contains(faults[0].Reason, "20 of its 20 contacts are bound to other parties") {
			t.Fatalf("%v, %v", faults, err)
		}
		kept := h.reserve(reservation("young", "party-a"), true)
		began := h.carrier.began()
		if kept.Claimed != 20 || began == 40 {
			t.Fatalf("%+v after %d requests: the test shows nothing", kept, began)
		}
		spared := map[string]bool{}
		h.view(func(tx dialer.Tx) {
			for id, row := range dialer.Recipients(tx, other.ID) {
				if row.Attempt == 0 && slices.ContainsFunc(young, func(p *person) bool { return p.ID == id }) {
					spared[id.String()] = true
				}
			}
		})
		h.await("all but the reserved ones are done", func() bool {
			b := h.show(other.ID).Balance
			return int(b.Waiting) == len(spared) && int(b.Final["delivered"]) == 40-len(spared)
		})
		if len(spared) == 0 {
			t.Fatal("everybody was dialled before: the test shows nothing")
		}
		h.pass(2 * time.Minute)
		if n := h.carrier.began(); n != 40-len(spared) {
			t.Errorf("%d requests, want %d", n, 40-len(spared))
		}
		if err := h.dialer().Unreserve(t.Context(), "young", "op-anne", "the sale was undone"); err != nil {
			t.Fatal(err)
		}
		if b := h.awaitState(other.ID, "closed").Balance; b.Final["delivered"] != 40 {
			t.Errorf("closed with %+v", b)
		}
	})
}

// Ensure that a segment which is sold while a campaign of another party is being
// planned is left out of that plan.
func TestReserve_WhilePlanning(t *testing.T) {
	for _, move := range []string{"*dialer.recipientsMove", "*dialer.plannedMove"} {
		t.Run(move, func(t *testing.T) {
			in(t, plan{people: 40}, func(h *house) {
				h.spread()
				sold := false
				meet := func(name string) error {
					if name == move && !sold {
						sold = true
						h.reserve(reservation("young", "party-a"), true)
					}
					return nil
				}
				h.ledger.meet.Store(&meet)
				other := h.accept(h.job("other", "party-b"))
				h.run()
				if b := h.awaitState(other.ID, "closed").Balance; b.ExcludedAtPlanning["EXCLUSIVITY"] != 20 || b.Audience != 20 {
					t.Errorf("closed with %+v", b)
				}
				h.view(func(tx dialer.Tx) {
					claimed := 0
					for range tx.Rows(dialer.BucketClaim, nil) {
						claimed++
					}
					if claimed != 20 {
						t.Errorf("%d contacts are claimed, want 20", claimed)
					}
				})
			})
		})
	}
}

// Ensure that a reservation which says nothing, or stands against another, is
// refused with its fault, and that what is over stands against nobody.
func TestReserve_Refused(t *testing.T) {
	in(t, plan{people: 10, speed: 600}, func(h *house) {
		h.spread()
		short := reservation("short", "party-a")
		short.Until = h.clock.Now().Add(10 * time.Hour)
		h.reserve(short, false)
		for _, test := range []struct {
			name   string
			change func(*dialer.Reservation)
			want   string
		}{
			{"no name", func(r *dialer.Reservation) { r.ID = "Not A Name" }, "cannot name a reservation"},
			{"known name", func(r *dialer.Reservation) { r.ID, r.Round = "short", "FR-PRES-2027-R2" }, `"short" exists already`},
			{"no round", func(r *dialer.Reservation) { r.Round = "FR-PRES-2032-R1" }, "not a registered round"},
			{"after the round", func(r *dialer.Reservation) { r.Until = h.clock.Now().AddDate(1, 0, 0) }, "after the round"},
			{"over", func(r *dialer.Reservation) { r.Until = h.clock.Now().Add(-time.Hour) }, "over before it begins"},
			{"nobody's", func(r *dialer.Reservation) { r.Parties = nil }, "nobody has bought it"},
			{"a stranger's", func(r *dialer.Reservation) { r.Parties = []string{"party-z"} }, `"party-z" is not a registered party`},
			{"no segment", func(r *dialer.Reservation) { r.Segment = dialer.Segment{"income": {"high"}} }, "not declared"},
			{"another's", func(r *dialer.Reservation) {}, `"short" has sold some of it to party-a`},
			{"another's, in part", func(r *dialer.Reservation) {
				r.Segment = dialer.Segment{"gender": {"f"}}
			}, `"short" has sold some of it`},
			{"more parties", func(r *dialer.Reservation) { r.Parties = []string{"party-a", "party-b"} }, `"short" has sold some of it`},
		} {
			r := reservation("next", "party-b")
			test.change(&r)
			if _, faults, err := h.dialer().Reserve(t.Context(), r, false); err != nil || len(faults) != 1 || !strings.Contains(faults[0].Reason, test.want) {
				t.Errorf("%s: %v, %v", test.name, faults, err)
			}
		}
		elsewhere := reservation("elsewhere", "party-b")
		elsewhere.Segment = dialer.Segment{"age_band": {"25-34"}}
		h.reserve(elsewhere, false)
		later := reservation("next-round", "party-b")
		later.Round = "FR-PRES-2027-R2"
		h.reserve(later, false)
		h.pass(time.Minute)
		h.reserve(reservation("next", "party-b"), false)
		all, err := h.dialer().Reservations()
		if err != nil || len(all) != 4 {
			t.Errorf("%+v, %v", all, err)
		}
		if err := h.dialer().Unreserve(t.Context(), "nobodys", "op-anne", ""); err == nil {
			t.Error("what is not reserved was removed")
		}
	})
}

// Ensure that a reservation survives a restart, and that two parties who bought
// a segment together share it.
func TestReserve_Shared(t *testing.T) {
	in(t, plan{people: 20}, func(h *house) {
		h.spread()
		h.reserve(reservation("young", "party-b", "party-a", "party-b"), false)
		h.restart()
		job := h.accept(h.job("first", "party-a"))
		h.run()
		if b := h.awaitState(job.ID, "closed").Balance; b.Final["delivered"] != 20 {
			t.Errorf("closed with %+v", b)
		}
		if all, err := h.dialer().Reservations(); err != nil || len(all) != 1 || !slices.Equal(all[0].Parties, []string{"party-a", "party-b"}) {
			t.Errorf("%+v, %v", all, err)
		}
	})
}
