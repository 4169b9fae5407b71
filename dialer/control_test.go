package dialer_test

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hustings/hustings/dialer"
)

// order is one of the operators' orders.
type order func(h *house, campaign string) error

func pause(h *house, campaign string) error {
	return h.dialer().Pause(h.t.Context(), campaign, "op-anne", "to think")
}

func resume(h *house, campaign string) error {
	_, err := h.dialer().Give(h.t.Context(), dialer.NewOrder(dialer.OrderResume, campaign, "op-anne", "thought"))
	return err
}

func cancel(h *house, campaign string) error {
	return h.dialer().Cancel(h.t.Context(), campaign, "op-bruno", "wrong text")
}

func (h *house) give(campaign string, give order) {
	h.t.Helper()
	if err := give(h, campaign); err != nil {
		h.t.Fatal(err)
	}
}

// Ensure that no request begins after Pause has returned, but for those that
// workers have in hand, and that dialling goes on where it was.
func TestDialer_Pause(t *testing.T) {
	in(t, plan{people: 150, rate: 100, inFlight: 4}, func(h *house) {
		job := h.begin(20)
		for range 3 {
			h.give(job.ID, pause)
			began := h.carrier.began()
			asked := h.decisions()
			h.pass(time.Minute)
			if n := h.carrier.began() - began; n > h.plan.inFlight {
				t.Errorf("%d requests began after the pause", n)
			}
			if n := asked.Load(); n > int64(h.plan.inFlight) {
				t.Errorf("the rules were asked %d times while the campaign is paused", n)
			}
			h.give(job.ID, resume)
			began = h.carrier.began()
			h.await("dialling goes on", func() bool { return h.carrier.began() > began+10 })
		}
		if b := h.awaitState(job.ID, "closed").Balance; b.Final["delivered"] != 150 {
			t.Errorf("closed with %+v", b)
		}
	})
}

// Ensure that whoever has been intended, and is on the way to the gate when an
// operator stops the campaign, turns back there.
func TestDialer_Pause_BeforeTheGate(t *testing.T) {
	for name, stop := range map[string]order{"pause": pause, "cancel": cancel} {
		t.Run(name, func(t *testing.T) {
			in(t, plan{people: 60, rate: 100, inFlight: 1}, func(h *house) {
				var intended, began atomic.Int64
				after := func(move string) {
					if move != "*dialer.intend" {
						return
					}
					if intended.Add(1) == 20 {
						began.Store(int64(h.carrier.began()))
						h.give("first", stop)
						h.pass(1500 * time.Millisecond) // the worker dawdles, within its permit's life
					}
				}
				h.ledger.after.Store(&after)
				job := h.accept(h.job("first", "party-a"))
				h.run()
				h.await("the order is given", func() bool { return intended.Load() >= 20 })
				h.pass(5 * time.Second)
				if n := h.carrier.began(); n != int(began.Load()) || n != 19 {
					t.Errorf("%d requests began, %d of them before the order was given", n, began.Load())
				}
				if b := h.show(job.ID).Balance; b.Intended != 0 || b.Withdrawn != 1 {
					t.Errorf("the one on its way did not turn back: %+v", b)
				}
				if name == "pause" {
					h.give(job.ID, resume)
					h.await("nobody is lost", func() bool { return h.show(job.ID).Balance.Final["delivered"] == 60 })
				}
				h.awaitState(job.ID, "closed")
			})
		})
	}
}

// Ensure that nobody is left behind by a pause that an operator takes back at
// once, whatever the dispatcher had in hand, and whatever waits elsewhere.
func TestDialer_Pause_TakenBackAtOnce(t *testing.T) {
	places := []string{"FR-75", "FR-974"}
	in(t, plan{people: 200, places: places, start: at(19, 0), rate: 2000, inFlight: 16}, func(h *house) {
		job := h.begin(5)
		for range 5 {
			h.give(job.ID, pause)
			h.give(job.ID, resume)
			h.pass(10 * time.Millisecond)
		}
		h.await("everybody in Paris has been dialled", func() bool { return h.show(job.ID).Balance.Final["delivered"] == 100 })
	})
}

// Ensure that a cancelled campaign closes with its books in order, whatever it
// Ensure that what holds after a pause and a resume at the same time is what the
// ledger says, whichever was answered first.
func TestDialer_Pause_ResumedMeanwhile(t *testing.T) {
	in(t, plan{people: 300, rate: 1, inFlight: 2}, func(h *house) {
		job := h.accept(h.job("first", "party-a"))
		h.run()
		h.await("the first request", func() bool { return h.created() >= 1 })
		for range 200 {
			var both sync.WaitGroup
			both.Go(func() { _ = h.dialer().Pause(t.Context(), job.ID, "op-anne", "") })
			both.Go(func() {
				_, _ = h.dialer().Give(t.Context(), dialer.NewOrder(dialer.OrderResume, job.ID, "op-bruno", ""))
			})
			both.Wait()
			if said, kept := h.dialer().Stops(job.ID), h.show(job.ID).State == "paused"; said != kept {
				t.Fatalf("the campaign is %s, and workers turn back: %v", h.show(job.ID).State, said)
			}
		}
	})
}

// was doing.
func TestDialer_Cancel(t *testing.T) {
	for name, meanwhile := range map[string]reply{"delivered": delivered(), "in doubt": unclear(false), "withdrawn": dead(0)} {
		t.Run(name, func(t *testing.T) {
			in(t, plan{people: 100, rate: 100, inFlight: 4, speed: 30}, func(h *house) {
				h.carrier.always(meanwhile)
				job := h.begin(4)
				h.give(job.ID, cancel)
				began := h.carrier.began()
				view := h.awaitState(job.ID, "closed")
				if n := h.carrier.began() - began; n > h.plan.inFlight {
					t.Errorf("%d requests began after the campaign was cancelled", n)
				}
				if view.Ending != "cancelled" || view.Balance.ExcludedLater["CANCELLED"] == 0 {
					t.Errorf("closed as %s with %+v", view.Ending, view.Balance)
				}
			})
		})
	}
}

// Ensure that a campaign can be cancelled before it starts, and while paused.
func TestDialer_Cancel_BeforeTheStart(t *testing.T) {
	for name, before := range map[string][]order{"ready": nil, "paused": {pause}, "paused, resumed": {pause, resume}} {
		t.Run(name, func(t *testing.T) {
			in(t, plan{people: 10}, func(h *house) {
				job := h.job("later", "party-a")
				job.Schedule.Start = h.clock.Now().Add(24 * time.Hour)
				h.accept(job)
				h.run()
				h.awaitState(job.ID, "ready")
				for _, give := range before {
					h.give(job.ID, give)
				}
				h.give(job.ID, cancel)
				if b := h.awaitState(job.ID, "closed").Balance; b.ExcludedLater["CANCELLED"] != 10 || h.carrier.began() != 0 {
					t.Errorf("closed with %+v", b)
				}
			})
		})
	}
}

// Ensure that an order which does not fit the campaign's state is refused, and
// one to no campaign, too.
func TestDialer_Control_Refused(t *testing.T) {
	in(t, plan{people: 5}, func(h *house) {
		job := h.accept(h.job("first", "party-a"))
		if err := pause(h, "none"); !errors.Is(err, dialer.ErrNoCampaign) {
			t.Errorf("an order to no campaign: %v", err)
		}
		h.run()
		h.awaitState(job.ID, "closed")
		for name, give := range map[string]order{"pause": pause, "resume": resume, "cancel": cancel} {
			if err := give(h, job.ID); !errors.Is(err, dialer.ErrCampaignState) {
				t.Errorf("%s a closed campaign: %v", name, err)
			}
		}
	})
}

// Ensure that the carrier is never asked for more than the budget pays, counted
// by its own log, and that the campaign ends when the money does.
func TestDialer_Run_Budget(t *testing.T) {
	for name, r := range map[string]reply{"delivered": delivered(), "in doubt": unclear(true)} {
		t.Run(name, func(t *testing.T) {
			if name == "in doubt" {
				long(t)
			}
			in(t, plan{people: 100, inFlight: 16, rate: 2000, speed: 30}, func(h *house) {
				h.carrier.answers(func(number int, _ dialer.Request) reply {
					switch {
					case number%5 == 0:
						return answered(dialer.Withdrawn, 20429, dialer.EffectThrottle)
					case number%4 == 0:
						return r // in a row of five the breaker would open
					}
					return delivered()
				})
				job := h.job("poor", "party-a")
				job.Message.Body += " " + string(slices.Repeat([]byte("x"), 200)) // three segments
				price := h.registry.Tariff.Segment * dialer.Money(dialer.MeasureText(job.Message.Body).Segments)
				h.planAndRaise(job, price*100+price/2, 2.5)
				price = price * 5 / 2
				h.run()
				view := h.awaitState(job.ID, "closed")
				var created dialer.Money
				for _, request := range h.carrier.requests() {
					if request.created {
						created += price
					}
				}
				if created > job.Budget || created < 39*price || view.Balance.Reserved > job.Budget {
					t.Errorf("%s was spent and %s reserved of %s", created, view.Balance.Reserved, job.Budget)
				}
				if view.Ending != "budget" || view.Balance.ExcludedLater["BUDGET"] < 60 {
					t.Errorf("closed as %s with %+v", view.Ending, view.Balance)
				}
			})
		})
	}
}

// planAndRaise has a job planned for a budget, and then raises the tariff: the money
// does not suffice for all of the audience any more.
func (h *house) planAndRaise(job *dialer.Job, budget dialer.Money, factor float64) {
	h.t.Helper()
	job.Budget, job.Schedule.Start = budget, h.clock.Now().Add(time.Hour)
	h.accept(job)
	h.run()
	h.awaitState(job.ID, "ready")
	h.halt()
	h.registry.Tariff.Segment = dialer.Money(float64(h.registry.Tariff.Segment) * factor)
	h.restart()
}

// Ensure that a campaign ends with its time, even while another is being planned.
func TestDialer_Run_TimeOver(t *testing.T) {
	in(t, plan{people: 200, rate: 2}, func(h *house) {
		job := h.job("short", "party-a")
		job.Schedule.End = h.clock.Now().Add(30 * time.Second)
		h.accept(job)
		h.run()
		h.await("requests began", func() bool { return h.carrier.began() > 5 })
		slow := func(move string) error {
			if move == "*dialer.plannedMove" {
				h.pass(time.Minute)
			}
			return nil
		}
		h.ledger.meet.Store(&slow)
		h.accept(h.job("other", "party-b"))
		view := h.awaitState(job.ID, "closed")
		if view.Ending != "time_over" || view.Balance.ExcludedLater["TIME_OVER"] == 0 {
			t.Errorf("closed as %s with %+v", view.Ending, view.Balance)
		}
		for _, request := range h.carrier.requests() {
			if request.Body == job.Message.Body && request.at.After(job.Schedule.End.Add(time.Second)) {
				t.Errorf("a request began at %s, after the end at %s", request.at, job.Schedule.End)
			}
		}
	})
}

// Ensure that nothing begins before a campaign's start.
func TestDialer_Run_Start(t *testing.T) {
	in(t, plan{people: 5}, func(h *house) {
		job := h.job("later", "party-a")
		job.Schedule.Start = h.clock.Now().Add(time.Minute)
		h.accept(job)
		h.run()
		h.awaitState(job.ID, "closed")
		if first := h.carrier.requests()[0].at; first.Before(job.Schedule.Start) {
			t.Errorf("the first request began at %s", first)
		}
	})
}

// Ensure that a campaign whose sender has left the registry is held, finds the
// outcomes of what it has sent, and ends with its time all the same (I6).
func TestDialer_Run_SenderHasLeft(t *testing.T) {
	in(t, plan{people: 30, rate: 10, speed: 600, inFlight: 2}, func(h *house) {
		h.carrier.always(reply{answer: dialer.Answer{Kind: dialer.Accepted}, created: true, takes: time.Second, remembers: dialer.StatusDelivered})
		job := h.job("orphan", "party-a")
		job.Schedule.End = h.clock.Now().Add(48 * time.Hour)
		h.accept(job)
		h.run()
		h.await("some are placed", func() bool { return h.show(job.ID).Balance.Placed >= 2 })
		h.halt()
		h.registry.Senders = slices.DeleteFunc(h.registry.Senders, func(s dialer.Sender) bool { return s.ID == job.Sender })
		h.restart()
		before := h.carrier.began()
		h.run()
		h.awaitState(job.ID, "held")
		view := h.awaitState(job.ID, "closed")
		if view.Ending != "time_over" || view.Balance.Final["delivered"] != uint64(before) || h.carrier.began() != before {
			t.Errorf("closed as %s with %+v after %d requests", view.Ending, view.Balance, h.carrier.began())
		}
	})
}

// Ensure that a campaign which was accepted but not planned before its sender
// left is planned when the sender is back.
func TestDialer_Run_SenderComesBack(t *testing.T) {
	in(t, plan{people: 10}, func(h *house) {
		job := h.accept(h.job("orphan", "party-a"))
		senders := h.registry.Senders
		h.registry.Senders = nil
		h.run()
		h.pass(10 * time.Second)
		h.halt()
		h.registry.Senders = senders
		h.restart()
		h.run()
		if h.show(job.ID).State == "held" {
			h.give(job.ID, resume)
		}
		if b := h.awaitState(job.ID, "closed").Balance; b.Final["delivered"] != 10 {
			t.Errorf("closed with %+v", b)
		}
	})
}

// Ensure that a campaign which never could be planned ends with its time, too,
// and that an unfinished plan leaves nobody bound (I6).
func TestDialer_Run_NeverPlanned(t *testing.T) {
	in(t, plan{people: 10, speed: 600}, func(h *house) {
		job := h.job("orphan", "party-a")
		job.Schedule.End = h.clock.Now().Add(24 * time.Hour)
		h.accept(job)
		h.cutAt("*dialer.plannedMove", 1)
		h.runIntoFailure()
		h.halt()
		h.registry.Senders = nil
		h.restart()
		h.run()
		if view := h.awaitState(job.ID, "closed"); view.Ending != "time_over" || view.Balance.Audience != 0 || h.show(job.ID).ReportDue.IsZero() {
			t.Errorf("closed as %s with %+v", view.Ending, view.Balance)
		}
		h.view(func(tx dialer.Tx) {
			if party := dialer.PartyOf(tx, job.Round, h.directory.people[0].ID); party != "" {
				t.Errorf("a contact is still bound to %s", party)
			}
		})
	})
}

// Ensure that without its directory the dialer dials nobody, excludes nobody and moves
// no campaign, and goes on once the directory is there.
func TestDialer_DirectoryLost(t *testing.T) {
	in(t, plan{people: 40, speed: 60}, func(h *house) {
		job := h.accept(h.job("first", "party-a"))
		h.run()
		h.await("some are dialled", func() bool { return len(h.carrier.requests()) > 5 })
		h.directory.gone.Store(true)
		h.restart()
		h.run()
		h.pass(3 * time.Second)
		if halted := h.dialer().Halted(); !slices.Equal(halted, []dialer.HaltReason{dialer.HaltDirectory}) {
			t.Errorf("halted for %v", halted)
		}
		before := len(h.carrier.requests())
		h.pass(10 * time.Minute)
		if v := h.show(job.ID); v.State != "running" || len(v.Balance.ExcludedLater) != 0 || len(h.carrier.requests()) != before || before == 40 {
			t.Errorf("campaign is %s with %v excluded, %d requests and then %d", v.State, v.Balance.ExcludedLater, before, len(h.carrier.requests()))
		}
		h.directory.gone.Store(false)
		h.awaitState(job.ID, "closed")
		if halted := h.dialer().Halted(); len(halted) != 0 || len(h.carrier.requests()) != 40 {
			t.Errorf("halted for %v, %d requests", halted, len(h.carrier.requests()))
		}
	})
}
