package dialer_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// machine is a computer whose clock can be set, that can sleep, and that can be
// stopped from running anything; with a carrier that knows the time.
type machine struct {
	*fakeCarrier
	house *house
	// passed is time of which our process knows nothing, slept the part of it
	// in which the machine did not run. Wrong is how far its clock is off.
	passed, slept, wrong atomic.Int64
	// carrierWrong is how far the carrier's clock is off, slow how much longer
	// an answer was under way than anybody noticed.
	carrierWrong, slow atomic.Int64
	dateless           atomic.Bool
	twoFaced           atomic.Bool // only every other date is wrong
	date               atomic.Pointer[dialer.CarrierDate]
	asked              atomic.Int64
}

// truth is the time.
func (m *machine) truth() time.Time { return m.house.clock.Now().Add(time.Duration(m.passed.Load())) }

// Now is what the machine takes for the time.
func (m *machine) Now() time.Time { return m.truth().Add(time.Duration(m.wrong.Load())) }

func (m *machine) Span(real time.Duration) time.Duration { return real }

func (m *machine) read() (time.Time, time.Duration) {
	running := time.Since(m.house.clock.anchor) + time.Duration(m.passed.Load()-m.slept.Load())
	return m.Now(), running
}

// truthClock is the carrier's clock, for its log.
type truthClock struct{ *machine }

func (c truthClock) Now() time.Time { return c.truth() }

// tell notes the date on an answer.
func (m *machine) tell(asked time.Time) {
	wrong := m.carrierWrong.Load()
	if n := m.asked.Add(1); n%2 == 0 && m.twoFaced.Load() {
		wrong = 0
	}
	if m.dateless.Load() {
		return
	}
	m.date.Store(&dialer.CarrierDate{
		Date:  m.truth().Add(time.Duration(wrong)).UTC().Truncate(time.Second),
		Asked: asked.Add(-time.Duration(m.slow.Load())), Answered: m.Now(),
	})
}

func (m *machine) CarrierDate() dialer.CarrierDate {
	if date := m.date.Load(); date != nil {
		return *date
	}
	return dialer.CarrierDate{}
}

func (m *machine) Place(ctx context.Context, request dialer.Request) dialer.Answer {
	defer m.tell(m.Now())
	return m.fakeCarrier.Place(ctx, request)
}

func (m *machine) Find(ctx context.Context, channel contact.Channel, to contact.Number, since time.Time) ([]dialer.Record, error) {
	defer m.tell(m.Now())
	return m.fakeCarrier.Find(ctx, channel, to, since)
}

func (m *machine) Inbound(ctx context.Context, since time.Time) ([]dialer.InboundText, error) {
	defer m.tell(m.Now())
	return m.fakeCarrier.Inbound(ctx, since)
}

// onMachine runs the test with a house on such a machine. The carrier is a real
// one unless it is a sandbox, whose clock is ours.
func onMachine(t *testing.T, p plan, sandbox bool, test func(h *house, m *machine)) {
	t.Helper()
	m := new(machine)
	p.options = func(h *house, o *dialer.Options) {
		if m.house == nil { // the first life: what the carrier still has to say reads them
			m.fakeCarrier, m.house = h.carrier, h
			h.carrier.clock = truthClock{m}
		}
		o.Carrier, o.Records, o.Clock, o.Machine = m, m, m, m.read
		if !sandbox {
			o.CarrierTime = m
		}
	}
	in(t, p, func(h *house) { test(h, m) })
}

// beginInTime dials until so many requests have begun. No job is taken before
// the clock is trusted.
func (h *house) beginInTime(requests int) *dialer.Job {
	h.t.Helper()
	h.run()
	h.await("the clock is trusted", func() bool { return !h.halted() })
	job := h.accept(h.job("first", "party-a"))
	h.await("requests began", func() bool { return h.carrier.began() >= requests })
	return job
}

// halted tells whether the clock halts all dialling.
func (h *house) halted() bool { return slices.Contains(h.dialer().Halted(), dialer.HaltClock) }

// mustRest watches for a while that no request begins, but for those that are
// under way already.
func (h *house) mustRest(span time.Duration) {
	h.t.Helper()
	h.pass(100 * time.Millisecond)
	began := h.carrier.began()
	h.pass(span)
	if n := h.carrier.began() - began; n != 0 {
		h.t.Errorf("%d requests began while the clock was in doubt", n)
	}
}

// mustGoOn watches that dialling goes on within a minute (I17).
func (h *house) mustGoOn() {
	h.t.Helper()
	began := h.carrier.began()
	h.pass(time.Minute)
	if n := h.carrier.began() - began; n < 10 {
		h.t.Errorf("%d requests began in the minute after the doubt was over; halted %v, %q", n, h.dialer().Halted(), h.dialer().ClockDoubt())
	}
}

// holds gives the carrier a STOP of somebody who was not dialled, with no
// callback for it.
func (h *house) holds(m *machine) {
	h.t.Helper()
	number := h.unheld()
	h.carrier.receive(dialer.InboundText{SID: "SMheld" + h.identity.ID(number).String(), From: number, Body: "STOP", ReceivedAt: m.truth()})
	h.carrier.forbid(number)
}

// unheld is the number of somebody who was not dialled and has not objected.
func (h *house) unheld() contact.Number {
	h.t.Helper()
	dialled := h.carrier.requests()
	h.carrier.mu.Lock()
	defer h.carrier.mu.Unlock()
	for _, p := range slices.Backward(h.directory.people) {
		if h.carrier.wills[p.number] == nil && !slices.ContainsFunc(dialled, func(b begun) bool { return b.To == p.number }) {
			return p.number
		}
	}
	h.t.Fatal("everybody was dialled: the test shows nothing")
	return contact.Number{}
}

// Ensure that a step of the clock stops all dialling at once, between decision
// and gate, too; that a STOP the carrier holds takes effect first; and that
// dialling goes on once the clock is right, but not before (I4, I16, I17).
func TestClock_Stepped(t *testing.T) {
	for name, step := range map[string]time.Duration{
		"back": -time.Hour, "ahead": time.Hour, "a year ahead": 365 * 24 * time.Hour, "years back": -30 * 365 * 24 * time.Hour,
	} {
		t.Run(name, func(t *testing.T) {
			onMachine(t, plan{people: 120, rate: 40, inFlight: 4}, false, func(h *house, m *machine) {
				job := h.beginInTime(20)
				h.holds(m)
				m.wrong.Add(int64(step))
				if n := h.carrier.began(); n > 30 {
					t.Fatalf("%d requests began before the step", n)
				}
				h.mustRest(40 * time.Second)
				if doubt := h.dialer().ClockDoubt(); !h.halted() || !strings.Contains(doubt, "the carrier's is at least") {
					t.Errorf("halted %v, doubt %q", h.halted(), doubt)
				}
				if view := h.show(job.ID); view.State != "running" {
					t.Errorf("by the wrong clock the campaign became %s", view.State)
				}
				m.wrong.Store(0)
				h.mustGoOn()
				if b := h.awaitState(job.ID, "closed").Balance; b.Final["delivered"] != 119 || b.ExcludedLater["OPTED_OUT"] != 1 {
					t.Errorf("closed with %+v", b)
				}
			})
		})
	}
}

// Ensure that a clock which is set right has dialling rest for some seconds only,
// and that nobody is left behind by it.
func TestClock_SetRight(t *testing.T) {
	onMachine(t, plan{people: 100, rate: 40}, false, func(h *house, m *machine) {
		m.wrong.Store(int64(4 * time.Second)) // as far as nobody would notice
		job := h.beginInTime(20)
		m.wrong.Store(0)
		h.pass(20 * time.Millisecond)
		if !h.halted() {
			t.Error("nobody has noticed")
		}
		h.mustGoOn()
		if b := h.awaitState(job.ID, "closed").Balance; b.Final["delivered"] != 100 {
			t.Errorf("closed with %+v", b)
		}
	})
}

// Ensure that a permit which was given before a step or a sleep begins no
// request after it.
func TestClock_BetweenDecisionAndGate(t *testing.T) {
	for name, happens := range map[string]func(m *machine){
		"set back":      func(m *machine) { m.wrong.Add(-int64(time.Hour)) },
		"set far ahead": func(m *machine) { m.wrong.Add(int64(365 * 24 * time.Hour)) },
		"asleep":        func(m *machine) { m.passed.Add(int64(2 * time.Hour)); m.slept.Add(int64(2 * time.Hour)) },
		"stopped":       func(m *machine) { m.passed.Add(int64(time.Minute)) },
	} {
		t.Run(name, func(t *testing.T) {
			onMachine(t, plan{people: 20, inFlight: 1}, false, func(h *house, m *machine) {
				var intents atomic.Int64
				during := func(move string) {
					if move == "*dialer.intend" && intents.Add(1) == 3 {
						h.holds(m)
						happens(m)
					}
				}
				h.ledger.after.Store(&during)
				job := h.beginInTime(0)
				h.await("it happens", func() bool { return intents.Load() >= 3 })
				h.pass(50 * time.Millisecond)
				if n := h.carrier.began(); n != 2 {
					t.Errorf("%d requests began, want 2", n)
				}
				m.wrong.Store(0)
				if b := h.awaitState(job.ID, "closed").Balance; b.Final["delivered"] != 19 || b.ExcludedLater["OPTED_OUT"] != 1 || b.Withdrawn == 0 {
					t.Errorf("closed with %+v", b)
				}
			})
		})
	}
}

// Ensure that a wrong clock makes nothing unknown before its time: the carrier is
// asked three times about what is in doubt, as far apart as ever.
func TestClock_LooksUp(t *testing.T) {
	onMachine(t, plan{people: 2}, false, func(h *house, m *machine) {
		h.carrier.always(reply{answer: dialer.Answer{Kind: dialer.Unclear, HTTPStatus: 502}, created: true, remembers: dialer.StatusDelivered})
		h.carrier.hide(true)
		job := h.beginInTime(2)
		m.wrong.Store(int64(365 * 24 * time.Hour))
		h.pass(2 * time.Minute)
		m.wrong.Store(0)
		h.carrier.hide(false)
		if b := h.awaitState(job.ID, "closed").Balance; b.Final["delivered"] != 2 {
			t.Errorf("closed with %+v", b)
		}
	})
}

// Ensure that a machine which has slept asks for what it missed before it dials,
// and dials nobody outside the window in which it wakes up (I1, I4).
func TestClock_Slept(t *testing.T) {
	for name, test := range map[string]struct {
		sleeps  time.Duration
		sandbox bool
		goesOn  bool
	}{
		"through lunch":                {2 * time.Hour, false, true},
		"into the night":               {13 * time.Hour, false, false},
		"through lunch, in a sandbox":  {2 * time.Hour, true, true},
		"into the night, in a sandbox": {13 * time.Hour, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			onMachine(t, plan{people: 100, rate: 20}, test.sandbox, func(h *house, m *machine) {
				h.beginInTime(20)
				h.holds(m)
				m.slept.Add(int64(test.sleeps))
				m.passed.Add(int64(test.sleeps))
				if test.goesOn {
					h.mustGoOn()
				} else {
					h.mustRest(time.Minute)
				}
				if test.sandbox && strings.Contains(h.log.String(), dialer.EventClockDoubt) {
					t.Error("the sandbox's own clock was doubted")
				}
				if known := h.dialer().CaughtUp(); !known || h.halted() {
					t.Errorf("caught up %v, halted %v", known, h.halted())
				}
			})
		})
	}
}

// Ensure that a process which was not run for a while, on a machine that was,
// asks for what it missed before it dials.
func TestClock_NotRun(t *testing.T) {
	onMachine(t, plan{people: 100, rate: 20}, false, func(h *house, m *machine) {
		h.beginInTime(20)
		h.holds(m)
		m.passed.Add(int64(30 * time.Second))
		h.mustGoOn()
		if !strings.Contains(h.log.String(), dialer.EventClockGap) {
			t.Error("nobody has noticed")
		}
	})
}

// Ensure that a clock which drifts halts dialling once it is surely too far off,
// and not before.
func TestClock_Drifts(t *testing.T) {
	for name, each := range map[string]time.Duration{"ahead": 50 * time.Millisecond, "behind": -50 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			onMachine(t, plan{people: 250, rate: 3}, false, func(h *house, m *machine) {
				h.beginInTime(5)
				// Slowed down or sped up, both of the machine's clocks drift.
				drift := func(off time.Duration) {
					for m.wrong.Load() != int64(off) {
						m.slept.Add(-int64(each))
						m.wrong.Add(int64(each))
						h.pass(100 * time.Millisecond)
					}
				}
				drift(80 * each) // four seconds
				h.pass(10 * time.Second)
				if h.halted() {
					t.Errorf("halted at %s: %s", time.Duration(m.wrong.Load()), h.dialer().ClockDoubt())
				}
				drift(140 * each) // seven
				h.pass(5 * time.Second)
				if !h.halted() {
					t.Error("not halted")
				}
				h.mustRest(time.Minute)
				m.wrong.Store(0) // somebody sets it
				h.mustGoOn()
			})
		})
	}
}

// Ensure that nothing is dialled while the carrier's date is not ours, nor while
// it is only now and then.
func TestClock_WrongDate(t *testing.T) {
	onMachine(t, plan{people: 100, rate: 10}, false, func(h *house, m *machine) {
		h.beginInTime(10)
		m.carrierWrong.Store(int64(-time.Hour))
		h.pass(5 * time.Second)
		if !h.halted() {
			t.Fatal("not halted")
		}
		h.mustRest(2 * time.Minute)
		asked := m.asked.Load()
		h.pass(time.Minute)
		if n := m.asked.Load() - asked; n < 6 || n > 20 {
			t.Errorf("the carrier was asked %d times in a minute", n)
		}
		m.twoFaced.Store(true)
		h.mustRest(time.Minute)
		m.carrierWrong.Store(0)
		h.mustGoOn()
	})
}

// Ensure that nothing is dialled while the carrier tells no time at all, and that
// the reason is told.
func TestClock_NoDate(t *testing.T) {
	onMachine(t, plan{people: 40, rate: 20}, false, func(h *house, m *machine) {
		m.dateless.Store(true)
		h.run()
		h.pass(5 * time.Minute)
		if doubt := h.dialer().ClockDoubt(); !h.halted() || !strings.Contains(doubt, "not told the time") {
			t.Errorf("halted %v, doubt %q", h.halted(), doubt)
		}
		data, err := json.Marshal(h.job("first", "party-a"))
		if err != nil {
			t.Fatal(err)
		}
		if rejection, err := h.dialer().Accept(t.Context(), dialer.Submission{ID: "s1", Data: data, Order: 1}); err == nil || rejection != nil {
			t.Errorf("a job was decided on by a doubtful clock: %v, %v", rejection, err)
		}
		m.dateless.Store(false)
		h.await("the clock is trusted", func() bool { return !h.halted() })
		h.accept(h.job("first", "party-a"))
		h.mustGoOn()
	})
}

// Ensure that answers too slow to prove anything neither begin a doubt nor end
// one.
func TestClock_SlowAnswers(t *testing.T) {
	onMachine(t, plan{people: 400, rate: 3}, false, func(h *house, m *machine) {
		h.beginInTime(10)
		m.slow.Store(int64(20 * time.Second))
		h.pass(30 * time.Second)
		if h.halted() {
			t.Errorf("a doubt has begun: %s", h.dialer().ClockDoubt())
		}
		m.wrong.Add(int64(3 * time.Second))
		h.mustRest(30 * time.Second)
		m.slow.Store(0)
		h.mustGoOn()
	})
}

// Ensure that a daemon which starts with a wrong clock dials nobody, ends no
// campaign, asks for texts from where it knew them up to, and dates an objection
// so that no older grant lifts it (I1, I6, I13).
func TestClock_WrongAtTheStart(t *testing.T) {
	for name, off := range map[string]time.Duration{"long ago": -50 * 365 * 24 * time.Hour, "far ahead": 365 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			onMachine(t, plan{people: 100, rate: 20, inFlight: 1}, false, func(h *house, m *machine) {
				job := h.beginInTime(10)
				h.pass(2 * time.Second) // the watermark is written
				h.halt()
				m.wrong.Store(int64(off))
				m.passed.Add(int64(time.Hour))
				m.slept.Add(int64(time.Hour))
				h.restart()
				h.holds(m)
				hearing := h.dialer().Hearing()
				told := h.undialledPerson(5)
				if at := hearing.Now(); at.Before(m.truth().Add(-2 * time.Hour)) {
					t.Errorf("before the carrier has told the time, what is heard is dated %s", at)
				}
				h.run()
				h.pass(time.Minute)
				if at := hearing.Now(); at.Before(m.truth().Add(-20 * time.Second)) {
					t.Errorf("what is heard is dated %s, it is %s", at, m.truth())
				}
				_, err := h.dialer().Inbound(t.Context(), dialer.InboundText{SID: "SMtold", From: told.number, Body: "STOP", ReceivedAt: hearing.Now()})
				if err != nil {
					t.Fatal(err)
				}
				h.carrier.forbid(told.number)
				h.mustRest(time.Minute)
				h.holds(m)
				h.mustRest(3 * time.Minute) // longer than the list reaches back
				if view := h.show(job.ID); view.State != "running" {
					t.Errorf("by the wrong clock the campaign became %s", view.State)
				}
				m.wrong.Store(0)
				h.mustGoOn()
				b := h.awaitState(job.ID, "closed").Balance
				if b.ExcludedLater["OPTED_OUT"] != 3 || b.Final["delivered"] < 96 {
					t.Errorf("closed with %+v", b)
				}
			})
		})
	}
}
