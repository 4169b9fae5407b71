package dialer_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// object lets contacts object in words, and returns what they were told.
func (h *house) object(ids ...contact.ID) dialer.ObjectionEffect {
	h.t.Helper()
	objections := make([]dialer.Objection, len(ids))
	for i, id := range ids {
		objections[i] = dialer.ObjectionFrom(id, "sms", h.clock.Now())
	}
	effect, err := h.dialer().Object(context.Background(), objections...)
	if err != nil {
		h.t.Error(err)
	}
	return effect
}

// Ensure that an objection which comes between the decision and the gate stops
// the attempt, and that nothing is left of it but the audit.
func TestObject_BetweenDecisionAndGate(t *testing.T) {
	in(t, plan{people: 10, inFlight: 1}, func(h *house) {
		first := true
		after := func(move string) {
			if move == "*dialer.intend" && first {
				first = false
				for _, p := range h.directory.people {
					h.object(p.ID)
					h.carrier.forbid(p.number)
				}
			}
		}
		h.ledger.after.Store(&after)
		job := h.accept(h.job("first", "party-a"))
		h.run()
		b := h.awaitState(job.ID, "closed").Balance
		if b.ExcludedLater["OPTED_OUT"] != 10 || b.Attempts != 0 || b.Reserved != 0 || h.carrier.began() != 0 {
			t.Errorf("closed with %+v after %d requests", b, h.carrier.began())
		}
	})
}

// Ensure that a permit which has lapsed begins no request and is withdrawn.
func TestPermit_Lapsed(t *testing.T) {
	in(t, plan{people: 10, inFlight: 1}, func(h *house) {
		first := true
		after := func(move string) {
			if move == "*dialer.intend" && first {
				first = false
				h.pass(2100 * time.Millisecond)
			}
		}
		h.ledger.after.Store(&after)
		job := h.accept(h.job("first", "party-a"))
		h.run()
		if b := h.awaitState(job.ID, "closed").Balance; b.Withdrawn != 1 || b.Final["delivered"] != 10 || h.carrier.began() != 10 {
			t.Errorf("closed with %+v after %d requests", b, h.carrier.began())
		}
	})
}

// Ensure that an objection waits for the request in flight, 5 s at most, and
// then says that it was received and no more.
func TestObject_WhileARequestHangs(t *testing.T) {
	for _, test := range []struct {
		name   string
		hangs  time.Duration
		effect dialer.ObjectionEffect
		after  time.Duration
	}{
		{"shortly", 3 * time.Second, dialer.Effective, 2 * time.Second},
		{"for long", time.Minute, dialer.Received, 5 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			in(t, plan{people: 1}, func(h *house) {
				slow := delivered()
				slow.takes = test.hangs
				h.carrier.always(slow)
				job := h.begin(1)
				<-time.After(h.clock.start.Sub(h.clock.Now()) + h.carrier.requests()[0].at.Sub(h.clock.start) + time.Second)
				asked := time.Now()
				if effect := h.object(h.directory.people[0].ID); effect != test.effect {
					t.Errorf("told %q, want %q", effect, test.effect)
				}
				if took := time.Since(asked); took != test.after {
					t.Errorf("told after %s, want %s", took, test.after)
				}
				if b := h.awaitState(job.ID, "closed").Balance; b.Final["delivered"] != 1 {
					t.Errorf("closed with %+v", b)
				}
			})
		})
	}
}

// Ensure that who objected is in no later audience, whichever way it came.
func TestObject_HoldsForLaterCampaigns(t *testing.T) {
	in(t, plan{people: 12}, func(h *house) {
		people := h.directory.people
		h.object(people[0].ID)
		h.inbound(people[1], "STOP", false)
		h.inbound(people[2], "no me moleste", true) // the carrier took it for a STOP
		restored := dialer.ObjectionFrom(people[3].ID, "list", h.clock.Now())
		if err := h.dialer().Restore(t.Context(), 17, restored); err != nil {
			t.Fatal(err)
		}
		if known, err := h.dialer().JournalKnown(); known != 17 || err != nil {
			t.Errorf("the journal is known up to %d, %v", known, err)
		}
		h.restart()
		for _, p := range people[:4] {
			h.carrier.forbid(p.number)
		}
		job := h.accept(h.job("first", "party-a"))
		h.run()
		if b := h.awaitState(job.ID, "closed").Balance; b.ExcludedAtPlanning["OPTED_OUT"] != 4 || b.Final["delivered"] != 8 {
			t.Errorf("closed with %+v", b)
		}
	})
}

// inbound hands a contact's text in.
func (h *house) inbound(from *person, body string, stopped bool) {
	h.t.Helper()
	_, err := h.dialer().Inbound(context.Background(), dialer.InboundText{
		SID: "SM" + body + from.ID.String(), From: from.number, To: "36111", Body: body, ReceivedAt: h.clock.Now(), CarrierStopped: stopped,
	})
	if err != nil {
		h.t.Error(err)
	}
}

// Ensure that START is no grant: who objected stays alone until a later grant,
// and that grant lifts the objection for its party only.
func TestInbound_StartIsNoGrant(t *testing.T) {
	in(t, plan{people: 2}, func(h *house) {
		started, granted := h.directory.people[0], h.directory.people[1]
		h.object(started.ID, granted.ID)
		h.carrier.forbid(started.number)
		h.pass(time.Minute)
		h.inbound(started, "START", false)
		grant := &dialer.RecordGrants{Grants: []dialer.Grant{grantOf(granted.ID, "party-a", h.clock.Now())}}
		if err := h.ledger.Commit(t.Context(), grant); err != nil {
			t.Fatal(err)
		}
		h.pass(time.Minute)
		other := h.accept(h.job("other", "party-b"))
		job := h.accept(h.job("first", "party-a"))
		h.run()
		if b := h.awaitState(job.ID, "closed").Balance; b.Final["delivered"] != 1 || b.ExcludedAtPlanning["OPTED_OUT"] != 1 {
			t.Errorf("closed with %+v", b)
		}
		if b := h.awaitState(other.ID, "closed").Balance; b.Audience != 0 || b.ExcludedAtPlanning["OPTED_OUT"] != 2 {
			t.Errorf("the other party's closed with %+v", b)
		}
	})
}

// Ensure that a text which may be an opt-out makes its contact wait for a
// person, and that the campaign goes on without.
func TestInbound_ReviewHoldsTheContact(t *testing.T) {
	in(t, plan{people: 5}, func(h *house) {
		doubtful := "je vais stop ou encore"
		if class := h.pack.Classify(doubtful).Class; class != consent.InboundReview {
			t.Fatalf("%q is %s", doubtful, class)
		}
		h.inbound(h.directory.people[0], doubtful, false)
		h.carrier.forbid(h.directory.people[0].number)
		job := h.accept(h.job("first", "party-a"))
		h.run()
		h.await("the others are done", func() bool { return h.show(job.ID).Balance.Final["delivered"] == 4 })
		h.pass(3 * time.Minute)
		if b := h.show(job.ID).Balance; b.Waiting != 1 {
			t.Errorf("balance %+v, want one that waits", b)
		}
	})
}

// Ensure that a text told twice is one objection, and that one which could not
// be kept in the journal is acknowledged to nobody.
func TestObject_Journal(t *testing.T) {
	in(t, plan{people: 3}, func(h *house) {
		h.inbound(h.directory.people[0], "STOP", false)
		h.inbound(h.directory.people[0], "STOP", false)
		if n := h.journal.count(); n != 1 {
			t.Errorf("%d objections in the journal, want 1", n)
		}
		h.journal.broken = errors.New("disk full")
		effect, err := h.dialer().Object(t.Context(), dialer.ObjectionFrom(h.directory.people[1].ID, "sms", h.clock.Now()))
		if err == nil || effect != "" {
			t.Errorf("told %q, %v", effect, err)
		}
		if effect, err := h.dialer().Object(t.Context()); effect != dialer.Effective || err != nil {
			t.Errorf("nobody's objection: %q, %v", effect, err)
		}
	})
}

// Ensure that an objection is answered only once the ledger has it, however long
// that takes, and that the journal had it before.
func TestObject_CommittedBeforeTheAnswer(t *testing.T) {
	in(t, plan{people: 2}, func(h *house) {
		slow := func(move string) error {
			if move == "*dialer.recordObjections" {
				if len(h.journal.after(0)) != 1 {
					t.Error("the ledger is told before the journal")
				}
				h.pass(time.Second)
			}
			return nil
		}
		h.ledger.meet.Store(&slow)
		asked := time.Now()
		effect := h.object(h.directory.people[0].ID)
		took := time.Since(asked)
		entered := 0
		h.view(func(tx dialer.Tx) {
			if err := dialer.EachObjection(tx, func(dialer.Objection) { entered++ }); err != nil {
				t.Error(err)
			}
		})
		if effect != dialer.Effective || took != time.Second || entered != 1 {
			t.Errorf("told %q after %s, when %d objections were entered", effect, took, entered)
		}
		h.pass(time.Minute)
	})
}
