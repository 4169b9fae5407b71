package dialer_test

import (
	"errors"
	"testing"
	"time"

	"github.com/hustings/hustings/dialer"
)

// begin hands one job in and dials until so many requests have begun.
func (h *house) begin(requests int) *dialer.Job {
	h.t.Helper()
	job := h.accept(h.job("first", "party-a"))
	h.run()
	h.await("requests began", func() bool { return h.carrier.began() >= requests })
	return job
}

// Ensure that what is in doubt is looked up 1, 10 and 60 minutes after its
// intent and is unknown after that.
func TestDialer_Run_LooksUp(t *testing.T) {
	in(t, plan{people: 1, speed: 10}, func(h *house) {
		h.carrier.always(unclear(false))
		job := h.begin(1)
		h.await("in doubt", func() bool { return h.show(job.ID).Balance.InDoubt == 1 })
		intended := h.carrier.requests()[0].at
		for i, after := range []time.Duration{time.Minute, 10 * time.Minute, time.Hour} {
			h.passUntil(intended.Add(after - 15*time.Second))
			if n := h.carrier.looked(); n != i {
				t.Errorf("looked up %d times before %s, want %d", n, after, i)
			}
			if row := h.only(job.ID); row.State != dialer.RecipientInDoubt {
				t.Errorf("before %s: %+v", after, row)
			}
			h.passUntil(intended.Add(after + 30*time.Second))
			if n := h.carrier.looked(); n != i+1 {
				t.Errorf("looked up %d times after %s, want %d", n, after, i+1)
			}
		}
		if row := h.only(job.ID); row.Outcome != dialer.OutcomeUnknown {
			t.Errorf("after the last look: %+v", row)
		}
	})
}

// passUntil lets fake time pass up to an instant of the campaigns' time.
func (h *house) passUntil(at time.Time) {
	h.pass(time.Duration(float64(at.Sub(h.clock.Now())) / h.plan.speed))
}

// Ensure that what was accepted, and of which no more is heard, is polled after
// 10 minutes, 1 hour and 4 hours, and is unknown after that.
func TestDialer_Run_Polls(t *testing.T) {
	long(t)
	in(t, plan{people: 1, speed: 30}, func(h *house) {
		job, row := h.placed(nil)
		intended := h.carrier.requests()[0].at
		for i, after := range []time.Duration{10 * time.Minute, time.Hour, 4 * time.Hour} {
			h.passUntil(intended.Add(after - time.Minute))
			if n := h.carrier.looked(); n != i {
				t.Errorf("polled %d times before %s, want %d", n, after, i)
			}
			h.passUntil(intended.Add(after + 2*time.Minute))
		}
		if got := h.only(job.ID); got.Outcome != dialer.OutcomeUnknown || got.SID != row.SID {
			t.Errorf("after the last poll: %+v", got)
		}
		if view := h.awaitState(job.ID, "closed"); view.Balance.Final["unknown"] != 1 {
			t.Errorf("closed with %+v", view.Balance)
		}
	})
}

// Ensure that what the third look finds still under way is placed, and not
// unknown at once.
func TestDialer_Run_FoundAtTheLastLook(t *testing.T) {
	in(t, plan{people: 1, speed: 30}, func(h *house) {
		h.carrier.always(unclear(true))
		job := h.begin(1)
		h.carrier.hide(true)
		h.passUntil(h.carrier.requests()[0].at.Add(30 * time.Minute))
		h.carrier.hide(false)
		h.passUntil(h.carrier.requests()[0].at.Add(63 * time.Minute))
		if row := h.only(job.ID); row.State != dialer.RecipientPlaced || row.SID == "" {
			t.Errorf("after the last look: %+v", row)
		}
		h.carrier.remember(dialer.StatusDelivered)
		if b := h.awaitState(job.ID, "closed").Balance; b.Final["delivered"] != 1 {
			t.Errorf("closed with %+v", b)
		}
	})
}

// Ensure that a list which cannot be had is no look: what is in doubt stays so.
func TestDialer_Run_LookFails(t *testing.T) {
	in(t, plan{people: 1, speed: 60}, func(h *house) {
		h.carrier.always(reply{answer: dialer.Answer{Kind: dialer.Unclear}, created: true, takes: time.Second, remembers: dialer.StatusDelivered})
		job := h.begin(1)
		h.carrier.fail(errors.New("the list is out of order"))
		h.passUntil(h.carrier.requests()[0].at.Add(3 * time.Hour))
		if row := h.only(job.ID); row.State != dialer.RecipientInDoubt || row.Looks != 0 {
			t.Errorf("while nobody could look: %+v", row)
		}
		h.carrier.fail(nil)
		if b := h.awaitState(job.ID, "closed").Balance; b.Final["delivered"] != 1 {
			t.Errorf("closed with %+v", b)
		}
	})
}

// Ensure that a look takes no other campaign's message, nor an earlier one's,
// for the one in doubt.
func TestDialer_Run_FindsItsOwnOnly(t *testing.T) {
	in(t, plan{people: 1, speed: 600, start: tuesday}, func(h *house) {
		first := h.begin(1)
		h.awaitState(first.ID, "closed")
		h.carrier.always(unclear(false))
		second := h.job("second", "party-a")
		second.Message = first.Message // the same words, so that only the name tells them apart
		h.accept(second)
		if b := h.awaitState(second.ID, "closed").Balance; b.Final["unknown"] != 1 {
			t.Errorf("closed with %+v", b)
		}
	})
}

// Ensure that after a kill every open intent is in doubt and is never sent
// again, and that what the carrier has of them is found.
func TestDialer_Run_AfterKill(t *testing.T) {
	for name, created := range map[string]bool{"created": true, "not created": false} {
		t.Run(name, func(t *testing.T) {
			in(t, plan{people: 30, inFlight: 6, speed: 30}, func(h *house) {
				h.carrier.answers(func(number int, _ dialer.Request) reply {
					if number <= 10 {
						return delivered()
					}
					return reply{answer: dialer.Answer{Kind: dialer.Accepted}, created: created, hold: make(chan struct{}), remembers: dialer.StatusDelivered}
				})
				job := h.begin(16)
				h.await("outcomes are in", func() bool { return h.show(job.ID).Balance.Final["delivered"] == 10 })
				h.kill()
				if b := h.show(job.ID).Balance; b.Intended != 6 {
					t.Fatalf("%d open intents after the kill, want 6", b.Intended)
				}
				h.carrier.always(delivered())
				h.run()
				h.await("in doubt", func() bool { return h.show(job.ID).Balance.InDoubt == 6 })
				b := h.awaitState(job.ID, "closed").Balance
				want := map[bool]uint64{true: 30, false: 24}[created]
				if b.Final["delivered"] != want || b.Final["unknown"] != 30-want || h.carrier.began() != 30 {
					t.Errorf("closed with %+v after %d requests", b, h.carrier.began())
				}
			})
		})
	}
}

// Ensure that a daemon which stops well loses nothing: what has begun is brought
// to its end, and the rest is done after the restart.
func TestDialer_Run_Restart(t *testing.T) {
	in(t, plan{people: 60, inFlight: 5, speed: 5}, func(h *house) {
		job := h.begin(17)
		for range 3 {
			h.restart()
			if b := h.show(job.ID).Balance; b.Intended != 0 {
				t.Errorf("%d intents are open after a good stop", b.Intended)
			}
			before := h.carrier.began()
			h.run()
			h.await("dialling goes on", func() bool { return h.carrier.began() > before+3 })
		}
		if b := h.awaitState(job.ID, "closed").Balance; b.Final["delivered"]+b.Final["unknown"] != 60 || h.carrier.began() != 60 {
			t.Errorf("closed with %+v after %d requests", b, h.carrier.began())
		}
	})
}

// Ensure that a request which hangs for hours of a fast clock's time is left
// alone by the look-ups: its answer is still to come.
func TestDialer_Run_HangsOnAFastClock(t *testing.T) {
	in(t, plan{people: 3, speed: 600}, func(h *house) {
		slow := delivered()
		slow.takes = 20 * time.Second // more than three hours of the campaign's time
		h.carrier.always(slow)
		h.carrier.hide(true)
		job := h.begin(3)
		if b := h.awaitState(job.ID, "closed").Balance; b.Final["delivered"] != 3 {
			t.Errorf("closed with %+v", b)
		}
	})
}
