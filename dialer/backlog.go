package dialer

import (
	"fmt"
	"sync"
	"time"
)

// What waits in the carrier's queue is out of our hands: it may be sent too late,
// or after its contact has objected. Nothing should wait there, so that we send
// no faster than each sender's rate. Where it piles up all the same, because the
// carrier is slower than its rate, the sender gets no more slots until the queue
// has drained.

const (
	// backlogMost is how long a sender may need at its rate for what the carrier
	// still has of it.
	backlogMost = 30 * time.Second
	// backlogGrace is what a status needs to come back, in real time. It only
	// matters where campaigns live much faster than the machine.
	backlogGrace = time.Second
)

// backlog counts what the carrier may have queued: what was handed over, and is
// not known to have left. A call counts until it is over. A message whose status is
// lost is let go of after handoverMargin, when the carrier has dropped it. Slots are
// counted by the dispatcher and statuses come in from everywhere, hence the lock.
type backlog struct {
	mu       sync.Mutex
	messages map[uint64]handedOver // by attempt
	senders  map[string]*senderQueue
}

type handedOver struct {
	sender   string
	segments int
	begun    time.Time
	call     bool
	// recalled is when, in real time, it was called back.
	recalled time.Time
}

// senderQueue is one sender's messages, oldest first; those that have left are
// passed over.
type senderQueue struct {
	attempts []uint64
	segments int
	full     bool
}

func newBacklog() *backlog {
	return &backlog{messages: map[uint64]handedOver{}, senders: map[string]*senderQueue{}}
}

// enter notes that a message is about to be handed over. It is called before the
// request, which a status can overtake.
func (b *backlog) enter(attempt uint64, m handedOver) {
	b.mu.Lock()
	defer b.mu.Unlock()
	q := b.senders[m.sender]
	if q == nil {
		q = new(senderQueue)
		b.senders[m.sender] = q
	}
	b.messages[attempt] = m
	q.attempts = append(q.attempts, attempt)
	q.segments += m.segments
}

// leave notes that the carrier has sent the message, or never had it.
func (b *backlog) leave(attempt uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.drop(attempt)
}

func (b *backlog) drop(attempt uint64) {
	if m, found := b.messages[attempt]; found {
		delete(b.messages, attempt)
		b.senders[m.sender].segments -= m.segments
	}
}

// forgetOld lets go of what the carrier has dropped by now.
func (b *backlog) forgetOld(q *senderQueue, now time.Time) {
	for len(q.attempts) > 0 {
		m, waits := b.messages[q.attempts[0]]
		if waits && now.Sub(m.begun) < handoverMargin {
			return
		}
		b.drop(q.attempts[0])
		q.attempts = q.attempts[1:]
	}
}

// recallAgain is how soon, in real time, a call is called back once more: it must
// not ring on because one request was lost.
const recallAgain = 2 * time.Second

// unrecalled returns the attempts that may wait and were not called back: all of
// them, or the calls alone.
func (b *backlog) unrecalled(callsAlone bool) []uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	var attempts []uint64 // mostly none: texts alone, of campaigns that nobody has stopped
	for attempt, m := range b.messages {
		if m.call && time.Since(m.recalled) > recallAgain || !m.call && !callsAlone && m.recalled.IsZero() {
			attempts = append(attempts, attempt)
		}
	}
	return attempts
}

// recalled notes that an attempt is called back.
func (b *backlog) recalled(attempt uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if m, found := b.messages[attempt]; found {
		m.recalled = time.Now()
		b.messages[attempt] = m
	}
}

// lengths returns how many segments each sender may have queued.
func (b *backlog) lengths(now time.Time) map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	lengths := make(map[string]int, len(b.senders))
	for sender, q := range b.senders {
		b.forgetOld(q, now)
		lengths[sender] = q.segments
	}
	return lengths
}

// full tells whether the sender must wait until its queue has drained to half of
// so many segments, and whether that is news.
func (b *backlog) full(sender string, most float64, now time.Time) (full, news bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	q := b.senders[sender]
	if q == nil {
		return false, false
	}
	b.forgetOld(q, now)
	was := q.full
	if was {
		most /= 2
	}
	// One message may always wait, however slow its sender is.
	q.full = q.segments > 0 && float64(q.segments) >= most
	return q.full, q.full != was
}

// refill finds what the carrier may have queued since before the start.
func (d *Dialer) refill() error {
	now := d.clock.Now()
	err := d.ledger.View(func(tx Tx) error {
		b := books{tx}
		for key := range b.Rows(BucketOpen, nil) {
			sequence := readSequence(key)
			a := b.attempt(sequence)
			if a == nil || a.status.leaves() || now.Sub(a.intended) >= handoverMargin {
				continue
			}
			if record, found := b.campaign(a.recipient.campaign()); found {
				message := handedOver{sender: a.from(&record.Job), segments: int(a.segments), begun: a.intended}
				if message.call = record.Job.isCall(); message.call {
					message.segments = callSize.Segments
				}
				d.backlog.enter(sequence, message)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("look for what the carrier has queued: %w", err)
	}
	return nil
}
