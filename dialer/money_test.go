package dialer_test

import (
	"testing"
	"time"

	"github.com/hustings/hustings/dialer"
)

// price is what a message of the job may cost at worst.
func (h *house) price(job *dialer.Job) dialer.Money {
	return h.registry.Tariff.Segment * dialer.Money(dialer.MeasureText(job.Message.Body).Segments)
}

// Ensure that a party's campaigns together cost no more in a day than the registry
// says, to the cent, whatever is withdrawn and however often the daemon dies; that
// what could not be paid for today is sent tomorrow; and that the cap is each
// party's own (I7).
func TestMoney_PartyDay(t *testing.T) {
	in(t, plan{people: 90, speed: 600, inFlight: 8, rate: 0.1}, func(h *house) {
		one := h.job("a-one", "party-a")
		h.registry.Tariff.PartyDay = 25*h.price(one) + h.price(one)/2
		bands := h.registry.Attributes[1]
		for i, p := range h.directory.people {
			p.Values[1] = uint16(1 + i%3)
		}
		h.carrier.answers(func(number int, _ dialer.Request) reply {
			switch number % 7 {
			case 3:
				return answered(dialer.Withdrawn, 20429, dialer.EffectThrottle)
			case 5:
				return unclear(true)
			}
			return delivered()
		})
		for i, name := range []string{"a-one", "a-two", "b-only"} {
			job := h.job(name, "party-"+name[:1])
			job.Segment = dialer.Segment{bands.Name: {bands.Values[i]}}
			h.accept(job)
		}
		h.run()
		for range 5 {
			h.pass(7 * time.Second)
			h.kill()
			h.restart()
			h.run()
		}
		for _, job := range h.jobs {
			h.awaitState(job.ID, "closed")
		}
		type partyDay struct{ sender, day string }
		spent := map[partyDay]dialer.Money{}
		for _, request := range h.carrier.requests() {
			if request.created {
				spent[partyDay{request.From, request.at.UTC().Format(time.DateOnly)}] += h.price(one)
			}
		}
		for day, amount := range spent {
			if amount > h.registry.Tariff.PartyDay {
				t.Errorf("%s of %s was spent on %v", amount, h.registry.Tariff.PartyDay, day)
			}
		}
		if first := (partyDay{"TILLEULS", tuesday.Format(time.DateOnly)}); spent[first] < 20*h.price(one) || len(spent) < 4 {
			t.Errorf("spent %v: the first day's cap is hardly used, or nothing was sent later", spent)
		}
		for _, job := range h.jobs {
			if b := h.show(job.ID).Balance; b.Final["delivered"]+b.Final["unknown"] != 30 {
				t.Errorf("%s closed with %+v", job.ID, b)
			}
		}
	})
}

// Ensure that the carrier's prices take the place of what was reserved, so that a
// budget lasts as long as it really does; and that one above the tariff holds its
// campaign, since a cap could not be kept with it.
func TestMoney_Prices(t *testing.T) {
	for name, test := range map[string]struct {
		share dialer.Money // of the tariff's price, in percent
		held  bool
	}{"cheaper": {60, false}, "dearer": {130, true}} {
		t.Run(name, func(t *testing.T) {
			in(t, plan{people: 60, speed: 600, rate: 0.001, inFlight: 2}, func(h *house) {
				job := h.job("first", "party-a")
				h.carrier.segmentPrice = h.registry.Tariff.Segment * test.share / 100
				h.accept(job)
				h.run()
				if test.held {
					if v := h.awaitState(job.ID, "held"); v.Detail == "" {
						t.Error("held without a reason")
					}
					return
				}
				h.await("the carrier has told prices", func() bool {
					b := h.show(job.ID).Balance
					return b.Attempts > 20 && b.Reserved < h.price(job)*dialer.Money(b.Attempts)*8/10
				})
				real := h.price(job) * test.share / 100
				b := h.show(job.ID).Balance
				if least := real * dialer.Money(b.Attempts); b.Reserved < least || (b.Reserved-least)%(h.price(job)-real) != 0 {
					t.Errorf("%s for %d attempts at %s or, where that is not told yet, %s", b.Reserved, b.Attempts, real, h.price(job))
				}
			})
		})
	}
}
