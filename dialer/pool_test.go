package dialer_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// sendersSeen returns which senders each contact has seen, and how many contacts
// have seen each.
func (h *house) sendersSeen() (by map[contact.Number][]string, each map[string]int) {
	by, each = map[contact.Number][]string{}, map[string]int{}
	for _, request := range h.carrier.requests() {
		if !slices.Contains(by[request.To], request.From) {
			by[request.To] = append(by[request.To], request.From)
			each[request.From]++
		}
	}
	return by, each
}

// Ensure that a contact sees the same member of a pool at each step, after a
// restart and in the party's next campaign, and that the contact's file and the log of
// shares name that sender.
func TestDialer_Run_Pool(t *testing.T) {
	in(t, plan{people: 90, speed: 600, steps: 2, pool: 3}, func(h *house) {
		h.carrier.answers(func(number int, _ dialer.Request) reply {
			if number <= 60 {
				return ends(dialer.StatusUndelivered)
			}
			return delivered()
		})
		job := h.job("first", "party-a")
		job.Retry = dialer.JobRetry{Maximum: 1, After: dialer.Duration(26 * time.Hour), On: []string{"undelivered"}}
		h.accept(job)
		h.run()
		h.await("thirty have begun", func() bool { return h.carrier.began() >= 30 })
		h.restart()
		h.run()
		h.awaitState(job.ID, "closed")
		h.restart()
		h.run()
		second := h.accept(h.job("second", "party-a"))
		h.awaitState(second.ID, "closed")

		by, each := h.sendersSeen()
		for number, senders := range by {
			if len(senders) != 1 {
				t.Errorf("contact %s has seen %q", h.identity.ID(number), senders)
			}
		}
		if len(by) != 90 || len(each) != 3 || each["TILLEULS"] < 15 || each["TILLEULS2"] < 15 || each["TILLEULS3"] < 15 {
			t.Errorf("%d contacts have seen %v", len(by), each)
		}
		h.checkSenders()
	})
}

// checkSenders compares the senders in the books with those in the carrier's log.
func (h *house) checkSenders() {
	h.t.Helper()
	sent, attempts := map[string]uint64{}, map[uint64]string{}
	for _, request := range h.carrier.requests() {
		sent[request.From]++
		attempts[request.Attempt] = request.From
	}
	f, err := h.dialer().Fairness(tuesday, tuesday.AddDate(0, 1, 0), "")
	if err != nil {
		h.t.Fatal(err)
	}
	if len(f.Senders) != len(sent) {
		h.t.Errorf("%d senders are in the log of shares, want %d", len(f.Senders), len(sent))
	}
	for _, s := range f.Senders {
		if s.Parties[0].Requests != sent[s.Sender] {
			h.t.Errorf("%s made %d requests by the log of shares, want %d", s.Sender, s.Parties[0].Requests, sent[s.Sender])
		}
	}
	for _, p := range h.directory.people {
		file, err := h.dialer().File(h.t.Context(), p.number, dialer.Look{Operator: "op-anne"})
		if err != nil {
			h.t.Fatal(err)
		}
		for _, a := range file.Attempts {
			if a.Sender != attempts[a.Attempt] {
				h.t.Errorf("attempt %d is of %q by the contact's file, want %q", a.Attempt, a.Sender, attempts[a.Attempt])
			}
		}
	}
}

// Ensure that no second of any member, wherever it begins, carries more than its
// rate, nor much less, while two parties use their pools at once.
func TestDialer_Run_PoolRates(t *testing.T) {
	const rate = 6
	in(t, plan{people: 300, pool: 3, rate: rate, inFlight: 60}, func(h *house) {
		for _, party := range []string{"party-a", "party-b"} {
			h.accept(h.job("of-"+party, party))
		}
		h.run()
		for _, job := range h.jobs {
			h.awaitState(job.ID, "closed")
		}
		_, each := h.sendersSeen()
		if len(each) < 3 {
			t.Errorf("contacts have seen %v", each)
		}
		for sender := range each {
			var sent []begun
			for _, request := range h.carrier.requests() {
				if request.From == sender {
					sent = append(sent, request)
				}
			}
			var most, sum, first int
			for _, request := range sent {
				sum += dialer.MeasureText(request.Body).Segments
				for request.at.Sub(sent[first].at) >= time.Second {
					sum -= dialer.MeasureText(sent[first].Body).Segments
					first++
				}
				most = max(most, sum)
			}
			if most != rate {
				t.Errorf("the fullest second of %s carries %d segments, want %d", sender, most, rate)
			}
		}
	})
}

// Ensure that where carriers filter one member, its contacts see the others while it
// rests, and all of the campaign goes on.
func TestDialer_Run_PoolMemberRests(t *testing.T) {
	in(t, plan{people: 120, speed: 60, pool: 3, rate: 0.2}, func(h *house) {
		h.carrier.answers(func(_ int, request dialer.Request) reply {
			if request.From == "TILLEULS" {
				r := ends(dialer.StatusUndelivered)
				r.effect = dialer.EffectFiltered
				return r
			}
			return delivered()
		})
		job := h.accept(h.job("filtered", "party-a"))
		h.run()
		view := h.awaitState(job.ID, "closed")
		_, each := h.sendersSeen()
		if !strings.Contains(h.log.String(), dialer.EventSenderRests) {
			t.Error("the filtered sender was not rested")
		}
		if each["TILLEULS"] < 10 || each["TILLEULS"] > 25 || view.Balance.Final["delivered"] != uint64(120-each["TILLEULS"]) {
			t.Errorf("contacts have seen %v: %v", each, view.Balance.Final)
		}
		if took := view.Now.Sub(tuesday); took > time.Hour {
			t.Errorf("the campaign took %s: contacts have waited for the sender that rests", took)
		}
	})
}

// Ensure that a pool is refused where one of its members would be.
func TestDialer_Accept_Pool(t *testing.T) {
	for name, spoil := range map[string]func(*dialer.Sender){
		"for another party": func(s *dialer.Sender) { s.Parties = []string{"party-b"} },
		"not registered":    func(s *dialer.Sender) { s.Registered = false },
	} {
		t.Run(name, func(t *testing.T) {
			in(t, plan{pool: 2}, func(h *house) {
				job := h.job("pooled", "party-a")
				spoil(&h.registry.Senders[slices.IndexFunc(h.registry.Senders, func(s dialer.Sender) bool { return s.ID == "TILLEULS2" })])
				if rejection := h.offer(job); rejection == nil || rejection.Faults[0].Field != "sender" {
					t.Errorf("rejected: %+v", rejection)
				}
			})
		})
	}
}
