package dialer_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// ringer is a carrier's exchange: it lets calls wait for as long as it likes, up to a
// day, and rings then, unless it is told not to. It notes when phones ring.
type ringer struct {
	h      *house
	random *rand.Rand

	mu    sync.Mutex
	rings []ring
}

// ring is one phone that rings, from and until.
type ring struct {
	to          contact.Number
	from, until time.Time
}

// call lets a call wait, and ring.
func (r *ringer) call(number int, request dialer.Request) reply {
	r.mu.Lock()
	wait := time.Duration(r.random.IntN(600)) * time.Second
	if r.random.IntN(3) == 0 {
		wait = 0
	}
	r.mu.Unlock()
	sid := fmt.Sprintf("CA%06d", number)
	r.h.carrier.callbacks.Go(func() {
		if r.cancelled(sid, wait) {
			r.tell(sid, dialer.StatusCanceled)
			return
		}
		one := ring{to: request.To, from: r.h.clock.Now()}
		r.tell(sid, dialer.StatusRinging)
		status := dialer.StatusNoAnswer
		if r.cancelled(sid, request.Call.Ring+5*time.Second) { // Twilio: up to five seconds more
			status = dialer.StatusCanceled
		}
		one.until = r.h.clock.Now()
		r.mu.Lock()
		r.rings = append(r.rings, one)
		r.mu.Unlock()
		r.tell(sid, status)
	})
	return accepted()
}

// cancelled waits, and tells whether the call was cancelled meanwhile.
func (r *ringer) cancelled(sid string, wait time.Duration) bool {
	for ends := time.Now().Add(wait); time.Now().Before(ends); {
		select {
		case <-time.After(100 * time.Millisecond):
		case <-r.h.carrier.closed:
			return true
		}
		if slices.Contains(r.h.carrier.cancels(), sid) {
			return true
		}
	}
	return false
}

// tell calls back how far the call is.
func (r *ringer) tell(sid string, status dialer.CarrierStatus) {
	r.h.carrier.callBack(r.entry(sid), reply{}, status)
}

func (r *ringer) entry(sid string) *begun {
	r.h.carrier.mu.Lock()
	defer r.h.carrier.mu.Unlock()
	for _, entry := range r.h.carrier.log {
		if entry.record != nil && entry.record.SID == sid {
			return entry
		}
	}
	return nil
}

// Ensure that no phone rings outside the hours of any zone that its owner may be in,
// however long the carrier lets calls wait: in each of the zones of France, through
// the last minutes before its window closes.
func TestCalls_NeverRingLate(t *testing.T) {
	for _, place := range []string{
		"FR-75", "FR-971", "FR-972", "FR-973", "FR-974", "FR-975", "FR-976", "FR-977", "FR-978", "FR-986", "FR-987", "FR-988",
	} {
		t.Run(place, func(t *testing.T) {
			territory, found := contact.FindTerritory(place)
			if !found {
				t.Fatal("no such place")
			}
			// The first of its zones to close, where it has several.
			first := territory.Zones[0]
			for _, zone := range territory.Zones {
				if closes(zone).Before(closes(first)) {
					first = zone
				}
			}
			start := closes(first).Add(-11 * time.Minute)
			in(t, plan{people: 60, voice: true, places: []string{place}, start: start, rate: 0.15}, func(h *house) {
				r := &ringer{h: h, random: rand.New(rand.NewPCG(uint64(len(place)), 7))}
				h.carrier.answers(r.call)
				job := h.call("late", "party-a")
				h.accept(job)
				h.run()
				h.pass(25 * time.Minute)
				r.mu.Lock()
				defer r.mu.Unlock()
				if len(r.rings) < 10 || len(h.carrier.cancels()) < 10 {
					t.Errorf("only %d phones rang and %d calls were cancelled: nothing was tried", len(r.rings), len(h.carrier.cancels()))
				}
				var last time.Time
				for _, one := range r.rings {
					for _, zone := range territory.Zones {
						if from, until := one.from.In(zone), one.until.In(zone); !inHours(from) || !inHours(until.Add(-time.Nanosecond)) {
							t.Errorf("a phone rang from %s until %s in %s", from.Format(time.TimeOnly), until.Format(time.TimeOnly), zone)
						}
					}
					if one.until.After(last) {
						last = one.until
					}
				}
				t.Logf("the last of %d phones was silent %s before the window closed", len(r.rings), closes(first).Sub(last).Round(time.Second))
			})
		})
	}
}

// closes is when the window closes in a zone on a Tuesday.
func closes(zone *time.Location) time.Time { return time.Date(2027, 3, 9, 21, 30, 0, 0, zone) }

// Ensure that a phone which rings for somebody who objects stops ringing, whether the
// objection comes before the carrier has answered, while the call waits or while it
// rings.
func TestCalls_StopRinging(t *testing.T) {
	for name, wait := range map[string]time.Duration{"before it is placed": 0, "while it waits or rings": 8 * time.Second} {
		t.Run(name, func(t *testing.T) {
			in(t, plan{people: 1, voice: true}, func(h *house) {
				r := &ringer{h: h, random: rand.New(rand.NewPCG(1, 1))}
				h.carrier.answers(func(number int, request dialer.Request) reply {
					answer := accepted() // and no word of it before the answer
					if wait > 0 {
						answer = r.call(number, request)
					}
					answer.takes = 3 * time.Second
					return answer
				})
				h.accept(h.call("calls", "party-a"))
				h.run()
				h.await("a call is asked for", func() bool { return h.carrier.began() == 1 })
				h.pass(wait)
				to := h.carrier.requests()[0].To
				if _, err := h.dialer().Object(t.Context(), dialer.ObjectionFrom(h.identity.ID(to), "sms", h.clock.Now())); err != nil {
					t.Fatal(err)
				}
				h.carrier.forbid(to)
				objected := h.clock.Now()
				h.await("the call is cancelled", func() bool { return len(h.carrier.cancels()) > 0 })
				if late := h.clock.Now().Sub(objected); late > 5*time.Second {
					t.Errorf("it was cancelled %s after the objection", late)
				}
				h.pass(time.Minute)
				r.mu.Lock()
				defer r.mu.Unlock()
				for _, one := range r.rings {
					if rang := one.until.Sub(one.from); rang >= 25*time.Second {
						t.Errorf("the phone rang for %s", rang)
					}
				}
			})
		})
	}
}
