package dialer_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// The order of objections and requests is told by one counter, and by no clock:
// whoever draws the greater number came later, whatever the scheduler did.

// objecting is one call of Object for one contact.
type objecting struct {
	invoked, returned uint64
	effect            dialer.ObjectionEffect
}

// objectors object for contacts just as these are about to be dialled.
type objectors struct {
	*house
	ticks atomic.Uint64
	met   chan contact.ID

	mu    sync.Mutex
	dice  *rand.Rand
	calls map[contact.ID][]objecting
}

// newObjectors has the directory tell who is being decided upon and whose number
// is opened: in between lies the commit, and after that the gate.
func newObjectors(h *house, seed uint64) *objectors {
	o := &objectors{
		house: h, met: make(chan contact.ID, 64), dice: rand.New(rand.NewPCG(seed, 9)), calls: map[contact.ID][]objecting{},
	}
	h.carrier.tick = func() uint64 { return o.ticks.Add(1) }
	met := func(id contact.ID) {
		if o.roll(6) == 0 {
			select {
			case o.met <- id:
			default: // all objectors are busy
			}
		}
	}
	h.directory.met.Store(&met)
	return o
}

func (o *objectors) roll(n int) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.dice.IntN(n)
}

// work objects for those who are met, until the house has nobody left to dial.
func (o *objectors) work(over <-chan struct{}) {
	for {
		select {
		case <-over:
			return
		case id := <-o.met:
			ids := []contact.ID{id}
			select {
			case other := <-o.met: // in one call
				ids = append(ids, other)
			default:
			}
			o.object(ids)
		}
	}
}

func (o *objectors) object(ids []contact.ID) {
	objections := make([]dialer.Objection, len(ids))
	for i, id := range ids {
		objections[i] = dialer.ObjectionFrom(id, "sms", o.clock.Now())
	}
	call := objecting{invoked: o.ticks.Add(1)}
	effect, err := o.dialer().Object(context.Background(), objections...)
	call.returned, call.effect = o.ticks.Add(1), effect
	if err != nil {
		o.t.Error(err)
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, id := range ids {
		o.calls[id] = append(o.calls[id], call)
	}
}

// judge fails where a request began after an objection was answered, or was in
// flight when it was answered as effective. It returns how many calls had
// something to wait for.
func (o *objectors) judge(t *testing.T) (raced int) {
	t.Helper()
	for _, request := range o.carrier.requests() {
		for _, call := range o.calls[o.identity.ID(request.To)] {
			switch {
			case request.tick > call.returned:
				t.Errorf("request %d began at %d, after an objection was answered %s at %d (I1)", request.number, request.tick, call.effect, call.returned)
			case call.effect == dialer.Effective && (request.overTick == 0 || request.overTick > call.returned):
				t.Errorf("request %d, begun at %d, was in flight when an objection was answered effective at %d (I1)", request.number, request.tick, call.returned)
			}
			if request.overTick > call.invoked {
				raced++
			}
		}
	}
	return raced
}

// dialThrough dials everybody while eight object, and judges.
func (o *objectors) dialThrough(t *testing.T, audience int) {
	t.Helper()
	job := o.job("first", "party-a")
	job.Size = max(dialer.MinimumSize, audience)
	o.accept(job)
	over := make(chan struct{})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { o.work(over) })
	}
	o.run()
	b := o.awaitState(job.ID, "closed").Balance
	close(over)
	all.Wait()
	raced := o.judge(t)
	t.Logf("%d objections met a request, %d came before one, %d were delivered", raced, b.ExcludedLater["OPTED_OUT"], b.Final["delivered"])
	if stopped := b.ExcludedLater["OPTED_OUT"]; raced < audience/100 || stopped < uint64(audience)/100 || b.Final["delivered"] < uint64(audience)/10 {
		t.Errorf("little was put to the test: %+v", b)
	}
}

// Ensure that objecting and dialling are in one order that everybody agrees on:
// no request begins after any objection was answered, and none is in flight when
// one is answered as effective (I1). On real threads, in real time.
func TestObject_Linearizable(t *testing.T) {
	t.Parallel()
	people := 2500
	if testing.Short() {
		people = 600
	}
	h := newHouse(t, plan{people: people, inFlight: 24, rate: 1e6, parties: []string{"party-a"}})
	t.Cleanup(h.close)
	h.carrier.answers(func(number int, _ dialer.Request) reply {
		r := delivered()
		r.takes, r.every, r.statuses = time.Duration(number%8)*250*time.Microsecond, 0, r.statuses[1:]
		return r
	})
	newObjectors(h, 1).dialThrough(t, people)
}

// Ensure the same in fake time, with a delay at every seam: before and after the
// commits of decisions, objections and answers.
func TestObject_Linearizable_Delays(t *testing.T) {
	seeds := uint64(6)
	if testing.Short() {
		seeds = 2
	}
	for seed := range seeds {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			in(t, plan{people: 150, inFlight: 16, rate: 5000}, func(h *house) {
				o := newObjectors(h, seed)
				delay := func(move string) {
					switch move {
					case "*dialer.intend", "*dialer.recordObjections", "*dialer.answerMove":
						h.pass(time.Duration(o.roll(3000)) * time.Microsecond)
					}
				}
				before := func(move string) error { delay(move); return nil }
				h.ledger.meet.Store(&before)
				h.ledger.after.Store(&delay)
				h.carrier.answers(func(number int, _ dialer.Request) reply {
					r := delivered()
					r.takes, r.statuses = time.Duration(o.roll(5000))*time.Microsecond, r.statuses[1:]
					return r
				})
				o.dialThrough(t, 150)
			})
		})
	}
}
