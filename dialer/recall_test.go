package dialer_test

import (
	"slices"
	"testing"
	"time"

	"github.com/hustings/hustings/dialer"
)

// Ensure that what the carrier still queues is called back once when a campaign
// is paused or cancelled, and that nothing else is: not what has been sent, not
// another campaign's.
func TestRecall(t *testing.T) {
	for name, give := range map[string]order{"paused": pause, "cancelled": cancel} {
		t.Run(name, func(t *testing.T) {
			in(t, plan{people: 160, rate: 10, parties: []string{"party-a", "party-b"}}, func(h *house) {
				// Parties take turns: half of the one's messages wait, all of the other's.
				waits := func(number int, request dialer.Request) bool { return request.From == "TILLEULS" && number%4 < 2 }
				h.carrier.answers(func(number int, request dialer.Request) reply {
					if request.From == "TILLEULS" && !waits(number, request) {
						r := delivered()
						r.every = 10 * time.Millisecond
						return r
					}
					return accepted() // it waits
				})
				job := h.job("first", "party-a")
				half := h.registry.Attributes[1]
				for i, p := range h.directory.people {
					p.Values[1] = uint16(1 + i%2)
				}
				job.Segment = dialer.Segment{half.Name: {half.Values[0]}}
				h.accept(job)
				h.accept(h.job("other", "party-b"))
				h.run()
				h.await("some are placed", func() bool { return h.carrier.began() >= 60 })
				if n := len(h.carrier.cancels()); n != 0 {
					t.Errorf("%d were called back before the order", n)
				}
				h.give(job.ID, give)
				h.pass(2 * time.Second)
				waiting := 0
				for _, r := range h.carrier.requests() {
					if waits(r.number, r.Request) {
						waiting++
					}
				}
				got := h.carrier.cancels()
				slices.Sort(got)
				if len(got) != waiting || len(slices.Compact(got)) != waiting || waiting < 5 {
					t.Errorf("%d were called back, want %d", len(got), waiting)
				}
			})
		})
	}
}

// Ensure that no message can still be in the carrier's queue when the window
// closes, however fast campaigns live.
func TestRequest_ValidityEndsWithTheWindow(t *testing.T) {
	for name, speed := range map[string]float64{"real time": 1, "ten minutes a second": 600} {
		t.Run(name, func(t *testing.T) {
			in(t, plan{people: 150, rate: 0.3, start: at(21, 15), speed: speed, inFlight: 16}, func(h *house) {
				dawdle := func(move string) { // between decision and request
					if move == "*dialer.intend" && speed > 1 {
						h.pass(300 * time.Millisecond)
					}
				}
				h.ledger.after.Store(&dawdle)
				h.begin(1)
				h.passUntil(at(21, 40))
				log := h.carrier.requests()
				for _, request := range log {
					if end := request.at.Add(request.ValidFor); end.After(at(21, 30)) || request.ValidFor <= 0 {
						t.Errorf("a message that begins at %s may be sent until %s", request.at, end)
					}
				}
				if len(log) < 10 {
					t.Errorf("%d requests began: the test shows little", len(log))
				}
			})
		})
	}
}
