package dialer_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hustings/hustings/dialer"
)

// limited gives the dialer limits.
func limited(limits dialer.Limits) func(*house, *dialer.Options) {
	return func(_ *house, o *dialer.Options) { o.Limits = limits }
}

// filtered is a message that a carrier drops.
func filtered() reply { return endsWith(30007, dialer.EffectFiltered) }

// complain has so many of those object who were written to, past the first ones.
func (h *house) complain(first, n int) {
	h.t.Helper()
	for _, request := range h.carrier.requests()[first : first+n] {
		h.object(h.identity.ID(request.To))
	}
}

// Ensure that each figure which goes wrong holds the campaign under its own name,
// that the hold stays on record with who ended it, that the same old figures hold
// it no second time, and that new ones do.
func TestDialer_Hold(t *testing.T) {
	for name, test := range map[string]struct {
		limits dialer.Limits
		// harm makes the figures bad.
		harm   func(h *house, round int)
		reason dialer.HoldReason
		detail string
	}{
		"opt-outs": {
			limits: dialer.Limits{OptOuts: dialer.ShareLimit{Window: time.Hour, Share: 0.1, Minimum: 40}},
			harm:   func(h *house, round int) { h.complain(8*round, 8) },
			reason: dialer.HoldOptOuts, detail: "opt-out rate: 8 of ",
		},
		"filtering": {
			limits: dialer.Limits{Filtering: dialer.ShareLimit{Window: time.Hour, Share: 0.1, Minimum: 40}},
			harm:   func(h *house, _ int) { h.carrier.always(filtered()) },
			reason: dialer.HoldFiltering, detail: "carrier filtering: ",
		},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, plan{people: 400, rate: 4, inFlight: 4, options: limited(test.limits)}, func(h *house) {
				job := h.begin(45)
				test.harm(h, 0)
				view := h.awaitState(job.ID, "held")
				if view.Hold != test.reason || !strings.HasPrefix(view.Detail, test.detail) || len(view.Holds) != 1 {
					t.Fatalf("held for %q: %s, %+v", view.Hold, view.Detail, view.Holds)
				}
				h.carrier.always(delivered())
				h.pass(61 * time.Minute) // a sender whose texts are filtered rests for an hour
				began := h.carrier.began()
				h.give(job.ID, resume)
				h.await("it goes on, over the minimum", func() bool { return h.carrier.began() > began+45 })
				view = h.show(job.ID)
				if view.State != "running" || view.Hold != "" || !strings.Contains(view.Holds[0].By, "op-anne") {
					t.Fatalf("after the resume it is %s for %q: %+v", view.State, view.Hold, view.Holds)
				}
				test.harm(h, 1)
				if view = h.awaitState(job.ID, "held"); len(view.Holds) != 2 || view.Hold != test.reason {
					t.Errorf("held again for %q: %+v", view.Hold, view.Holds)
				}
				h.carrier.always(delivered())
				h.pass(61 * time.Minute)
				h.give(job.ID, resume)
				h.awaitState(job.ID, "closed")
			})
		})
	}
}

// Ensure that few messages, few opt-outs and faults of the line hold nobody.
func TestDialer_Hold_NotForLittle(t *testing.T) {
	limits := dialer.Limits{
		OptOuts:   dialer.ShareLimit{Window: time.Hour, Share: 0.1, Minimum: 40},
		Filtering: dialer.ShareLimit{Window: time.Hour, Share: 0.1, Minimum: 40},
		Spending:  dialer.SpendLimit{Window: time.Hour, Factor: 1.5},
	}
	in(t, plan{people: 100, rate: 20, options: limited(limits)}, func(h *house) {
		job := h.begin(10)
		h.complain(0, 4)
		h.carrier.always(dead(0))
		h.pass(2 * time.Minute)
		h.carrier.always(delivered())
		if view := h.awaitState(job.ID, "closed"); len(view.Holds) != 0 || view.Balance.OptOuts != 4 {
			t.Errorf("held: %+v, with %d opt-outs", view.Holds, view.Balance.OptOuts)
		}
	})
}

// Ensure that money which goes faster than the sender's rate explains holds the
// campaign: here the tariff has fallen behind what messages are booked at.
func TestDialer_Hold_Spending(t *testing.T) {
	limits := dialer.Limits{Spending: dialer.SpendLimit{Window: time.Minute, Factor: 1.5, Minimum: dialer.Unit}}
	in(t, plan{people: 300, rate: 10, options: limited(limits)}, func(h *house) {
		job := h.begin(10)
		h.pass(10 * time.Second)
		if state := h.show(job.ID).State; state != "running" {
			t.Fatalf("at the forecast speed it is %s", state)
		}
		h.halt()
		h.registry.Tariff.Segment /= 4
		h.restart()
		h.run()
		view := h.awaitState(job.ID, "held")
		if view.Hold != dialer.HoldSpending || !strings.HasPrefix(view.Detail, "spend velocity: ") {
			t.Errorf("held for %q: %s", view.Hold, view.Detail)
		}
		h.halt()
		h.registry.Tariff.Segment *= 4
		h.restart()
		h.run()
		h.give(job.ID, resume)
		h.awaitState(job.ID, "closed")
	})
}

// Ensure that a campaign whose text new rules forbid, or whose sender the registry
// has lost, is held for its content.
func TestDialer_Hold_Content(t *testing.T) {
	in(t, plan{people: 200, rate: 5}, func(h *house) {
		job := h.begin(10)
		senders := h.registry.Senders
		h.halt()
		h.registry.Senders = nil
		h.restart()
		h.run()
		view := h.awaitState(job.ID, "held")
		if view.Hold != dialer.HoldContent || !strings.Contains(view.Detail, "no longer fits the registry") {
			t.Errorf("held for %q: %s", view.Hold, view.Detail)
		}
		h.halt()
		h.registry.Senders = senders
		h.restart()
		h.run()
		h.give(job.ID, resume)
		h.awaitState(job.ID, "closed")
	})
}
