package dialer_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/hustings/hustings/dialer"
)

// placed gives one contact a message that the carrier has accepted and says no
// more about.
func (h *house) placed(change func(*dialer.Job)) (job *dialer.Job, row dialer.RecipientRow) {
	h.t.Helper()
	h.carrier.always(accepted())
	job = h.job("only", "party-a")
	if change != nil {
		change(job)
	}
	h.accept(job)
	h.run()
	h.await("the recipient is placed", func() bool { return h.show(job.ID).Balance.Placed == 1 })
	return job, h.only(job.ID)
}

// only is the campaign's one recipient.
func (h *house) only(campaign string) dialer.RecipientRow {
	h.t.Helper()
	for _, row := range h.recipients(campaign) {
		return row
	}
	h.t.Fatalf("campaign %s has no recipient", campaign)
	return dialer.RecipientRow{}
}

// calledBack hands the statuses in, in that order.
func (h *house) calledBack(row dialer.RecipientRow, statuses ...dialer.CarrierStatus) {
	h.t.Helper()
	for _, status := range statuses {
		update := dialer.StatusUpdate{Attempt: row.Attempt, SID: row.SID, Status: status}
		h.carrier.becomes(row.SID, status)
		if err := h.dialer().Status(context.Background(), update); err != nil {
			h.t.Fatal(err)
		}
	}
}

// Ensure that callbacks merge in whatever order and number they come: the first
// final one stays.
func TestDialer_Status_Merges(t *testing.T) {
	queued, sent, delivered := dialer.StatusQueued, dialer.StatusSent, dialer.StatusDelivered
	undelivered, failed := dialer.StatusUndelivered, dialer.StatusFailed
	for _, test := range []struct {
		name     string
		statuses []dialer.CarrierStatus
		state    dialer.RecipientState
		outcome  dialer.Outcome
	}{
		{"in order", []dialer.CarrierStatus{queued, sent, delivered}, dialer.RecipientFinal, dialer.OutcomeDelivered},
		{"twice", []dialer.CarrierStatus{sent, sent, delivered, delivered}, dialer.RecipientFinal, dialer.OutcomeDelivered},
		{"late", []dialer.CarrierStatus{delivered, sent, queued}, dialer.RecipientFinal, dialer.OutcomeDelivered},
		{"the last one alone", []dialer.CarrierStatus{undelivered}, dialer.RecipientFinal, dialer.OutcomeUndelivered},
		{"two final ones", []dialer.CarrierStatus{undelivered, delivered, failed}, dialer.RecipientFinal, dialer.OutcomeUndelivered},
		{"not final yet", []dialer.CarrierStatus{sent, queued}, dialer.RecipientPlaced, dialer.NoOutcome},
	} {
		t.Run(test.name, func(t *testing.T) {
			in(t, plan{people: 1}, func(h *house) {
				job, row := h.placed(nil)
				h.calledBack(row, test.statuses...)
				if got := h.only(job.ID); got.State != test.state || got.Outcome != test.outcome {
					t.Errorf("recipient %+v, want %s with outcome %s", got, test.state, test.outcome)
				}
			})
		})
	}
}

// Ensure that a callback which cannot be about the attempt changes nothing.
func TestDialer_Status_Strange(t *testing.T) {
	in(t, plan{people: 1}, func(h *house) {
		job, row := h.placed(nil)
		for _, update := range []dialer.StatusUpdate{
			{Attempt: row.Attempt, SID: "SM999999", Status: dialer.StatusDelivered},
			{Attempt: row.Attempt + 1, SID: row.SID, Status: dialer.StatusDelivered},
			{Attempt: 0, SID: row.SID, Status: dialer.StatusDelivered},
		} {
			if err := h.dialer().Status(t.Context(), update); err != nil {
				t.Errorf("status %+v: %v", update, err)
			}
		}
		if got := h.only(job.ID); got != row {
			t.Errorf("recipient %+v, was %+v", got, row)
		}
	})
}

// Ensure that a status after an attempt that provably was never created is none.
func TestDialer_Status_NeverCreated(t *testing.T) {
	in(t, plan{people: 1}, func(h *house) {
		h.carrier.always(answered(dialer.Refused, 21211, dialer.NoEffect))
		job := h.accept(h.job("only", "party-a"))
		h.run()
		h.awaitState(job.ID, "closed")
		h.calledBack(dialer.RecipientRow{Attempt: 1, SID: "SM000001"}, dialer.StatusDelivered)
		if view := h.show(job.ID); view.Balance.AfterClosing != 0 || len(view.Balance.Final) != 0 {
			t.Errorf("balance %+v", view.Balance)
		}
	})
}

// Ensure that statuses after closing go to a line of their own and change no
// figure of a report.
func TestDialer_Status_AfterClosing(t *testing.T) {
	in(t, plan{people: 1}, func(h *house) {
		job, row := h.placed(nil)
		h.calledBack(row, dialer.StatusUndelivered)
		before := h.awaitState(job.ID, "closed").Balance
		h.calledBack(row, dialer.StatusDelivered)
		after := h.show(job.ID).Balance
		if after.AfterClosing != 1 || after.Final["undelivered"] != 1 || after.Final["delivered"] != 0 || before.AfterClosing != 0 {
			t.Errorf("after closing %+v", after)
		}
	})
}

// Ensure that the next step is taken after the outcomes that the job names, at
// its time, as often as it says, and no more.
func TestDialer_Status_NextStep(t *testing.T) {
	in(t, plan{people: 1, speed: 600, steps: 3}, func(h *house) {
		h.carrier.always(ends(dialer.StatusUndelivered))
		job := h.job("again", "party-a")
		job.Retry = dialer.JobRetry{Maximum: 2, After: dialer.Duration(26 * time.Hour), On: []string{"undelivered"}}
		h.accept(job)
		h.run()
		if b := h.awaitState(job.ID, "closed").Balance; b.Final["undelivered"] != 1 || b.Attempts != 3 {
			t.Errorf("closed with %+v", b)
		}
		log := h.carrier.requests()
		if len(log) != 3 {
			t.Fatalf("%d requests began, want 3", len(log))
		}
		for i := range log[1:] {
			if between := log[i+1].at.Sub(log[i].at); between < 26*time.Hour {
				t.Errorf("step %d began %s after the one before, want 26h", i+2, between)
			}
		}
	})
}

// Ensure that nothing is tried again after an unknown outcome, and after others
// only if the job says so.
func TestDialer_Status_NoNextStep(t *testing.T) {
	for name, end := range map[string]reply{"unknown": unclear(false), "failed": ends(dialer.StatusFailed), "delivered": delivered()} {
		t.Run(name, func(t *testing.T) {
			in(t, plan{people: 1, speed: 60}, func(h *house) {
				h.carrier.always(end)
				job := h.job("once", "party-a")
				job.Retry = dialer.JobRetry{Maximum: 5, After: dialer.Duration(time.Minute), On: []string{"undelivered"}}
				h.accept(job)
				h.run()
				if b := h.awaitState(job.ID, "closed").Balance; b.Final[name] != 1 || b.Attempts != 1 {
					t.Errorf("closed with %+v", b)
				}
			})
		})
	}
}

// Ensure that the next step is not lost where the callback comes before the
// daemon has begun to dial again.
func TestDialer_Status_NextStepAfterRestart(t *testing.T) {
	in(t, plan{people: 1, speed: 600, steps: 2}, func(h *house) {
		job, row := h.placed(func(job *dialer.Job) {
			job.Retry = dialer.JobRetry{Maximum: 1, After: dialer.Duration(26 * time.Hour), On: []string{"undelivered"}}
		})
		h.restart()
		h.calledBack(row, dialer.StatusUndelivered)
		if got := h.only(job.ID); got.State != dialer.RecipientWaiting {
			t.Errorf("recipient %+v, want one that waits for its next step", got)
		}
		h.carrier.always(delivered())
		h.run()
		if b := h.awaitState(job.ID, "closed").Balance; b.Final["delivered"] != 1 || b.Attempts != 2 {
			t.Errorf("closed with %+v", b)
		}
	})
}

// Ensure that a message which the carrier may still have queued is called back
// when its contact objects.
func TestDialer_Object_CancelsWhatIsQueued(t *testing.T) {
	in(t, plan{people: 1}, func(h *house) {
		_, row := h.placed(nil)
		h.object(h.directory.people[0].ID)
		if got := h.carrier.cancels(); !slices.Equal(got, []string{row.SID}) {
			t.Errorf("called back %q, want %q", got, row.SID)
		}
		h.calledBack(row, dialer.StatusCanceled)
		if got := h.only("only"); got.Outcome != dialer.OutcomeFailed {
			t.Errorf("recipient %+v", got)
		}
	})
}

// Ensure that what the carrier's code asks for is done where it comes with a
// status, too: the contact has objected, or the campaign is held.
func TestDialer_Status_Effects(t *testing.T) {
	for name, effect := range map[string]dialer.Effect{"objection": dialer.EffectObjection, "hold": dialer.EffectHold, "none": dialer.EffectUnreachable} {
		t.Run(name, func(t *testing.T) {
			in(t, plan{people: 1}, func(h *house) {
				job, row := h.placed(func(job *dialer.Job) {
					job.Retry = dialer.JobRetry{Maximum: 1, After: dialer.Duration(time.Hour), On: []string{"undelivered"}}
				})
				update := dialer.StatusUpdate{Attempt: row.Attempt, SID: row.SID, Status: dialer.StatusUndelivered, Code: 30003, Effect: effect}
				h.carrier.becomes(row.SID, update.Status)
				for range 2 { // told twice
					if err := h.dialer().Status(t.Context(), update); err != nil {
						t.Fatal(err)
					}
				}
				if n := h.journal.count(); (n > 0) != (effect == dialer.EffectObjection) {
					t.Errorf("%d objections in the journal", n)
				}
				if state := h.show(job.ID).State; (state == "held") != (effect == dialer.EffectHold) {
					t.Errorf("the campaign is %s", state)
				}
			})
		})
	}
}

// Ensure that the next step comes in another part of the day where the job asks
// for it, that an outcome has a rule of its own, and that a code of the carrier's
// which is final stays so.
func TestDialer_Status_RetryRules(t *testing.T) {
	filtered := ends(dialer.StatusUndelivered)
	filtered.code, filtered.effect = 30007, dialer.EffectFiltered
	for name, test := range map[string]struct {
		end  reply
		want int
	}{"undelivered": {ends(dialer.StatusUndelivered), 3}, "failed": {ends(dialer.StatusFailed), 2}, "filtered": {filtered, 1}} {
		t.Run(name, func(t *testing.T) {
			in(t, plan{people: 1, speed: 600, steps: 3}, func(h *house) {
				h.carrier.always(test.end)
				job := h.job("again", "party-a")
				job.Retry = dialer.JobRetry{
					Maximum: 2, After: dialer.Duration(24 * time.Hour), OtherDayPart: true, On: []string{"undelivered", "failed"},
					Outcomes: map[string]dialer.RetryRule{"failed": {Maximum: 1, After: dialer.Duration(30 * time.Hour)}},
				}
				h.accept(job)
				h.run()
				h.awaitState(job.ID, "closed")
				log := h.carrier.requests()
				if len(log) != test.want {
					t.Fatalf("%d requests began, want %d", len(log), test.want)
				}
				part := func(at time.Time) string { // as people call it
					switch hour := at.In(h.directory.people[0].Zones()[0]).Hour(); {
					case hour < 12:
						return "morning"
					case hour < 17:
						return "afternoon"
					}
					return "evening"
				}
				for i := range log[1:] {
					if one, next := part(log[i].at), part(log[i+1].at); name == "undelivered" && one == next {
						t.Errorf("steps %d and %d both began in the %s", i+1, i+2, one)
					}
				}
			})
		})
	}
}
