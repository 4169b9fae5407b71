package dialer_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hustings/hustings/dialer"
)

// lineAt makes the carrier send one message after the other, so far apart,
// whatever it was handed. The rest waits in its queue.
type lineAt struct {
	apart time.Duration
	mu    sync.Mutex
	free  time.Time
	left  []time.Time
}

func (l *lineAt) answer(now time.Time) reply {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.free.Before(now) {
		l.free = now
	}
	l.free = l.free.Add(l.apart)
	l.left = append(l.left, l.free)
	r := delivered()
	r.every = l.free.Sub(now)
	return r
}

// longest returns how many messages waited at the carrier at most.
func (l *lineAt) longest(requests []begun) (most int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	slices.SortFunc(l.left, time.Time.Compare)
	gone := 0
	for i, request := range requests {
		for gone < len(l.left) && !l.left[gone].After(request.at) {
			gone++
		}
		most = max(most, i+1-gone)
	}
	return most
}

// told counts the events of a kind in the log.
func (h *house) told(event string) int {
	h.log.mu.Lock()
	defer h.log.mu.Unlock()
	return strings.Count(h.log.text.String(), event)
}

// Ensure that a sender whose messages pile up at the carrier gets no more slots
// than it needs half a minute for, that another one is not held up by it, and
// that everybody is written to in the end.
func TestBacklog_SlowCarrier(t *testing.T) {
	in(t, plan{people: 240, rate: 2, parties: []string{"party-a", "party-b"}}, func(h *house) {
		slow := &lineAt{apart: 2 * time.Second}
		h.carrier.answers(func(_ int, request dialer.Request) reply {
			if request.From == "TILLEULS" {
				return slow.answer(h.clock.Now())
			}
			return delivered()
		})
		first, second := h.job("first", "party-a"), h.job("second", "party-b")
		first.Size, second.Size = 500, 500
		half := h.registry.Attributes[1]
		for i, p := range h.directory.people {
			p.Values[1] = uint16(1 + i%2)
		}
		first.Segment, second.Segment = dialer.Segment{half.Name: {half.Values[0]}}, dialer.Segment{half.Name: {half.Values[1]}}
		segments := dialer.MeasureText(first.Message.Body).Segments
		h.accept(first)
		h.accept(second)
		h.run()
		if b := h.awaitState(second.ID, "closed").Balance; b.Final["delivered"] != 120 {
			t.Errorf("the other closed with %+v", b)
		}
		if b := h.awaitState(first.ID, "closed").Balance; b.Final["delivered"] != 120 {
			t.Errorf("closed with %+v", b)
		}
		var requests []begun
		var others []time.Time
		for _, request := range h.carrier.requests() {
			if request.From == "TILLEULS" {
				requests = append(requests, request)
			} else {
				others = append(others, request.at)
			}
		}
		bound := 30 * 2 / segments
		if n := slow.longest(requests); n > bound+1 || n < bound-1 {
			t.Errorf("up to %d messages waited at the carrier, want %d at most", n, bound)
		}
		if span := others[len(others)-1].Sub(others[0]); span > 60*time.Second*time.Duration(segments) {
			t.Errorf("the other sender took %s", span)
		}
		if long, drained := h.told(dialer.EventQueueLong), h.told(dialer.EventQueueDrained); long == 0 || drained == 0 || long > 20 {
			t.Errorf("operators were told %d times of a long queue and %d times of a drained one", long, drained)
		}
	})
}

// Ensure that messages whose statuses are lost stand in nobody's way once the
// carrier has dropped them, a restart included.
func TestBacklog_LostStatuses(t *testing.T) {
	in(t, plan{people: 200, rate: 2}, func(h *house) {
		h.carrier.always(accepted())
		segments := dialer.MeasureText(h.job("first", "party-a").Message.Body).Segments
		bound := 30 * 2 / segments
		h.begin(bound)
		h.pass(time.Minute)
		if n := h.carrier.began(); n > bound+1 {
			t.Errorf("%d requests have begun, want %d", n, bound)
		}
		h.restart()
		h.run()
		h.pass(2 * time.Minute)
		if n := h.carrier.began(); n > bound+1 {
			t.Errorf("%d requests have begun after a restart, want %d", n, bound)
		}
		h.pass(5 * time.Minute)
		if n := h.carrier.began(); n < bound+bound/2 {
			t.Errorf("%d requests have begun: the lost ones are still waited for", n)
		}
	})
}

// Ensure that what the carrier provably never had, and what overtook the answer,
// is not waited for.
func TestBacklog_LeftAtOnce(t *testing.T) {
	in(t, plan{people: 150, rate: 2, inFlight: 2}, func(h *house) {
		h.carrier.answers(func(number int, _ dialer.Request) reply {
			switch number % 8 {
			case 0:
				return delivered()
			case 4:
				return early(accepted(), dialer.StatusSent)
			}
			return answered(dialer.Refused, 21211, dialer.NoEffect)
		})
		h.begin(1)
		segments := dialer.MeasureText(h.job("first", "party-a").Message.Body).Segments
		h.await("all have begun", func() bool { return h.carrier.began() == 150 })
		log := h.carrier.requests()
		if took := log[149].at.Sub(log[0].at); took > time.Duration(80*segments)*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}
