package dialer_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// later is a job that is planned now and starts in a day, so that plans can be
// looked at before anybody is dialled.
func (h *house) later(id, party string, size int) *dialer.Job {
	job := h.job(id, party)
	job.Size, job.Schedule.Start = size, h.clock.Now().Add(24*time.Hour)
	return job
}

func overlap(a, b map[contact.ID]dialer.RecipientRow) (both int) {
	for id := range a {
		if _, found := b[id]; found {
			both++
		}
	}
	return both
}

// Ensure that of two parties the first to come gets the contacts, in the order
// of acceptance, and that no contact is in both audiences (I3).
func TestPlan_FirstComeFirstServed(t *testing.T) {
	in(t, plan{people: 1100}, func(h *house) {
		first := h.accept(h.later("first", "party-b", 600))
		second := h.accept(h.later("second", "party-a", 600))
		again := h.accept(h.later("again", "party-b", 1100))
		h.run()
		for _, job := range []*dialer.Job{first, second, again} {
			h.awaitState(job.ID, "ready")
		}
		if n := overlap(h.recipients(first.ID), h.recipients(second.ID)); n != 0 {
			t.Errorf("%d contacts are in both parties' audiences", n)
		}
		if n := overlap(h.recipients(first.ID), h.recipients(again.ID)); n != 600 {
			t.Errorf("the party's second campaign has %d of its first one's contacts, want all 600", n)
		}
		for name, want := range map[string][4]uint64{ // considered, claimed, not drawn, audience
			first.ID: {1100, 0, 500, 600}, second.ID: {1100, 600, 0, 500}, again.ID: {1100, 500, 0, 600},
		} {
			b := h.show(name).Balance
			if got := [4]uint64{b.Considered, b.ExcludedAtPlanning["CLAIMED"], b.NotDrawn, b.Audience}; got != want {
				t.Errorf("%s: %v, want %v", name, got, want)
			}
		}
	})
}

// Ensure that claims hold for one round: in the next one another party may come
// first.
func TestPlan_ClaimsEndWithTheRound(t *testing.T) {
	in(t, plan{people: 10}, func(h *house) {
		first := h.accept(h.later("first", "party-a", 500))
		other := h.later("other", "party-b", 500)
		other.Round = "FR-PRES-2027-R2"
		h.accept(other)
		h.run()
		h.awaitState(first.ID, "ready")
		h.awaitState(other.ID, "ready")
		if b := h.show(other.ID).Balance; b.Audience != 10 {
			t.Errorf("in the other round %+v", b)
		}
	})
}

// Ensure that a plan which was cut short at any of its moves is wiped and made
// again, with books that balance and no claim left of those who are not in it.
func TestPlan_CutShort(t *testing.T) {
	in(t, plan{people: 4100, parties: []string{"party-a"}}, func(h *house) {
		job := h.accept(h.later("first", "party-a", 4100))
		for _, cut := range []struct {
			move  string
			after int
		}{
			{"*dialer.recipientsMove", 1},
			{"*dialer.recipientsMove", 3},
			{"*dialer.plannedMove", 1},
			{"*dialer.wipeMove", 2},
		} {
			h.cutAt(cut.move, cut.after)
			h.runIntoFailure()
			h.checkBooks()
		}
		gone := h.directory.people[:50]
		for _, p := range gone {
			h.object(p.ID)
		}
		h.run()
		b := h.awaitState(job.ID, "ready").Balance
		if b.Considered != 4100 || b.ExcludedAtPlanning["OPTED_OUT"] != 50 || b.Audience != 4050 || b.Planned != 4050 {
			t.Errorf("planned again: %+v", b)
		}
		h.view(func(tx dialer.Tx) {
			for _, p := range gone {
				if party := dialer.PartyOf(tx, job.Round, p.ID); party != "" {
					t.Errorf("a contact who is not in the plan is still bound to %s", party)
				}
			}
		})
	})
}

var errCut = errors.New("the power was cut")

// cutAt makes the ledger die when so many moves of a kind have been tried.
func (h *house) cutAt(move string, after int) {
	tried := 0
	meet := func(name string) error {
		if name != move {
			return nil
		}
		if tried++; tried < after {
			return nil
		}
		return errCut
	}
	h.ledger.meet.Store(&meet)
}

// runIntoFailure runs until the ledger dies, and opens all anew.
func (h *house) runIntoFailure() {
	h.t.Helper()
	h.run()
	select {
	case err := <-h.ended:
		if !errors.Is(err, errCut) {
			h.t.Errorf("run: %v, want the cut", err)
		}
	case <-time.After(time.Minute):
		h.t.Fatal("the move that was to be cut never came")
	}
	h.cancel()
	h.cancel = nil
	h.restart()
}

// Ensure that a plan which was cut short, and ends before it can be made again, takes
// no claim along on which a second campaign of its party has dialled (I3).
func TestPlan_CutShortForGood(t *testing.T) {
	in(t, plan{people: 6, speed: 600, rate: 1, inFlight: 2}, func(h *house) {
		none, all := 0, 500
		first := h.job("first", "party-a")
		first.Trial, h.registry.Trial.NoneAllowed = &none, true
		first.Schedule.End = h.clock.Now().Add(3 * 24 * time.Hour)
		h.accept(first)
		h.cutAt("*dialer.plannedMove", 1)
		h.runIntoFailure()
		h.ledger.meet.Store(nil)
		h.registry.Trial.NoneAllowed = false // the first one no longer fits, and is not planned again
		h.run()
		second := h.job("second", "party-a")
		second.Trial = &all
		h.accept(second)
		h.awaitState(second.ID, "closed")
		h.pass(8 * time.Minute) // past the first one's end
		h.awaitState(first.ID, "closed")
		other := h.job("third", "party-b")
		other.Trial = &all
		h.accept(other)
		if b := h.awaitState(other.ID, "closed").Balance; b.ExcludedAtPlanning["CLAIMED"] != 6 {
			t.Errorf("the other party's plan: %+v", b)
		}
		h.checkBooks()
	})
}

// Ensure that a stop in the middle of a plan is no failure, and that the plan is
// made again.
func TestPlan_StoppedShort(t *testing.T) {
	in(t, plan{people: 2100, parties: []string{"party-a"}}, func(h *house) {
		job := h.accept(h.later("first", "party-a", 2100))
		planning := make(chan struct{})
		count := 0
		meet := func(name string) error {
			if name == "*dialer.recipientsMove" {
				if count++; count == 2 {
					close(planning)
					h.pass(time.Second)
				}
			}
			return nil
		}
		h.ledger.meet.Store(&meet)
		h.run()
		<-planning
		h.restart()
		h.run()
		if b := h.awaitState(job.ID, "ready").Balance; b.Audience != 2100 {
			t.Errorf("planned again: %+v", b)
		}
	})
}

// Ensure that the audience is drawn at random, anew for each campaign, and that
// nobody is drawn who does not match the segment.
func TestPlan_Draw(t *testing.T) {
	in(t, plan{people: 1500}, func(h *house) {
		name, values := h.registry.Attributes[1].Name, h.registry.Attributes[1].Values
		for i, p := range h.directory.people {
			p.Values[1] = uint16(i % 3) // a third has none
		}
		first, second := h.later("first", "party-a", 500), h.later("second", "party-a", 500)
		first.Segment = dialer.Segment{name: {values[0], values[1]}}
		second.Segment = first.Segment
		h.accept(first)
		h.accept(second)
		h.run()
		h.awaitState(first.ID, "ready")
		h.awaitState(second.ID, "ready")
		if b := h.show(first.ID).Balance; b.Considered != 1000 || b.NotDrawn != 500 || b.Audience != 500 {
			t.Errorf("%+v", b)
		}
		drawn := h.recipients(first.ID)
		for id := range drawn {
			if h.directory.byID[id].Values[1] == 0 {
				t.Fatal("a contact without the attribute was drawn")
			}
		}
		if n := overlap(drawn, h.recipients(second.ID)); n < 190 || n > 310 {
			t.Errorf("two draws of 500 of 1000 have %d in common, want about 250", n)
		}
	})
}

// Ensure that a dry run says what planning would find, and starts nothing.
func TestEstimate(t *testing.T) {
	in(t, plan{people: 30, start: at(23, 0)}, func(h *house) {
		h.object(h.directory.people[0].ID)
		job := h.job("maybe", "party-a")
		job.Budget = h.registry.Tariff.Segment
		e, err := h.dialer().Estimate(context.Background(), job)
		if err != nil {
			t.Fatal(err)
		}
		if e.Considered != 30 || e.Audience != 1 || e.Shortfall != 499 || e.NotDrawn != 28 || e.ExcludedAtPlanning["OPTED_OUT"] != 1 || len(e.Faults) != 0 {
			t.Errorf("estimate %+v", e)
		}
		if e.Price != 29*h.registry.Tariff.Segment*dialer.Money(e.SegmentsEach) || len(e.Warnings) != 2 {
			t.Errorf("price %s, warnings %q", e.Price, e.Warnings)
		}
		if want := at(8, 0).AddDate(0, 0, 1); !e.FirstAt.Equal(want) {
			t.Errorf("the first one at %s, want %s", e.FirstAt, want)
		}
		if views, err := h.dialer().List(); len(views) != 0 || err != nil {
			t.Errorf("the dry run left %+v, %v", views, err)
		}
	})
}

// Ensure that a silence which concerns few contacts of a zone holds up none of
// the others there: it follows the place of registration, not the clock.
func TestDialer_Run_SilenceFollowsTheRegistration(t *testing.T) {
	friday := time.Date(2027, 4, 16, 9, 0, 0, 0, at(0, 0).Location())
	in(t, plan{people: 30, places: []string{"FR-75", "FR-75", "FR-971"}, start: friday}, func(h *house) {
		paris := at(0, 0).Location()
		for _, p := range h.directory.people {
			p.Zone = paris // those of Guadeloupe vote a day earlier, wherever they live
		}
		job := h.accept(h.job("friday", "party-a"))
		h.run()
		h.await("those of Paris are reached", func() bool { return h.show(job.ID).Balance.Final["delivered"] == 20 })
		for _, request := range h.carrier.requests() {
			if h.directory.byID[h.identity.ID(request.To)].Territory.Code == "FR-971" {
				t.Error("a contact was dialled on the eve of the vote at the place of registration")
			}
		}
	})
}

// Ensure that a campaign claims no more contacts than its budget can pay for.
func TestPlan_ClaimsWhatItCanPayFor(t *testing.T) {
	in(t, plan{people: 1000}, func(h *house) {
		poor := h.later("poor", "party-a", 800)
		poor.Budget = 30*h.price(poor) + h.price(poor)/2
		h.accept(poor)
		rich := h.accept(h.later("rich", "party-b", 1000))
		h.run()
		h.awaitState(rich.ID, "ready")
		if a, b := h.show(poor.ID).Balance, h.show(rich.ID).Balance; a.Audience != 30 || a.NotDrawn != 970 || a.Shortfall != 770 || b.Audience != 970 {
			t.Errorf("the poor one %+v, the rich one %+v", a, b)
		}
	})
}

// Ensure that claims on those whom nobody has dialled lapse when their campaign
// closes, that the others last for the round, and that a second campaign of the
// same party keeps what it has planned (I3).
func TestClaims_Lapse(t *testing.T) {
	in(t, plan{people: 1000, rate: 10, inFlight: 2}, func(h *house) {
		first := h.job("first", "party-a")
		first.Size = 800
		h.accept(first)
		h.run()
		second := h.accept(h.later("second", "party-a", 500))
		h.await("a part is dialled", func() bool { return h.carrier.began() >= 100 })
		if err := h.dialer().Cancel(context.Background(), first.ID, "op-anne", "the lapse"); err != nil {
			t.Fatal(err)
		}
		h.awaitState(first.ID, "closed")
		dialled := map[contact.ID]bool{}
		for _, request := range h.carrier.requests() {
			dialled[h.identity.ID(request.To)] = true
		}
		kept := h.recipients(second.ID)
		free := 0
		h.view(func(tx dialer.Tx) {
			for _, p := range h.directory.people {
				_, planned := kept[p.ID]
				want := ""
				if dialled[p.ID] || planned {
					want = "party-a"
				} else {
					free++
				}
				if got := dialer.PartyOf(tx, first.Round, p.ID); got != want {
					t.Fatalf("dialled %t, planned %t: the contact belongs to %q", dialled[p.ID], planned, got)
				}
			}
		})
		other := h.accept(h.later("other", "party-b", 1000))
		h.awaitState(other.ID, "ready")
		if b := h.show(other.ID).Balance; free < 100 || b.Audience != uint64(free) {
			t.Errorf("%d are free, and the other party has %d of them", free, b.Audience)
		}
		h.checkBooks()
	})
}

// Ensure that of many jobs which come at the same time for the same contacts each
// gets its own, in the order of acceptance, that each contact belongs to one party,
// and that the totals add up. The long form is 200 jobs for 5,000 contacts:
// HUSTINGS_JOBS=200.
func TestPlan_ManyAtOnce(t *testing.T) {
	jobs := 40
	if text := os.Getenv("HUSTINGS_JOBS"); text != "" {
		var err error
		if jobs, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	people := 25 * jobs
	in(t, plan{people: people, parties: []string{"party-a", "party-b", "party-c"}, inFlight: 1}, func(h *house) {
		var crowd sync.WaitGroup
		for i := range jobs {
			job := h.later(fmt.Sprintf("job-%03d", i), h.plan.parties[i%3], 500)
			job.Budget = 25*h.price(job) + h.price(job)/2 // so that there is something for all
			h.jobs = append(h.jobs, job)
			crowd.Go(func() {
				if rejection, err := h.submit(uint64(i+1), job); rejection != nil || err != nil {
					t.Errorf("%s: %v, %v", job.ID, rejection, err)
				}
			})
		}
		crowd.Wait()
		h.run()
		for _, job := range h.jobs {
			h.awaitState(job.ID, "ready")
		}
		views, err := h.dialer().List()
		if err != nil || len(views) != jobs {
			t.Fatalf("%d campaigns, %v", len(views), err)
		}
		owner := map[contact.ID]string{}
		for i, view := range views { // in the order of acceptance
			b := view.Balance
			claimed := uint64(0)
			for _, party := range owner {
				if party != view.Party {
					claimed++
				}
			}
			if view.Order != uint64(i+1) || b.Considered != uint64(people) || b.ExcludedAtPlanning["CLAIMED"] != claimed || b.Audience != min(25, uint64(people)-claimed) ||
				b.Considered != claimed+b.NotDrawn+b.Audience || b.Size != b.Audience+b.Shortfall {
				t.Fatalf("campaign %d of %s, with %d claimed by others: %+v", i+1, view.Party, claimed, b)
			}
			for id := range h.recipients(view.ID) {
				if other, taken := owner[id]; taken && other != view.Party {
					t.Fatalf("a contact of %s is in an audience of %s", other, view.Party)
				}
				owner[id] = view.Party
			}
		}
		h.view(func(tx dialer.Tx) {
			for _, p := range h.directory.people {
				if got := dialer.PartyOf(tx, "FR-PRES-2027-R1", p.ID); got != owner[p.ID] {
					t.Fatalf("a contact belongs to %q, want %q", got, owner[p.ID])
				}
			}
		})
	})
}
