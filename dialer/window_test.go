package dialer_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// at is an instant on 9 March 2027 by the clocks of Paris.
func at(hour, minute int) time.Time {
	paris, _ := contact.FindTerritory("FR-75")
	return time.Date(2027, 3, 9, hour, minute, 0, 0, paris.Zones[0])
}

// decisions counts how often the rules are asked from now on.
func (h *house) decisions() *atomic.Int64 {
	count := new(atomic.Int64)
	meet := func(move string) error {
		if move == "*dialer.intend" {
			count.Add(1)
		}
		return nil
	}
	h.ledger.meet.Store(&meet)
	return count
}

// Ensure that each group of zones is dialled in its own hours, that a closed
// window holds up no other zone, and that dialling goes on when it opens. The
// judge works the hours out anew.
func TestDialer_Run_Zones(t *testing.T) {
	places := []string{"FR-75", "FR-974", "FR-971"} // Paris, La Réunion (+3 h), Guadeloupe (-5 h)
	for name, start := range map[string]time.Time{
		"before all": at(2, 0), "Paris is open": at(9, 0), "La Réunion has closed": at(19, 0), "Guadeloupe alone is open": at(23, 0),
	} {
		t.Run(name, func(t *testing.T) {
			if name == "before all" || name == "Paris is open" {
				long(t)
			}
			in(t, plan{people: 60, places: places, start: start, speed: 300, rate: 0.02, inFlight: 4}, func(h *house) {
				job := h.accept(h.job("zones", "party-a"))
				h.run()
				b := h.awaitState(job.ID, "closed").Balance
				if b.Final["delivered"] != 60 {
					t.Errorf("closed with %+v", b)
				}
			})
		})
	}
}

// Ensure that operators see which zones wait for what, and until when.
func TestDialer_Show_ParkedZones(t *testing.T) {
	in(t, plan{people: 30, places: []string{"FR-75", "FR-974"}, start: at(20, 0)}, func(h *house) {
		job := h.accept(h.job("zones", "party-a"))
		h.run()
		h.await("Paris is done", func() bool { return h.show(job.ID).Balance.Final["delivered"] == 15 })
		h.await("La Réunion is parked", func() bool { return len(h.show(job.ID).Parked) == 1 })
		parked := h.show(job.ID).Parked[0]
		if parked.Zones != "Indian/Reunion" || parked.Reason != "CALLING_WINDOW" || !parked.Until.Equal(at(5, 0).AddDate(0, 0, 1)) {
			t.Errorf("parked: %+v", parked)
		}
	})
}

// Ensure that the last request of an evening begins early enough for what the
// carrier may queue.
func TestDialer_Run_StopsBeforeTheWindowCloses(t *testing.T) {
	in(t, plan{people: 60, start: at(21, 24), rate: 0.2}, func(h *house) {
		job := h.accept(h.job("evening", "party-a"))
		h.run()
		h.await("Paris is parked", func() bool { return len(h.show(job.ID).Parked) == 1 })
		log := h.carrier.requests()
		if last := log[len(log)-1].at; len(log) < 5 || last.After(at(21, 25)) {
			t.Errorf("%d requests began, the last one at %s", len(log), last)
		}
	})
}

// Ensure that recipients whose own instant comes at night wait for the morning
// and are not asked about again and again meanwhile.
func TestDialer_Run_DueAtNight(t *testing.T) {
	in(t, plan{people: 15, start: at(20, 0), speed: 60, rate: 10, steps: 2}, func(h *house) {
		h.carrier.always(ends(dialer.StatusUndelivered))
		job := h.job("again", "party-a")
		job.Retry = dialer.JobRetry{Maximum: 1, After: dialer.Duration(8 * time.Hour), On: []string{"undelivered"}}
		h.accept(job)
		h.run()
		h.await("the first step is over", func() bool { return h.show(job.ID).Balance.Waiting == 15 })
		h.passUntil(at(3, 30).AddDate(0, 0, 1))
		asked := h.decisions()
		h.passUntil(at(7, 30).AddDate(0, 0, 1))
		if n := asked.Load(); n > 40 {
			t.Errorf("the rules were asked %d times about 15 recipients in a night", n)
		}
		h.carrier.always(delivered())
		if b := h.awaitState(job.ID, "closed").Balance; b.Final["delivered"] != 15 {
			t.Errorf("closed with %+v", b)
		}
	})
}

// Ensure that the frequency cap makes a party's second campaign wait for the
// next day (I9), and that it goes on then.
func TestDialer_Run_FrequencyCap(t *testing.T) {
	long(t)
	in(t, plan{people: 20, speed: 300}, func(h *house) {
		first := h.accept(h.job("first", "party-a"))
		second := h.accept(h.job("second", "party-a"))
		h.run()
		for _, job := range []*dialer.Job{first, second} {
			if b := h.awaitState(job.ID, "closed").Balance; b.Final["delivered"] != 20 {
				t.Errorf("closed with %+v", b)
			}
		}
		days := map[string]bool{}
		for _, request := range h.carrier.requests() {
			day := request.To.E164() + request.at.In(at(0, 0).Location()).Format(" 2006-01-02")
			if days[day] {
				t.Error("a contact was dialled twice on one day (I9)")
			}
			days[day] = true
		}
	})
}

// Ensure that silence on the eve and on the polling day holds, and that what is
// left ends with the campaign's time.
func TestDialer_Run_ElectionSilence(t *testing.T) {
	eve := time.Date(2027, 4, 16, 23, 59, 59, 0, at(0, 0).Location())
	in(t, plan{people: 30, start: eve.Add(-5 * time.Hour), speed: 600, rate: 0.001, inFlight: 2}, func(h *house) {
		job := h.job("late", "party-a")
		job.Schedule.End = eve.Add(30 * time.Hour)
		h.accept(job)
		h.run()
		view := h.awaitState(job.ID, "closed")
		if view.Ending != "time_over" || view.Balance.ExcludedLater["TIME_OVER"] == 0 {
			t.Errorf("closed as %s with %+v", view.Ending, view.Balance)
		}
		for _, request := range h.carrier.requests() {
			if request.at.After(eve) {
				t.Errorf("a request began at %s, in the silence", request.at)
			}
		}
	})
}
