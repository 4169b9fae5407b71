package dialer_test

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/dialer/report"
)

// heldBy runs a campaign in which the attacker's own phones say STOP to one message fewer than a hold takes and the target, whose
// message was among the first, says STOP, too, or does not. It fills in the campaign's totals.
func heldBy(t *testing.T, targetObjects bool, totals *dialer.Totals) {
	t.Helper()
	// Five of up to fifty are a tenth; four of forty-one or more are less.
	const planted, seen = 4, 41
	limits := dialer.Limits{OptOuts: dialer.ShareLimit{Window: time.Hour, Share: 0.1, Minimum: seen - 1}}
	in(t, plan{people: 200, rate: 2, inFlight: 2, options: limited(limits)}, func(h *house) {
		job := h.begin(seen)
		h.complain(0, planted)
		if targetObjects {
			h.complain(planted, 1)
			h.awaitState(job.ID, "held")
			h.give(job.ID, cancel)
		}
		view := h.awaitState(job.ID, "closed")
		// What is past needs no dialling: the days until the report are passed at once.
		h.halt()
		h.clock.start = h.clock.start.Add(view.ReportDue.Sub(h.clock.Now()) + time.Minute)
		h.restart()
		due, err := h.dialer().ReportsDue()
		if err != nil || len(due) != 1 {
			t.Fatalf("due: %+v, %v", due, err)
		}
		*totals = due[0]
	})
}

// Ensure that what the report promises and does not promise of a hold is true. An attacker who knows the limit and owns phones in the
// segment can have one other person's STOP decide whether the campaign goes on for hundreds of others: the report then tells that
// person's STOP. No noise for one person can hide it, so the report does not promise that it does.
func TestReportAttack_ThroughAHold(t *testing.T) {
	var ran, held dialer.Totals
	t.Run("campaigns", func(t *testing.T) {
		t.Run("the target does not object", func(t *testing.T) { heldBy(t, false, &ran) })
		t.Run("the target objects", func(t *testing.T) { heldBy(t, true, &held) })
	})
	if t.Failed() {
		return
	}
	if ran.Held || !held.Held {
		t.Fatalf("held: %t without the target's STOP, %t with it", ran.Held, held.Held)
	}
	const attacks = 1000
	right := 0
	for attack := range attacks {
		truth := ran
		if attack%2 == 0 {
			truth = held
		}
		figures, err := report.Draw(rand.Reader, report.Counts{
			Reached: truth.Reached, NotReached: truth.NotReached, NotContacted: truth.NotContacted, Unknown: truth.Unknown,
		})
		if err != nil {
			t.Fatal(err)
		}
		contacts, _ := figures.Reached.Contacts()
		if guess := contacts < (ran.Reached+held.Reached)/2; guess == (attack%2 == 0) {
			right++
		}
	}
	t.Logf("figures: %d were reached without the target's STOP, and %d with it; %d attacks on reports of the two, %.1f %% right. "+
		"A guess without the report is right half of the time, one under epsilon 0.9 in 71.1 %%, which such a report does not promise", ran.Reached, held.Reached, attacks, 100*float64(right)/attacks)
	if right != attacks {
		t.Errorf("%d of %d guesses are right: what the package says of holds is out of date", right, attacks)
	}
	if !report.EndingHeld.DependsOnPeople() {
		t.Error("the report of a held campaign promises what it cannot keep")
	}
}
