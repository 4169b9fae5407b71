package dialer_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// replay enters what the journal has into the ledger, as a start does.
func (h *house) replay() {
	h.t.Helper()
	entries := h.journal.entries
	if err := h.dialer().Restore(context.Background(), uint64(len(entries)), entries...); err != nil {
		h.t.Fatal(err)
	}
}

// Ensure that an objection which only the journal could keep is effective at
// once, between decision and gate and while a request is under way, and is in
// force in the daemon's next life (I1, I13, I16).
func TestObject_LedgerFails(t *testing.T) {
	in(t, plan{people: 80, inFlight: 8, rate: 5000}, func(h *house) {
		var intents atomic.Int64
		fails := func(move string) {
			if move != "*dialer.intend" || intents.Add(1) != 20 {
				return
			}
			h.ledger.dead.Store(true)
			for i := 0; i < 60; i += 3 {
				p := h.directory.people[i]
				if effect := h.object(p.ID); effect != dialer.Effective {
					t.Errorf("told %q", effect)
				}
				h.carrier.forbid(p.number)
			}
		}
		h.ledger.after.Store(&fails)
		job := h.accept(h.job("first", "party-a"))
		h.run()
		if err := <-h.ended; !errors.Is(err, errKilled) {
			t.Errorf("run: %v", err)
		}
		h.cancel()
		h.cancel = nil

		// The daemon dials no more, and hears for a while.
		by, talks := h.undialledPerson(1), h.undialledPerson(4)
		h.inbound(by, "STOP", false)
		h.carrier.forbid(by.number)
		_, err := h.dialer().Inbound(t.Context(), dialer.InboundText{SID: "SMtalk", From: talks.number, Body: "bonjour", ReceivedAt: h.clock.Now()})
		if !errors.Is(err, errKilled) {
			t.Errorf("a text that is no objection: %v, want that it comes again", err)
		}

		h.ledger.after.Store(nil)
		h.restart()
		h.replay()
		before := h.carrier.began()
		h.run()
		var b dialer.BalanceSheet
		h.await("everybody else is dialled", func() bool {
			b = h.show(job.ID).Balance
			return b.Final["delivered"]+b.ExcludedLater["OPTED_OUT"]+b.InDoubt+b.Placed == 80
		})
		if b.ExcludedLater["OPTED_OUT"] < 10 || before < 10 || h.carrier.began() < before+20 {
			t.Errorf("little was put to the test: %d requests before, %d in all, %+v", before, h.carrier.began(), b)
		}
	})
}

// undialledPerson returns somebody for whom no request has begun, other than
// every third one.
func (h *house) undialledPerson(from int) *person {
	h.t.Helper()
	dialled := map[contact.Number]bool{}
	for _, request := range h.carrier.requests() {
		dialled[request.To] = true
	}
	for i, p := range h.directory.people[from:] {
		if (i+from)%3 != 0 && !dialled[p.number] {
			return p
		}
	}
	h.t.Fatal("everybody was dialled: the test shows nothing")
	return nil
}

// Ensure that a contact whose objection the ledger does not have is never
// forgotten, however long the process lives on.
func TestObject_LedgerFails_NeverForgotten(t *testing.T) {
	in(t, plan{people: 4}, func(h *house) {
		alone := h.directory.people[2]
		first := true
		once := func(move string) error {
			if move == "*dialer.recordObjections" && first {
				first = false
				return errCut
			}
			return nil
		}
		h.ledger.meet.Store(&once)
		job := h.job("later", "party-a")
		job.Schedule.Start = h.clock.Now().Add(time.Minute)
		h.accept(job)
		h.run()
		h.awaitState(job.ID, "ready")
		h.object(alone.ID)
		h.carrier.forbid(alone.number)
		// Against the rules the ledger goes on, without the objection: the gate
		// alone stands between the contact and a request.
		if b := h.awaitState(job.ID, "closed").Balance; b.Final["delivered"] != 3 || b.ExcludedLater["OPTED_OUT"] != 1 {
			t.Errorf("closed with %+v", b)
		}
	})
}
