package dialer

import (
	"math"
	"time"
)

// pacer grants capacity: so many segments or calls a second for each sender, and
// nothing while the carrier asks for patience. It belongs to the dispatcher's
// goroutine.
type pacer struct {
	clock   Clock
	senders map[string]*allowance
	breaker breaker
	backlog *backlog
	health  *health
	// queue is told when a sender must wait for the carrier's queue to drain,
	// and when it has; it may be nil.
	queue func(sender string, full bool)
}

func newPacer(clock Clock) *pacer {
	return &pacer{clock: clock, senders: map[string]*allowance{}, backlog: newBacklog(), health: newHealth()}
}

// allowance is what a sender may still send: evenly, by its rate as a theoretical
// arrival time, and never more in any second than the rate, by what was granted
// in the last one.
type allowance struct {
	each time.Duration // between two segments
	used time.Time     // the instant up to which the rate is used up
	most int           // segments that may begin within any window
	past []grantedAt   // within the last window, oldest first
	sum  int           // segments in past
	// late tells that the window had no room when it was a message's time, and that
	// this has not been made up for: what the rate has granted since is not lost.
	late bool
}

type grantedAt struct {
	at       time.Time
	segments int
}

// grain is how finely the machine can wait. Capacity that came in while it
// could not wake is granted at once; more than that is lost.
const grain = 2 * time.Millisecond

// window is the span over which nothing goes beyond the rate: a second, or where
// campaigns live fast the least that the machine can tell apart.
func (p *pacer) window() time.Duration { return max(time.Second, p.clock.Span(2*grain)) }

// grant takes the capacity for a message of so many segments, or returns how
// long, in campaign time, there will be none.
func (p *pacer) grant(sender Sender, segments int, now time.Time) (time.Duration, bool) {
	a := p.allowance(sender)
	if ahead := a.used.Sub(now); ahead > 0 {
		return ahead, false
	}
	window := p.window()
	if wait := a.full(segments, now, window); wait > 0 {
		a.late = true
		return wait, false
	}
	if wait := p.health.rests(sender.ID, now); wait > 0 {
		return wait, false
	}
	if p.crowded(sender, now) {
		return p.clock.Span(housekeeping), false
	}
	// Last, since it takes the one probe: a sender that rests must not have it.
	if wait := p.breaker.wait(now); wait > 0 {
		return wait, false
	}
	a.forgo(now, p.clock.Span(grain), window)
	a.used = a.used.Add(time.Duration(segments) * a.each)
	a.past = append(a.past, grantedAt{now, segments})
	a.sum += segments
	return 0, true
}

// forgo gives up what the rate has granted while nobody asked.
func (a *allowance) forgo(now time.Time, grain, window time.Duration) {
	kept := grain
	if a.late {
		kept = window
	}
	if earliest := now.Add(-kept); a.used.Before(earliest) {
		a.used = earliest
	}
	a.late = a.late && a.used.Before(now.Add(-grain))
}

// rateFor is what is left of the sender's rate for texts of so many segments: a
// second holds whole messages only.
func (s Sender) rateFor(segments int) float64 {
	if whole := math.Floor(s.rate() / float64(segments)); whole > 0 {
		return whole * float64(segments)
	}
	return s.rate()
}

// full returns how long the window has no room for so many segments. One message
// always has, however slow the sender is.
func (a *allowance) full(segments int, now time.Time, window time.Duration) time.Duration {
	for len(a.past) > 0 && now.Sub(a.past[0].at) >= window {
		a.sum -= a.past[0].segments
		a.past = a.past[1:]
	}
	left := a.sum
	for _, past := range a.past {
		if left == 0 || left+segments <= a.most {
			break
		}
		left -= past.segments
		if left == 0 || left+segments <= a.most {
			return window - now.Sub(past.at)
		}
	}
	return 0
}

// crowded tells whether the carrier's queue holds as much of the sender's as may
// wait there.
func (p *pacer) crowded(sender Sender, now time.Time) bool {
	most := sender.SegmentsPerSecond * max(backlogMost, p.clock.Span(backlogGrace)).Seconds()
	if sender.Rings() {
		most = float64(sender.CallsInProgress)
	}
	full, news := p.backlog.full(sender.ID, most, now)
	if news && p.queue != nil {
		p.queue(sender.ID, full)
	}
	return full
}

// forget drops what was worked out by a clock that has been stepped since: it
// could keep a sender silent for as long as the step was.
func (p *pacer) forget() {
	clear(p.senders)
	p.health.forget()
	p.breaker.until = time.Time{}
}

// rest keeps a sender silent for a while: the carrier asked for it.
func (p *pacer) rest(sender Sender, now time.Time, pause time.Duration) {
	if a := p.allowance(sender); a.used.Before(now.Add(pause)) {
		a.used = now.Add(pause)
	}
}

func (p *pacer) allowance(sender Sender) *allowance {
	a := p.senders[sender.ID]
	if a == nil {
		a = &allowance{
			each: time.Duration(float64(time.Second) / sender.rate()),
			most: int(math.Ceil(sender.rate() * p.window().Seconds())),
		}
		p.senders[sender.ID] = a
	}
	return a
}

// breaker stops all requests while the carrier cannot be reached, and lets one
// through from time to time to see whether it can again. It opens after a row
// of transport faults with no answer between them: what is unclear can never be
// sent again, so a dead line must not use up the audience.
type breaker struct {
	faults  int
	until   time.Time
	probing bool
}

const (
	breakerFaults    = 5
	breakerFirstWait = time.Second
	breakerLongest   = 30 * time.Second
)

// wait returns how long nothing may be sent.
func (b *breaker) wait(now time.Time) time.Duration {
	if b.faults < breakerFaults {
		return 0
	}
	if wait := b.until.Sub(now); wait > 0 {
		return wait
	}
	if b.probing {
		return breakerFirstWait
	}
	b.probing = true
	return 0
}

// spared notes that a slot came back without a request: if it was the probe,
// another one may be made.
func (b *breaker) spared() { b.probing = false }

// note takes in how a request went. It tells whether the breaker has just
// opened or closed.
func (b *breaker) note(fault bool, now time.Time, span func(time.Duration) time.Duration) (opened, closed bool) {
	wasOpen, probed := b.faults >= breakerFaults, b.probing
	b.probing = false
	if !fault {
		b.faults = 0
		return false, wasOpen
	}
	if wasOpen && !probed {
		return false, false // it was in flight when the breaker opened: nothing new
	}
	b.faults++
	if b.faults < breakerFaults {
		return false, false
	}
	wait := min(breakerFirstWait<<min(b.faults-breakerFaults, 10), breakerLongest)
	b.until = now.Add(span(wait))
	return !wasOpen, false
}
