package dialer_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hustings/hustings/dialer"
)

func release(h *house, campaign string) error {
	_, err := h.dialer().Give(h.t.Context(), dialer.NewOrder(dialer.OrderRelease, campaign, "op-anne", "looks well"))
	return err
}

// tried is a job with a trial of so many.
func (h *house) tried(n int) *dialer.Job {
	job := h.job("first", "party-a")
	job.Trial = &n
	return h.accept(job)
}

// created counts what the carrier's own log says was created.
func (h *house) created() (n int) {
	for _, request := range h.carrier.requests() {
		if request.created {
			n++
		}
	}
	return n
}

// Ensure that a campaign dials its trial and not one more, waits and says so, and
// goes on once it is released: judged from the carrier's log.
func TestDialer_Trial(t *testing.T) {
	in(t, plan{people: 200, rate: 2000, inFlight: 16}, func(h *house) {
		job := h.tried(20)
		h.run()
		h.awaitState(job.ID, "trial")
		h.await("the trial is over", func() bool { return strings.Contains(h.show(job.ID).Detail, "must release") })
		asked := h.decisions()
		h.pass(10 * time.Minute)
		view := h.show(job.ID)
		if n := h.created(); n != 20 || view.State != "trial" || !view.Trial.Over || view.Trial.Tried != 20 || view.Balance.Attempts != 20 {
			t.Errorf("%d were created in a trial of 20; %s, %+v", n, view.State, view.Trial)
		}
		if n := asked.Load(); n != 0 {
			t.Errorf("the rules were asked %d times while the campaign waits", n)
		}
		if log := h.log.String(); strings.Count(log, dialer.EventTrialOver) != 1 {
			t.Errorf("the log does not say once that the trial is over:\n%s", log)
		}
		h.give(job.ID, pause)
		h.give(job.ID, resume)
		h.pass(time.Minute)
		if n, state := h.created(), h.show(job.ID).State; n != 20 || state != "trial" {
			t.Errorf("a pause has released the trial: %s, %d created", state, n)
		}
		h.give(job.ID, release)
		if b := h.awaitState(job.ID, "closed").Balance; b.Final["delivered"] != 200 {
			t.Errorf("closed with %+v", b)
		}
	})
}

// Ensure that a release is refused before the trial is over and after it, and
// that a campaign which is no larger than its trial needs none.
func TestDialer_Trial_Release(t *testing.T) {
	in(t, plan{people: 60, rate: 1, inFlight: 1}, func(h *house) {
		job := h.tried(30)
		h.run()
		h.await("it is on trial", func() bool { return h.carrier.began() > 2 })
		if err := release(h, job.ID); !errors.Is(err, dialer.ErrCampaignState) {
			t.Errorf("released in the middle of its trial: %v", err)
		}
		h.give(job.ID, cancel)
		h.awaitState(job.ID, "closed")
		if err := release(h, job.ID); !errors.Is(err, dialer.ErrCampaignState) {
			t.Errorf("released after its end: %v", err)
		}
	})
}

func TestDialer_Trial_IsAllThereIs(t *testing.T) {
	in(t, plan{people: 20}, func(h *house) {
		job := h.tried(30)
		h.run()
		if b := h.awaitState(job.ID, "closed"); b.Ending != "completed" || b.Balance.Final["delivered"] != 20 {
			t.Errorf("closed with %+v", b)
		}
	})
}

// Ensure that no kill, whenever it comes, and no withdrawal lets one more recipient
// through than the trial has, and that none is missing: in the carrier's own log.
func TestDialer_Trial_Kills(t *testing.T) {
	in(t, plan{people: 150, rate: 2000, inFlight: 16, speed: 5}, func(h *house) {
		h.carrier.answers(func(number int, _ dialer.Request) reply {
			if number%3 == 0 {
				return answered(dialer.Withdrawn, 20429, dialer.EffectThrottle)
			}
			return delivered()
		})
		job := h.tried(40)
		h.run()
		for i := range 8 {
			h.pass(time.Duration(i*7) * time.Millisecond)
			h.kill()
			h.run()
			if n := h.created(); n > 40 {
				t.Fatalf("%d were created in a trial of 40", n)
			}
		}
		h.await("the trial is over", func() bool { return strings.Contains(h.show(job.ID).Detail, "must release") })
		h.pass(time.Hour)
		b := h.show(job.ID).Balance
		if n := h.created(); n > 40 || b.Attempts != 40 {
			t.Errorf("%d were created, %d attempts stand in the books, in a trial of 40", n, b.Attempts)
		}
		h.carrier.always(delivered())
		h.give(job.ID, release)
		h.awaitState(job.ID, "closed")
	})
}

// Ensure that the registry says how long a trial is where the job does not, and
// whether it may be left out.
func TestJob_Validate_Trial(t *testing.T) {
	number := func(n int) *int { return &n }
	for name, test := range map[string]struct {
		terms dialer.TrialTerms
		job   *int
		fault string
	}{
		"left out":              {dialer.TrialTerms{Recipients: 50}, nil, ""},
		"another number":        {dialer.TrialTerms{Recipients: 50}, number(7), ""},
		"none, though needed":   {dialer.TrialTerms{Recipients: 50}, number(0), "without a trial"},
		"none, and allowed":     {dialer.TrialTerms{Recipients: 50, NoneAllowed: true}, number(0), ""},
		"negative":              {dialer.TrialTerms{Recipients: 50}, number(-1), "is not from 0"},
		"more than are ordered": {dialer.TrialTerms{Recipients: 50}, number(1 << 30), "is not from 0"},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, plan{}, func(h *house) {
				h.registry.Trial = test.terms
				job := h.job("first", "party-a")
				job.Trial = test.job
				var told []string
				for _, fault := range job.Validate(h.registry) {
					told = append(told, fault.String())
				}
				if all := strings.Join(told, "\n"); (test.fault == "") != (all == "") || !strings.Contains(all, test.fault) {
					t.Errorf("faults %q, want %q", all, test.fault)
				}
			})
		})
	}
}
