package dialer

import (
	"cmp"
	"sync"
	"time"
)

// A sender whose texts carriers filter is made worse by every further one, for
// all parties that use it. It is rested for a while, and then gets another chance.

const (
	// healthWindow is over how long outcomes are looked at, in healthParts parts.
	healthWindow = time.Hour
	healthParts  = 12
	// A sender is rested where more than one in fifty was filtered, once that is no
	// chance any more, or where most of many did not arrive.
	filteredShare, filteredLeast = 50, 10
	failedShare, failedOutcomes  = 2, 100
	// senderRest is how long it is rested.
	senderRest = time.Hour
)

// health knows how each sender's texts have ended lately. Outcomes come in from
// everywhere, hence the lock.
type health struct {
	mu      sync.Mutex
	senders map[string]*senderHealth
}

type senderHealth struct {
	parts [healthParts]healthPart
	until time.Time // rested until then
}

type healthPart struct {
	number                  int64 // of the part since 1970
	ended, filtered, failed int
}

func newHealth() *health { return &health{senders: map[string]*senderHealth{}} }

// note takes in how a message has ended, and tells whether its sender is rested for it
// from now on.
func (h *health) note(sender string, failed, filtered bool, now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.senders[sender]
	if s == nil {
		s = new(senderHealth)
		h.senders[sender] = s
	}
	number := now.UnixNano() / int64(healthWindow/healthParts)
	part := &s.parts[number%healthParts]
	if part.number != number {
		*part = healthPart{number: number}
	}
	part.ended++
	if filtered {
		part.filtered++
	}
	if failed {
		part.failed++
	}
	if !s.ill(number) {
		return false
	}
	*s = senderHealth{until: now.Add(senderRest)} // what follows is looked at anew
	return true
}

// ill tells whether too much was filtered, or too little arrived, in the window.
func (s *senderHealth) ill(number int64) bool {
	var sum healthPart
	for _, part := range s.parts {
		if number-part.number < healthParts {
			sum.ended += part.ended
			sum.filtered += part.filtered
			sum.failed += part.failed
		}
	}
	return sum.filtered >= filteredLeast && sum.filtered*filteredShare > sum.ended ||
		sum.ended >= failedOutcomes && sum.failed*failedShare > sum.ended
}

// rests returns for how long the sender still rests.
func (h *health) rests(sender string, now time.Time) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s := h.senders[sender]; s != nil {
		return s.until.Sub(now)
	}
	return 0
}

// resting returns the senders that rest. A contact whose sender is among them sees
// another member of its pool for as long: it would miss a whole window. What ends
// sooner, such as the pause that a carrier asks for with a refusal or a full queue, is
// waited for instead, since a contact is better served by the sender it knows.
func (h *health) resting(now time.Time) map[string]bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	var resting map[string]bool
	for sender, s := range h.senders {
		if s.until.After(now) {
			if resting == nil {
				resting = map[string]bool{}
			}
			resting[sender] = true
		}
	}
	return resting
}

// forget lets all senders go on: the clock was stepped.
func (h *health) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(h.senders)
}

// noteHealth takes in a text's final status.
func (d *Dialer) noteHealth(update StatusUpdate, sender string, c *campaign) {
	if c == nil {
		return
	}
	sender, now := cmp.Or(sender, c.job.Sender), d.clock.Now()
	outcome := update.Status.Outcome()
	failed := !outcome.Reached()
	if c.job.isCall() { // that nobody picks up says nothing of the sender
		failed = outcome == OutcomeFailed
	}
	if d.health.note(sender, failed, update.Effect == EffectFiltered, now) {
		d.log.Error().Str(FieldEvent, EventSenderRests).Str(FieldSender, sender).Time(FieldUntil, now.Add(senderRest)).Send()
	}
}
