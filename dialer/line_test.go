package dialer_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hustings/hustings/dialer"
)

// dead is a line on which no connection is made.
func dead(retryAfter time.Duration) reply {
	return reply{answer: dialer.Answer{Kind: dialer.Withdrawn, RetryAfter: retryAfter}, takes: 5 * time.Millisecond}
}

// Ensure that dialling goes on by itself within 60 s of a fault's end (I17), and
// that the dead line has used up nobody (I2).
func TestDialer_Run_LineComesBack(t *testing.T) {
	for name, fault := range map[string]reply{
		"no connection": dead(0), "no connection, patience asked for": dead(45 * time.Second), "unclear": unclear(false),
	} {
		t.Run(name, func(t *testing.T) {
			if name != "no connection, patience asked for" {
				long(t)
			}
			in(t, plan{people: 100}, func(h *house) {
				h.carrier.always(fault)
				job := h.begin(5)
				h.pass(2 * time.Minute)
				if n := h.carrier.began(); n > 40 {
					t.Errorf("%d requests began on a dead line", n)
				}
				h.carrier.always(delivered())
				before := h.carrier.began()
				h.pass(time.Minute)
				if n := h.carrier.began(); n < before+10 {
					t.Errorf("%d requests began in the minute after the fault's end", n-before)
				}
				h.await("all is done but what is in doubt", func() bool {
					b := h.show(job.ID).Balance
					return b.Final["delivered"]+b.InDoubt+b.Final["unknown"] == 100
				})
			})
		})
	}
}

// Ensure that the line is tried again although the recipient who should have
// tried it was not dialled at all.
func TestDialer_Run_ProbeIsNotSent(t *testing.T) {
	in(t, plan{people: 100, inFlight: 2}, func(h *house) {
		h.carrier.always(dead(0))
		job := h.begin(6)
		h.await("the breaker opens", func() bool { return h.carrier.began() >= 6 })
		for i, p := range h.directory.people {
			if i%10 != 0 {
				h.object(p.ID)
			}
		}
		h.carrier.always(delivered())
		b := h.awaitState(job.ID, "closed").Balance
		if b.Final["delivered"] != 10 || b.ExcludedLater["OPTED_OUT"] != 90 {
			t.Errorf("closed with %+v", b)
		}
	})
}

// Ensure that no second carries more segments than the sender's rate.
func TestDialer_Run_Paces(t *testing.T) {
	in(t, plan{people: 120, rate: 10, inFlight: 16}, func(h *house) {
		h.accept(h.job("first", "party-a"))
		h.run()
		h.await("all have begun", func() bool { return h.carrier.began() == 120 })
		log := h.carrier.requests()
		segments := dialer.MeasureText(log[0].Body).Segments
		for i := range log {
			within := 0
			for j := i; j < len(log) && log[j].at.Sub(log[i].at) < time.Second; j++ {
				within += segments
			}
			if within > 10 {
				t.Fatalf("%d segments within the second after request %d, want 10", within, i+1)
			}
		}
	})
}

// Ensure that 429 makes the sender rest as long as the carrier asks for, and
// that nobody is lost by it.
func TestDialer_Run_Throttled(t *testing.T) {
	in(t, plan{people: 30, inFlight: 1}, func(h *house) {
		throttled := answered(dialer.Withdrawn, 20429, dialer.EffectThrottle)
		throttled.answer.HTTPStatus, throttled.answer.RetryAfter = 429, 20*time.Second
		h.carrier.answers(func(number int, _ dialer.Request) reply {
			if number == 5 {
				return throttled
			}
			return delivered()
		})
		job := h.accept(h.job("first", "party-a"))
		h.run()
		if b := h.awaitState(job.ID, "closed").Balance; b.Final["delivered"] != 30 || b.Withdrawn != 1 {
			t.Errorf("closed with %+v", b)
		}
		log := h.carrier.requests()
		if rest := log[5].at.Sub(log[4].at); rest < 20*time.Second {
			t.Errorf("the sender rested for %s, want 20s", rest)
		}
	})
}

// Ensure that the capacity is shared equally by parties, whatever each orders.
func TestDialer_Run_EqualShares(t *testing.T) {
	in(t, plan{people: 200, inFlight: 1}, func(h *house) {
		half := func(i int) func(*dialer.Contact) { return func(c *dialer.Contact) { c.Values[1] = uint16(1 + i%2) } }
		for i, p := range h.directory.people {
			half(i)(&p.Contact)
		}
		bands := h.registry.Attributes[1].Values
		for i, party := range []string{"party-a", "party-b"} {
			job := h.job("for-"+party, party)
			job.Segment = dialer.Segment{h.registry.Attributes[1].Name: {bands[i]}}
			h.accept(job)
		}
		h.run()
		h.await("both are at work", func() bool { return h.carrier.began() >= 120 })
		shares := map[string]int{}
		for _, request := range h.carrier.requests()[20:120] {
			shares[request.From]++
		}
		if shares["TILLEULS"] < 40 || shares["CANAL"] < 40 {
			t.Errorf("shares of a hundred requests: %v", shares)
		}
	})
}

// Ensure that a daemon stops at any moment, however much is on its way back.
func TestDialer_Run_StopsAtAnyMoment(t *testing.T) {
	in(t, plan{people: 150, inFlight: 2, rate: 5000}, func(h *house) {
		h.accept(h.job("first", "party-a"))
		for stop := 3; stop < 120; stop += 11 {
			stopping := make(chan struct{})
			h.carrier.answers(func(number int, _ dialer.Request) reply {
				if number == stop {
					close(stopping)
				}
				r := delivered()
				r.takes = 0
				return r
			})
			h.run()
			<-stopping
			h.restart()
		}
		h.run()
		h.awaitState("first", "closed")
		if n := h.carrier.began(); n != 150 {
			t.Errorf("%d requests began, want 150", n)
		}
	})
}

// Ensure that a daemon which is stopped before it has begun is no failure.
func TestDialer_Run_StoppedAtOnce(t *testing.T) {
	in(t, plan{people: 1}, func(h *house) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := h.dialer().Run(ctx); err != nil {
			t.Errorf("ended with %v", err)
		}
	})
}

// Ensure that a commit which fails ends Run with its error, whichever move it
// was, that nothing more is dialled than what workers had in hand, and that the
// next life goes on from the ledger as it is: whether the move was made or not
// (I2, I16).
func TestDialer_Run_CommitFails(t *testing.T) {
	for _, move := range []string{
		"*dialer.recipientsMove", "*dialer.plannedMove", "*dialer.stateMove", "*dialer.intend", "*dialer.answerMove", "*dialer.lookedMove",
	} {
		for name, made := range map[string]bool{"made": true, "not made": false} {
			t.Run(move+" "+name, func(t *testing.T) {
				in(t, plan{people: 40, inFlight: 4, rate: 100, speed: 30}, func(h *house) {
					h.carrier.answers(func(number int, _ dialer.Request) reply {
						if number%5 == 0 { // so that there is something to look up
							return silently(dialer.Unclear, dialer.StatusDelivered)
						}
						return delivered()
					})
					failing := h.failOnce(move, made)
					job := h.accept(h.job("first", "party-a"))
					h.run()
					began := <-failing
					select {
					case err := <-h.ended:
						if !errors.Is(err, errCut) {
							t.Errorf("run: %v, want the move's failure", err)
						}
					case <-time.After(time.Minute):
						t.Fatal("the dialer goes on although a move has failed")
					}
					h.cancel()
					h.cancel = nil
					if n := h.carrier.began() - began; n > h.plan.inFlight {
						t.Errorf("%d requests began after the failure", n)
					}
					h.restart()
					h.run()
					if b := h.awaitState(job.ID, "closed").Balance; b.Final["delivered"]+b.Final["unknown"] != 40 || h.carrier.began() > 40+h.plan.inFlight {
						t.Errorf("closed with %+v after %d requests", b, h.carrier.began())
					}
				})
			})
		}
	}
}

// failOnce makes one move of a kind fail, made or not, and tells how many
// requests had begun by then. The ledger takes others all the same: who goes on
// after a failure is found out.
func (h *house) failOnce(move string, made bool) <-chan int {
	began := make(chan int, 1)
	var failed atomic.Bool
	h.ledger.fails = func(name string) (error, bool) {
		if name != move || failed.Swap(true) {
			return nil, false
		}
		began <- h.carrier.began()
		return errCut, made
	}
	return began
}

// Ensure that a directory which cannot be read ends Run with its error at once,
// and does not leave the campaign with fewer and fewer workers.
func TestDialer_Run_DirectoryFails(t *testing.T) {
	in(t, plan{people: 50, inFlight: 4, rate: 20}, func(h *house) {
		job := h.begin(5)
		sick := errors.New("a page cannot be read")
		h.directory.sick.Store(&sick) // for one call: the other workers see nothing of it
		select {
		case err := <-h.ended:
			if !errors.Is(err, sick) {
				t.Errorf("ended with %v", err)
			}
		case <-time.After(time.Minute):
			t.Fatal("the dialer goes on although its directory cannot be read")
		}
		h.cancel()
		h.cancel = nil
		h.restart()
		h.run()
		b := h.awaitState(job.ID, "closed").Balance
		if b.Final["delivered"]+b.ExcludedLater["ERASED"] != 50 {
			t.Errorf("closed with %+v", b)
		}
	})
}

// Ensure that nothing is dialled while the stop file is there, and that dialling
// goes on when it is gone.
func TestDialer_Stop(t *testing.T) {
	in(t, plan{people: 100, rate: 50}, func(h *house) {
		job := h.begin(10)
		h.dialer().Halt(dialer.HaltStopFile, true)
		began := h.carrier.began()
		h.pass(10 * time.Second)
		if n := h.carrier.began(); n > began+h.plan.inFlight {
			t.Errorf("%d requests began after the stop", n-began)
		}
		began = h.carrier.began()
		h.pass(time.Minute)
		if n := h.carrier.began(); n != began {
			t.Errorf("%d requests began a while after the stop", n-began)
		}
		h.dialer().Halt(dialer.HaltStopFile, false)
		h.awaitState(job.ID, "closed")
	})
}

// Ensure that nothing is dialled before the carrier has told what it holds for
// us, and that a STOP it held takes effect first (I1).
func TestDialer_Run_CatchesUpFirst(t *testing.T) {
	in(t, plan{people: 40, inFlight: 16, rate: 5000}, func(h *house) {
		stopped := h.directory.people[7]
		h.carrier.receive(dialer.InboundText{SID: "SM1", From: stopped.number, Body: "STOP", ReceivedAt: h.clock.Now().Add(-time.Hour)})
		h.carrier.fail(errors.New("no list"))
		job := h.accept(h.job("first", "party-a"))
		h.run()
		h.pass(2 * time.Minute)
		if n := h.carrier.began(); n != 0 || h.dialer().CaughtUp() {
			t.Errorf("%d requests began before the carrier could be asked", n)
		}
		h.carrier.fail(nil)
		h.awaitState(job.ID, "closed")
		if slices.ContainsFunc(h.carrier.requests(), func(b begun) bool { return b.To == stopped.number }) {
			t.Error("a request began for a contact whose STOP the carrier held")
		}
	})
}

// Ensure that a STOP which the carrier could not deliver while the line was dead
// takes effect before dialling goes on (I1).
func TestDialer_Run_CatchesUpAfterAGap(t *testing.T) {
	in(t, plan{people: 40, inFlight: 1, rate: 20}, func(h *house) {
		job := h.begin(3)
		h.carrier.always(dead(0))
		h.carrier.fail(errors.New("no line"))
		h.pass(30 * time.Second)
		gone := h.carrier.began()
		h.carrier.receive(dialer.InboundText{SID: "SM1", From: h.undialled(), Body: "STOP", ReceivedAt: h.clock.Now()})
		stopped := h.carrier.inbound[0].From
		h.pass(10 * time.Second)
		h.carrier.always(delivered())
		h.carrier.fail(nil)
		h.awaitState(job.ID, "closed")
		for _, request := range h.carrier.requests()[gone:] {
			if request.To == stopped && request.created {
				t.Error("a message was created for a contact whose STOP the carrier held during the gap")
			}
		}
	})
}

// Ensure that a STOP whose callback was lost, and which shows up late in the
// carrier's list, takes effect by the next hourly look there (I1).
func TestDialer_Run_CatchesUpWithALateList(t *testing.T) {
	in(t, plan{people: 5, speed: 60}, func(h *house) {
		h.carrier.delay(45 * time.Minute)
		h.run()
		h.passUntil(tuesday.Add(110 * time.Minute)) // ten minutes before the third look
		stopped := h.directory.people[2]
		h.carrier.receive(dialer.InboundText{SID: "SM1", From: stopped.number, Body: "STOP", ReceivedAt: h.clock.Now()})
		h.passUntil(tuesday.Add(4 * time.Hour))
		h.carrier.held()
		job := h.accept(h.job("first", "party-a"))
		if b := h.awaitState(job.ID, "closed").Balance; b.ExcludedAtPlanning["OPTED_OUT"] != 1 || b.Final["delivered"] != 4 {
			t.Errorf("closed with %+v", b)
		}
	})
}
