package dialer

import (
	"context"
	"fmt"
	"time"
)

// dispatcher hands out slots: equal shares of what the senders' rates allow, and
// no faster than recipients come back. All that it knows belongs to its one
// goroutine.
type dispatcher struct {
	dialer  *Dialer
	pacer   *pacer
	line    *concurrency
	shares  *shares
	log     *shareLog
	slots   chan Slot
	back    chan returned
	changed chan struct{}
	// ended is closed with the last slot handed out: nobody takes any back.
	ended chan struct{}
	// out is how many slots are out. No slot is granted before a worker is free
	// for it: what is granted begins at once, and not after a stop or a rest.
	out int
	// steps is how many steps of the clock the pacer knows of.
	steps uint64
}

// arrival is what the dispatcher learns when a recipient comes back from its
// path.
type arrival struct {
	// parkUntil is set where the whole zone group must wait.
	parkUntil  time.Time
	parkReason string
	// undecided tells that nothing was asked: the campaign does not run at this
	// instant, or all dialling was stopped.
	undecided bool
	// overBudget tells that the campaign's money is spent, held that it must
	// not go on until an operator says so.
	overBudget bool
	held       string
	// answered tells that the carrier was asked; fault that the line failed; denied
	// that the account had too many requests under way, concurrent how many the
	// carrier counted; rest how long it wants the sender to be silent.
	answered, fault, denied bool
	concurrent              int
	rest                    time.Duration
}

// returned is a slot with what became of it.
type returned struct {
	slot    Slot
	arrival arrival
}

func newDispatcher(d *Dialer) *dispatcher {
	x := &dispatcher{
		dialer: d, pacer: newPacer(d.clock), line: newConcurrency(d.inFlight), shares: newShares(), log: newShareLog(), slots: make(chan Slot),
		back: make(chan returned, d.inFlight), changed: make(chan struct{}, 1), ended: make(chan struct{}),
	}
	x.pacer.queue = func(sender string, full bool) {
		event := EventQueueLong
		if !full {
			event = EventQueueDrained
		}
		d.log.Warn().Str(FieldEvent, event).Str(FieldSender, sender).Send()
	}
	return x
}

// housekeeping is how often, in real time, the dispatcher and the steward look
// at what only time changes.
const housekeeping = 200 * time.Millisecond

// run hands out slots until the context ends. It closes the slots then, so that
// the workers finish what they have begun and stop.
func (x *dispatcher) run(ctx context.Context) error {
	defer close(x.ended)
	defer close(x.slots)
	timer := time.NewTimer(0)
	defer timer.Stop()
	var next Slot
	var lastLook time.Time
	for {
		now := x.dialer.clock.Now()
		if real := time.Now(); real.Sub(lastLook) >= housekeeping {
			lastLook = real
			if err := x.look(now); err != nil {
				return err
			}
		}
		wait := housekeeping
		if next.campaign == nil && x.line.allows(x.out) {
			var err error
			if next, wait, err = x.next(now); err != nil {
				return err
			}
		}
		var out chan Slot
		if next.campaign != nil {
			out = x.slots
		}
		timer.Reset(min(wait, housekeeping))
		select {
		case out <- next:
			next = Slot{}
			x.out++
		case r := <-x.back:
			x.out--
			x.take(r)
		case <-x.changed:
			lastLook = time.Time{}
		case <-timer.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// next picks the recipient whose turn it is, with the capacity for it, or says
// how long in real time there is none.
func (x *dispatcher) next(now time.Time) (Slot, time.Duration, error) {
	if !x.dialer.ready() {
		return Slot{}, housekeeping, nil
	}
	if steps := x.dialer.watch.steps.Load(); steps != x.steps {
		x.steps = steps
		x.pacer.forget()
		x.shares.setAllFree()
		x.log.forget(now)
	}
	for {
		turn := x.shares.next(now)
		if turn == nil {
			break
		}
		ready, err := turn.feed.ready(x.dialer.ledger, now, turn.sender)
		if err != nil {
			return Slot{}, 0, err
		}
		if !ready {
			x.shares.rest(turn)
			x.log.ceases(turn.holder(), now)
			continue
		}
		slot := turn.feed.next(turn.sender)
		segments := slot.text.size.Segments
		if busy, granted := x.pacer.grant(*slot.sender, segments, now); !granted {
			x.shares.setBusy(turn.party.sender, now.Add(busy))
			continue
		}
		x.dialer.tallies.grants(slot.sender.ID, segments)
		x.shares.serve(turn, segments)
		x.log.offered(turn.holder(), segments, now)
		turn.feed.take(turn.sender)
		return slot, 0, nil
	}
	if free := x.shares.nextFree(); !free.IsZero() {
		return Slot{}, max(x.dialer.real(free.Sub(now)), time.Microsecond), nil // never spin
	}
	return Slot{}, housekeeping, nil
}

// take notes what became of a slot.
func (x *dispatcher) take(r returned) {
	now := x.dialer.clock.Now()
	if r.arrival.answered {
		x.hear(r.arrival, now)
	} else {
		x.pacer.breaker.spared()
	}
	if r.arrival.rest > 0 {
		x.pacer.rest(*r.slot.sender, now, r.arrival.rest)
	}
	if one := x.shares.campaigns[r.slot.campaign.number]; one != nil {
		one.feed.back(r)
	}
}

// hear notes how the line is, by how the carrier has answered.
func (x *dispatcher) hear(a arrival, now time.Time) {
	opened, closed := x.pacer.breaker.note(a.fault, now, x.dialer.clock.Span)
	if opened {
		x.dialer.gaps.Add(1) // a STOP may have been lost, too
		x.dialer.log.Error().Str(FieldEvent, EventBreakerOpen).Time(FieldUntil, x.pacer.breaker.until).Send()
	}
	if closed {
		x.dialer.gaps.Add(1) // and again: the carrier may have been asked in between
		x.shares.setAllFree()
		x.dialer.log.Info().Str(FieldEvent, EventBreakerClosed).Send()
	}
	switch {
	case a.denied && x.line.denied(x.out, a.concurrent):
		x.dialer.log.Warn().Str(FieldEvent, EventLineNarrowed).Int(FieldCount, int(x.line.bound)).Send()
	case !a.denied && !a.fault:
		x.line.answered()
	}
}

// look brings the shares up to date with the campaigns that run, and their feeds
// with the recipients whose instant has come.
func (x *dispatcher) look(now time.Time) error {
	running, resting := map[uint32]*campaign{}, x.pacer.health.resting(now)
	for _, c := range x.dialer.running() {
		running[c.number] = c
		switch one := x.shares.campaigns[c.number]; {
		case one == nil:
			x.shares.add(newFeed(c))
		case one.feed.campaign.pack != c.pack:
			one.feed.recast(c)
		}
	}
	for _, one := range x.shares.inOrder() {
		one.feed.passOver(resting)
		if one.feed.halted = running[one.feed.campaign.number] == nil; one.feed.halted && one.feed.out == 0 {
			x.shares.remove(one)
			for _, turn := range one.turns {
				x.log.ceases(turn.holder(), now)
			}
		}
	}
	err := x.dialer.ledger.View(func(tx Tx) error {
		x.collectDue(books{tx}, now)
		x.restartIdle(books{tx}, now)
		return nil
	})
	if err != nil {
		return fmt.Errorf("look for recipients whose instant has come: %w", err)
	}
	if err := x.findWork(now); err != nil {
		return err
	}
	x.publish(now)
	x.dialer.tallies.limit.Store(int64(x.line.bound))
	return nil
}

// findWork gives a turn to every campaign that has work again: a window has
// opened, an instant has come, somebody was withdrawn.
func (x *dispatcher) findWork(now time.Time) error {
	for _, one := range x.shares.inOrder() {
		for _, turn := range one.turns {
			if turn.waits() {
				continue
			}
			ready, err := turn.feed.ready(x.dialer.ledger, now, turn.sender)
			if err != nil {
				return err
			}
			if ready {
				x.shares.work(turn)
				x.log.begins(turn.holder(), now)
			}
		}
	}
	return nil
}

func (x *dispatcher) collectDue(b books, now time.Time) {
	for key := range b.Rows(BucketDue, nil) {
		at, recipient, ok := readDueKey(key)
		if !ok || at.After(now) {
			return
		}
		if one := x.shares.campaigns[recipient.campaign()]; one != nil {
			one.feed.offer(recipient, now)
		}
	}
}

// restartAfter is how long, in real time, a feed that has run dry is left alone:
// reading a large campaign again takes a while, and those who were withdrawn
// a moment ago are planned, too, and come by the due index.
const restartAfter = 10 * time.Second

// restartIdle lets a feed that has run dry read again if the books know of
// planned recipients: none may stay behind, whatever went wrong on its path.
func (x *dispatcher) restartIdle(b books, now time.Time) {
	for number, one := range x.shares.campaigns {
		if f := one.feed; f.idle(now) && time.Since(f.made) >= restartAfter && b.balance(number).Recipients[RecipientPlanned] > 0 {
			f.readThoroughly()
		}
	}
}

// publish lets operators see which zone groups wait.
func (x *dispatcher) publish(now time.Time) {
	parked := map[uint32][]ParkedZone{}
	for number, one := range x.shares.campaigns {
		parked[number] = one.feed.parked(now)
	}
	x.dialer.parked.Store(&parked)
}

// work carries slots along their path until there are no more. An error ends it,
// and with it all dialling: what cannot be written or read must not be built on.
func (x *dispatcher) work(ctx context.Context) error {
	for slot := range x.slots {
		arrival, err := x.dialer.travel(ctx, slot)
		if err != nil {
			return err
		}
		if arrival.answered {
			x.log.used(shareHolder{slot.campaign.number, slot.sender.ID}, slot.text.size.Segments, x.dialer.clock.Now())
		}
		select {
		case x.back <- returned{slot, arrival}:
		case <-x.ended:
		}
	}
	return nil
}
