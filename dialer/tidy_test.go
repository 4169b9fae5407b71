package dialer_test

import (
	"errors"
	"testing"
	"time"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// copies counts what the carrier keeps of us, sent and received.
func (c *fakeCarrier) copies() (sent, received int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, records := range c.records {
		sent += len(records)
	}
	return sent, len(c.inbound)
}

// received lets a contact write, by the list and by a callback.
func (h *house) received(from *person, sid, body string) {
	h.t.Helper()
	text := dialer.InboundText{SID: sid, From: from.number, To: "36111", Body: body, ReceivedAt: h.clock.Now()}
	h.carrier.receive(text)
	if _, err := h.dialer().Inbound(h.t.Context(), text); err != nil {
		h.t.Error(err)
	}
}

// Ensure that the carrier's copies of what is over are deleted once their time has
// come, whatever had become of them, and not before; and that no other copy is.
func TestDialer_Tidy(t *testing.T) {
	const day = 24 * time.Hour
	in(t, plan{people: 30, speed: 600, keep: 7 * day}, func(h *house) {
		h.carrier.answers(func(number int, _ dialer.Request) reply {
			switch number {
			case 1:
				return unclear(false)
			case 2: // nobody ever learns its name
				r := unclear(true)
				r.remembers = dialer.StatusDelivered
				return r
			case 3:
				return answered(dialer.Refused, 21211, dialer.NoEffect)
			case 4:
				return answered(dialer.Withdrawn, 20429, dialer.EffectThrottle)
			}
			return delivered()
		})
		h.carrier.hide(true) // its list shows nothing as long as anybody asks
		job := h.accept(h.job("first", "party-a"))
		h.run()
		h.awaitState(job.ID, "closed")
		h.carrier.hide(false)
		h.received(h.directory.people[0], "SMstop", "STOP")
		h.received(h.directory.people[1], "SMhello", "bonjour")
		closed := h.clock.Now()
		if sent, received := h.carrier.copies(); sent != 28 || received != 2 {
			t.Fatalf("the carrier keeps %d and %d copies", sent, received)
		}
		h.passUntil(closed.Add(6*day + 12*time.Hour))
		if sent, received := h.carrier.copies(); sent != 28 || received != 2 {
			t.Errorf("half a day early the carrier keeps %d and %d copies", sent, received)
		}
		h.passUntil(closed.Add(8 * day))
		if sent, received := h.carrier.copies(); sent != 0 || received != 0 {
			t.Errorf("a day late the carrier still keeps %d and %d copies", sent, received)
		}
	})
}

// Ensure that a message that is not over at the carrier stays there until it is,
// that a carrier which cannot be asked is asked again, and that what is deleted is
// known after a restart.
func TestDialer_Tidy_Refused(t *testing.T) {
	const day = 24 * time.Hour
	in(t, plan{people: 5, speed: 600, keep: day}, func(h *house) {
		h.carrier.answers(func(number int, _ dialer.Request) reply {
			if number == 1 {
				return accepted() // sent, and never told what became of it
			}
			return delivered()
		})
		job := h.accept(h.job("first", "party-a"))
		h.run()
		h.awaitState(job.ID, "closed")
		h.carrier.fail(errors.New("no line"))
		h.passUntil(h.clock.Now().Add(2 * day))
		if sent, _ := h.carrier.copies(); sent != 5 {
			t.Errorf("the carrier keeps %d copies although nobody could ask", sent)
		}
		h.carrier.fail(nil)
		h.await("all but one are deleted", func() bool { sent, _ := h.carrier.copies(); return sent == 1 })
		h.restart()
		h.run()
		h.carrier.remember(dialer.StatusDelivered)
		h.passUntil(h.clock.Now().Add(26 * time.Hour))
		if sent, _ := h.carrier.copies(); sent != 0 {
			t.Errorf("%d copies are left of what is over at last", sent)
		}
	})
}

// Ensure that copies are kept for ever where that is wanted.
func TestDialer_Tidy_Never(t *testing.T) {
	in(t, plan{people: 20, speed: 600}, func(h *house) {
		job := h.accept(h.job("first", "party-a"))
		h.run()
		h.awaitState(job.ID, "closed")
		h.passUntil(h.clock.Now().Add(60 * 24 * time.Hour))
		if sent, _ := h.carrier.copies(); sent != 20 {
			t.Errorf("%d copies are left of 20", sent)
		}
	})
}

// Ensure that nothing is deleted while anything is dialled.
func TestDialer_Tidy_Rests(t *testing.T) {
	in(t, plan{people: 40, speed: 600, keep: time.Minute, inFlight: 1, rate: 0.002}, func(h *house) {
		seen := map[contact.Number]bool{}
		r := delivered()
		r.takes = 900 * time.Millisecond // the next one begins a moment after
		h.carrier.answers(func(_ int, request dialer.Request) reply {
			seen[request.To] = true
			if sent, _ := h.carrier.copies(); sent != len(seen)-1 {
				t.Errorf("request %d began while %d copies were left", len(seen), sent)
			}
			return r
		})
		job := h.accept(h.job("first", "party-a"))
		h.run()
		h.awaitState(job.ID, "closed")
		h.await("all copies are deleted", func() bool { sent, _ := h.carrier.copies(); return sent == 0 })
	})
}
