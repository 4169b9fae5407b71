package sandbox

import "sync"

// dispatcher hands deliveries to a bounded number of workers. The deliveries of
// one message are made one after the other, in the order in which they came.
//
// The line has no bound of its own: a message's life goes on while nobody
// answers, and what waits is never more than the messages that exist.
type dispatcher struct {
	deliver func(*message, delivery)
	workers sync.WaitGroup

	mutex  sync.Mutex
	ready  *sync.Cond // the line is not empty, or closed
	line   []*message // messages with deliveries to make, none twice
	head   int        // first of the line
	closed bool
}

// newDispatcher starts the workers, which run until close.
func newDispatcher(workers int, deliver func(*message, delivery)) *dispatcher {
	callbacks := &dispatcher{deliver: deliver}
	callbacks.ready = sync.NewCond(&callbacks.mutex)
	for range workers {
		callbacks.workers.Go(callbacks.work)
	}
	return callbacks
}

// add puts a delivery in line. After close it is lost.
func (callbacks *dispatcher) add(playing *message, due delivery) {
	callbacks.mutex.Lock()
	defer callbacks.mutex.Unlock()
	if callbacks.closed {
		return
	}
	playing.outbox = append(playing.outbox, due)
	if !playing.busy {
		playing.busy = true
		callbacks.enqueue(playing)
	}
}

// enqueue needs the lock.
func (callbacks *dispatcher) enqueue(playing *message) {
	if callbacks.head > len(callbacks.line)/2 {
		// Half of the line is over: move up, at a cost of one step a message.
		moved := copy(callbacks.line, callbacks.line[callbacks.head:])
		clear(callbacks.line[moved:])
		callbacks.line = callbacks.line[:moved]
		callbacks.head = 0
	}
	callbacks.line = append(callbacks.line, playing)
	callbacks.ready.Signal()
}

// work makes deliveries until close.
func (callbacks *dispatcher) work() {
	callbacks.mutex.Lock()
	defer callbacks.mutex.Unlock()
	for {
		for callbacks.head == len(callbacks.line) && !callbacks.closed {
			callbacks.ready.Wait()
		}
		if callbacks.closed {
			return
		}
		playing := callbacks.line[callbacks.head]
		callbacks.line[callbacks.head] = nil
		callbacks.head++
		due := playing.outbox[0]
		playing.outbox = playing.outbox[1:]

		callbacks.mutex.Unlock()
		callbacks.deliver(playing, due)
		callbacks.mutex.Lock()

		if len(playing.outbox) > 0 {
			callbacks.enqueue(playing)
		} else {
			playing.outbox = nil
			playing.busy = false
		}
	}
}

// close waits for the deliveries under way. What is in line is lost, as with a
// carrier that goes down.
func (callbacks *dispatcher) close() {
	callbacks.mutex.Lock()
	callbacks.closed = true
	callbacks.ready.Broadcast()
	callbacks.mutex.Unlock()
	callbacks.workers.Wait()
}
