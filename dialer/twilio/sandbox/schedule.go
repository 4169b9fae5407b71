package sandbox

import (
	"container/heap"
	"sync"
	"time"
)

// event is something that happens at a sandbox instant.
type event struct {
	at    time.Time
	order uint64 // among equal instants, first come first served
	fire  func()
}

// eventHeap is a min-heap for container/heap.
type eventHeap []event

func (events eventHeap) Len() int { return len(events) }

func (events eventHeap) Less(first, second int) bool {
	if !events[first].at.Equal(events[second].at) {
		return events[first].at.Before(events[second].at)
	}
	return events[first].order < events[second].order
}

func (events eventHeap) Swap(first, second int) {
	events[first], events[second] = events[second], events[first]
}

func (events *eventHeap) Push(added any) { *events = append(*events, added.(event)) }

func (events *eventHeap) Pop() any {
	last := len(*events) - 1
	popped := (*events)[last]
	(*events)[last] = event{} // or the array would keep the closure alive
	*events = (*events)[:last]
	return popped
}

// schedule fires events when the sandbox clock reaches them, one after the other,
// in one goroutine. What fires must not wait for anything.
type schedule struct {
	clock *Clock
	wake  chan struct{} // an earlier event than all others has been added
	stop  chan struct{}
	done  chan struct{}

	mutex  sync.Mutex
	events eventHeap
	order  uint64
}

// newSchedule returns a schedule that runs until close.
func newSchedule(clock *Clock) *schedule {
	lives := &schedule{
		clock: clock, wake: make(chan struct{}, 1),
		stop: make(chan struct{}), done: make(chan struct{}),
	}
	go lives.run()
	return lives
}

// add has fire called once the clock reaches the instant.
func (lives *schedule) add(at time.Time, fire func()) {
	lives.mutex.Lock()
	lives.order++
	heap.Push(&lives.events, event{at: at, order: lives.order, fire: fire})
	first := lives.events[0].order == lives.order
	lives.mutex.Unlock()
	if first {
		select {
		case lives.wake <- struct{}{}:
		default:
		}
	}
}

// close stops firing and returns when the last event has fired. What is left
// stays undone.
func (lives *schedule) close() {
	close(lives.stop)
	<-lives.done
}

// run fires what is due and waits for the next event.
func (lives *schedule) run() {
	defer close(lives.done)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		changed := lives.clock.Changed()
		wait, pending := lives.fireDue()
		var ready <-chan time.Time
		if pending {
			timer.Reset(wait)
			ready = timer.C
		}
		select {
		case <-lives.stop:
			return
		case <-changed:
		case <-lives.wake:
		case <-ready:
		}
	}
}

// fireDue fires all that is due, and what becomes due by that. It returns the
// real time until the next event, if there is any.
func (lives *schedule) fireDue() (wait time.Duration, pending bool) {
	for {
		select {
		case <-lives.stop:
			return 0, false
		default:
		}
		lives.mutex.Lock()
		if len(lives.events) == 0 {
			lives.mutex.Unlock()
			return 0, false
		}
		wait = lives.clock.Until(lives.events[0].at)
		if wait > 0 {
			lives.mutex.Unlock()
			return wait, true
		}
		due := heap.Pop(&lives.events).(event)
		lives.mutex.Unlock()
		due.fire()
	}
}
