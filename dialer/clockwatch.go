package dialer

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Windows, silences and caps are only as right as our clock. So it is watched:
// against the machine's other clock, which nothing sets, and against the date on
// the carrier's answers. While it is in doubt nothing is dialled and nothing else
// is done that only time makes right (I16); the doubt ends by itself once the
// carrier, asked anew, agrees (I17). At the start it is in doubt, too: a machine
// may have woken up in 1970.
//
// A clock that is the carrier's own, as the sandbox's is, is in no doubt,
// whatever it does. Time that the machine has slept through or the process was
// not run is a gap in either case: texts may have been lost.

const (
	// clockStep is the greatest step between our clock and the machine's running
	// time that is no step: a permit's life, the shortest time in which we
	// measure anything by the clock. What NTP does to a clock that it keeps is
	// far less, and a leap second is less.
	clockStep = permitLife
	// clockApart is how far our clock may be from the carrier's: more than the
	// second to which a Date is told and what a slow answer adds to it, and
	// nothing beside the minutes by which windows are kept.
	clockApart = 5 * time.Second
	// clockChecks is how many answers must agree before the clock is trusted.
	clockChecks = 3
	// clockAgain and clockLater are how soon the carrier is asked again after an
	// answer that agreed, and after any other.
	clockAgain, clockLater = time.Second, 5 * time.Second
	// longestPause is how long the process may go without being run before the
	// carrier may have given up on a callback: a connection that Twilio cannot
	// make within 5 s counts as failed.
	longestPause = 5 * time.Second
)

// CarrierTime tells what the carrier takes for the time.
type CarrierTime interface {
	// CarrierDate returns the date on the carrier's last answer that had one,
	// the zero value before the first.
	CarrierDate() CarrierDate
}

// CarrierDate is what the carrier took for the time, to the second, at some
// instant between two of ours: when it was asked and when it had answered.
type CarrierDate struct{ Date, Asked, Answered time.Time }

// compare returns how far the carrier's clock is ahead of ours at least, which is
// negative where it is behind, and 0 where it may be within bounds; and whether
// it surely is within bounds. An answer that was long under way proves nothing.
func (c CarrierDate) compare() (apart time.Duration, agrees bool) {
	least, most := c.Date.Sub(c.Answered), c.Date.Add(time.Second).Sub(c.Asked)
	switch {
	case least > clockApart:
		return least, false
	case most < -clockApart:
		return most, false
	default:
		return 0, least >= -clockApart && most <= clockApart
	}
}

// clockWatch is what is known of our clock.
type clockWatch struct {
	// read reads the machine's two clocks: the one that can be set, and how long
	// the machine has run since some instant.
	read func() (wall time.Time, running time.Duration)
	// carrier is nil where our clock is the carrier's own.
	carrier CarrierTime
	// offset is what the wall clock shows beyond the running time; beat is the
	// running time at which the watch was last alive, 0 where it is not kept.
	offset, beat atomic.Int64
	steps        atomic.Uint64
	doubted      atomic.Bool

	mu sync.Mutex
	// doubt says why the clock is in doubt, empty where it is not.
	doubt string
	// apart tells that the last answer with a date contradicted us, agreed how
	// many in a row have agreed since the doubt began.
	apart  bool
	agreed int
	last   CarrierDate
	// sure is an instant that has surely passed.
	sure time.Time
}

func newClockWatch(read func() (time.Time, time.Duration), carrier CarrierTime) *clockWatch {
	if read == nil {
		start := time.Now()
		read = func() (time.Time, time.Duration) { now := time.Now(); return now, now.Sub(start) }
	}
	w := &clockWatch{read: read, carrier: carrier}
	w.anchor()
	if carrier != nil {
		w.doubt = "the carrier's answers have not told the time yet"
		w.doubted.Store(true)
	}
	return w
}

// anchor takes the two clocks as they are, and returns the running time.
func (w *clockWatch) anchor() time.Duration {
	wall, running := w.read()
	w.offset.Store(wall.UnixNano() - int64(running))
	return running
}

// live notes that the watch is alive at the running time.
func (w *clockWatch) live(running time.Duration) { w.beat.Store(max(1, int64(running))) }

// moved returns by how much the clock was stepped since the last look, and for
// how long the watch was not run. It costs nothing beside a request.
func (w *clockWatch) moved() (step, pause time.Duration) {
	wall, running := w.read()
	if step = time.Duration(wall.UnixNano() - int64(running) - w.offset.Load()); step.Abs() <= clockStep {
		step = 0
	}
	if beat := time.Duration(w.beat.Load()); beat > 0 && running-beat > longestPause {
		pause = running - beat
	}
	return step, pause
}

// lookAtClock notices a step or a gap at once, whoever looks first: whoever is
// about to dial does.
func (d *Dialer) lookAtClock() {
	w := d.watch
	if step, pause := w.moved(); step == 0 && pause == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	step, pause := w.moved()
	if step == 0 && pause == 0 {
		return // somebody else was faster
	}
	// Before others can find all in order again.
	d.gaps.Add(1)
	d.log.Warn().Str(FieldEvent, EventClockGap).Stringer(FieldStep, step).Stringer(FieldPause, pause).Send()
	if step != 0 && w.carrier != nil {
		d.doubtClock(fmt.Sprintf("it was set, or the machine slept: it jumped by %s", step.Round(time.Millisecond)))
	}
	if step != 0 {
		w.steps.Add(1)
	}
	running := w.anchor()
	if pause != 0 {
		w.live(running)
	}
}

// doubtClock begins a doubt, or another one. The watch is locked.
func (d *Dialer) doubtClock(why string) {
	w := d.watch
	w.doubt, w.apart, w.agreed, w.last = why, false, 0, w.carrier.CarrierDate()
	w.doubted.Store(true)
	d.Halt(HaltClock, true)
	d.log.Warn().Str(FieldEvent, EventClockDoubt).Str(FieldDetail, why).Send()
}

// checkClock holds our clock against the date on the carrier's last answer.
func (d *Dialer) checkClock() {
	d.lookAtClock()
	w := d.watch
	if w.carrier == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if date := w.carrier.CarrierDate(); date != w.last && !date.Date.IsZero() {
		w.last = date
		w.sure = later(w.sure, date.Date)
		d.compareClocks(date)
	}
	if w.doubt == "" {
		w.sure = later(w.sure, d.clock.Now())
	}
}

// compareClocks draws the conclusion from a new date. The watch is locked.
func (d *Dialer) compareClocks(date CarrierDate) {
	w := d.watch
	switch apart, agrees := date.compare(); {
	case apart != 0:
		why := fmt.Sprintf("the carrier's is at least %s %s", apart.Abs().Round(time.Second), side(apart))
		if !w.apart {
			d.doubtClock(why)
		}
		w.doubt, w.apart, w.agreed = why, true, 0
	case agrees && w.doubt != "":
		w.apart = false
		if w.agreed++; w.agreed == clockChecks {
			w.doubt = ""
			w.doubted.Store(false)
			d.Halt(HaltClock, false)
		}
	}
}

func side(apart time.Duration) string {
	if apart < 0 {
		return "behind it"
	}
	return "ahead of it"
}

// keepClock checks the clock all the while. That it does shows that the process
// is run.
func (d *Dialer) keepClock(ctx context.Context) error {
	defer d.watch.beat.Store(0)
	return d.every(ctx, time.Second, func(context.Context) error {
		d.checkClock()
		_, running := d.watch.read()
		d.watch.live(running)
		return nil
	})
}

// ClockDoubt says why our clock is in doubt, empty where it is not.
func (d *Dialer) ClockDoubt() string {
	d.watch.mu.Lock()
	defer d.watch.mu.Unlock()
	return d.watch.doubt
}

// clockIsSure tells whether what only time makes right may be done.
func (d *Dialer) clockIsSure() bool {
	d.lookAtClock()
	return !d.watch.doubted.Load()
}

// askClockAfter is how soon, in real time, the carrier is asked again for the
// sake of a doubtful clock.
func (d *Dialer) askClockAfter() time.Duration {
	d.watch.mu.Lock()
	defer d.watch.mu.Unlock()
	if d.watch.agreed > 0 {
		return clockAgain
	}
	return clockLater
}

// Hearing is the clock by which objections that are heard now are dated. While
// our clock is in doubt it never shows less than what has surely passed: an
// objection dated back would be lifted by a grant that is older than it (I13).
func (d *Dialer) Hearing() Clock { return hearing{d} }

type hearing struct{ d *Dialer }

// Now returns the campaigns' time, or a later one.
func (h hearing) Now() time.Time {
	now := h.d.clock.Now()
	if h.d.clockIsSure() {
		return now
	}
	h.d.watch.mu.Lock()
	sure := h.d.watch.sure
	h.d.watch.mu.Unlock()
	heard, err := h.d.inboundWatermark()
	if err != nil { // the ledger has failed: what this process knows must do
		heard = time.Time{}
	}
	return later(now, later(sure, heard))
}

// Span is that of the campaigns' clock.
func (h hearing) Span(real time.Duration) time.Duration { return h.d.clock.Span(real) }

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
