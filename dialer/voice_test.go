package dialer_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// spoken are the statuses of a call that somebody answers, ending so.
func spoken(last dialer.CarrierStatus) reply {
	r := accepted()
	r.statuses = []dialer.CarrierStatus{dialer.StatusSending, dialer.StatusRinging, dialer.StatusAnswered, last}
	r.every = time.Second
	return r
}

// Ensure that everybody in a campaign of calls is rung once, that each end of a call
// is the outcome that it says, and that money goes by the begun minute.
func TestCalls_Outcomes(t *testing.T) {
	for status, outcome := range map[dialer.CarrierStatus]string{
		dialer.StatusCompleted: "answered_human", dialer.StatusCompletedMachine: "answered_machine",
		dialer.StatusBusy: "busy", dialer.StatusNoAnswer: "no_answer", dialer.StatusFailed: "failed", dialer.StatusCanceled: "failed",
	} {
		t.Run(status.String(), func(t *testing.T) {
			in(t, plan{people: 20, voice: true}, func(h *house) {
				h.carrier.always(spoken(status))
				job := h.accept(h.call("calls", "party-a"))
				h.run()
				b := h.awaitState(job.ID, "closed").Balance
				if b.Final[outcome] != 20 {
					t.Errorf("closed with %+v", b)
				}
				if want := 20 * 2 * h.registry.Tariff.Minute; b.Reserved != want {
					t.Errorf("%s is reserved, want %s: ninety seconds are two minutes", b.Reserved, want)
				}
				if want := map[bool]uint64{true: 20}[outcome == "failed"]; b.Abandoned != want || b.Minutes != 40 || b.Segments != 0 {
					t.Errorf("%d abandoned of those who had answered, want %d: %+v", b.Abandoned, want, b)
				}
				for _, request := range h.carrier.requests() {
					if !request.IsCall() || request.Call.Script.Opening != job.Call.Opening || request.Call.Script.Language != "fr-FR" {
						t.Fatalf("asked for %+v", request.Request)
					}
				}
			})
		})
	}
}

// Ensure that a digit objects for texts and for calls, that it is confirmed when it
// is in effect, and that no other digit does.
func TestPressed(t *testing.T) {
	in(t, plan{people: 12, voice: true, speed: 600}, func(h *house) {
		h.carrier.always(spoken(dialer.StatusCompleted))
		first := h.accept(h.call("calls", "party-a"))
		h.run()
		h.awaitState(first.ID, "closed")
		var pressed []contact.Number
		for i, request := range h.carrier.requests() {
			digits := []string{"9", "5", ""}[i%3]
			said, err := h.dialer().Pressed(context.Background(), dialer.Keypress{Attempt: request.Attempt, SID: request.record.SID, Digits: digits})
			if err != nil {
				t.Fatal(err)
			}
			if digits == "9" {
				h.carrier.forbid(request.To)
				pressed = append(pressed, request.To)
			}
			if said.Asks == (digits == "9") || said.Language != "fr-FR" || said.Text == "" {
				t.Errorf("%q was answered by %+v", digits, said)
			}
		}
		h.passUntil(tuesday.AddDate(0, 0, 1))
		texts, calls := h.accept(h.job("texts", "party-a")), h.accept(h.call("again", "party-a"))
		for _, job := range []*dialer.Job{texts, calls} {
			if excluded := h.awaitState(job.ID, "closed").Balance.ExcludedAtPlanning["OPTED_OUT"]; excluded != uint64(len(pressed)) || excluded != 4 {
				t.Errorf("%s leaves %d out who have objected, want %d", job.ID, excluded, len(pressed))
			}
		}
	})
}

// Ensure that a digit of which nobody knows whose call it was objects for nobody, and
// is not said to have been heard.
func TestPressed_NoSuchAttempt(t *testing.T) {
	in(t, plan{people: 1, voice: true}, func(h *house) {
		if said, err := h.dialer().Pressed(context.Background(), dialer.Keypress{Attempt: 99, Digits: "9"}); err == nil || said.Text != "" {
			t.Errorf("answered by %+v, %v", said, err)
		}
	})
}

// Ensure that whoever rings back hears who has called them and where their number
// came from, that a stranger is told that nobody has, and that all of them can object
// but who withholds their number.
func TestRungBack(t *testing.T) {
	in(t, plan{people: 3, voice: true, speed: 600}, func(h *house) {
		h.carrier.always(spoken(dialer.StatusNoAnswer))
		job := h.accept(h.call("calls", "party-b"))
		h.run()
		h.awaitState(job.ID, "closed")
		called := h.carrier.requests()[0].To
		for name, test := range map[string]struct {
			from  contact.Number
			words []string
			asks  bool
		}{
			"somebody who was called": {called, []string{"Alliance du Canal", "Numéro issu du fichier Contacts", "touche 9"}, true},
			"a stranger":              {fictional(t, 5000), []string{"Aucun appel", "touche 9"}, true},
			"withheld":                {contact.Number{}, []string{"masqué"}, false},
		} {
			said, err := h.dialer().RungBack(context.Background(), dialer.Caller{From: test.from})
			if err != nil || said.Asks != test.asks {
				t.Errorf("%s: %+v, %v", name, said, err)
			}
			for _, words := range test.words {
				if !strings.Contains(said.Text, words) {
					t.Errorf("%s: %q is not in %q", name, words, said.Text)
				}
			}
		}
		if _, err := h.dialer().Pressed(context.Background(), dialer.Keypress{From: called, SID: "CA1", Digits: "9"}); err != nil {
			t.Fatal(err)
		}
		h.carrier.forbid(called)
		h.passUntil(tuesday.AddDate(0, 0, 1))
		again := h.awaitState(h.accept(h.job("texts", "party-b")).ID, "closed").Balance
		if again.ExcludedAtPlanning["OPTED_OUT"] != 1 {
			t.Errorf("after the digit: %+v", again.ExcludedAtPlanning)
		}
	})
}

// Ensure that a machine is hung up on unless the campaign says otherwise, and that a
// person never is.
func TestDetected(t *testing.T) {
	for policy, hangsUp := range map[dialer.MachinePolicy]bool{"": true, dialer.MachineHangUp: true, dialer.MachineAnswer: false} {
		t.Run(string(policy), func(t *testing.T) {
			in(t, plan{people: 1, voice: true}, func(h *house) {
				h.carrier.always(accepted())
				job := h.call("calls", "party-a")
				job.Call.Machine = policy
				h.accept(job)
				h.run()
				h.await("a call is placed", func() bool { return h.carrier.began() > 0 })
				h.pass(time.Second)
				request := h.carrier.requests()[0]
				for _, machine := range []bool{false, true} {
					detection := dialer.Detection{Attempt: request.Attempt, SID: request.record.SID, Machine: machine}
					if err := h.dialer().Detected(context.Background(), detection); err != nil {
						t.Fatal(err)
					}
					if got := len(h.carrier.hungUp) == 1; got != (machine && hangsUp) {
						t.Errorf("machine %t: hung up on %v", machine, h.carrier.hungUp)
					}
				}
			})
		})
	}
}

// Ensure that a machine gets its text after the beep, and not before.
func TestDetected_Voicemail(t *testing.T) {
	in(t, plan{people: 1, voice: true}, func(h *house) {
		h.carrier.always(accepted())
		job := h.call("calls", "party-a")
		job.Call.Machine, job.Call.Voicemail = dialer.MachineVoicemail, "Parti des Tilleuls vous a appelé."
		h.accept(job)
		h.run()
		h.await("a call is placed", func() bool { return h.carrier.began() > 0 })
		h.pass(time.Second)
		request := h.carrier.requests()[0]
		for _, ready := range []bool{false, true} {
			detection := dialer.Detection{Attempt: request.Attempt, SID: request.record.SID, Machine: true, Ready: ready}
			if err := h.dialer().Detected(context.Background(), detection); err != nil {
				t.Fatal(err)
			}
			if got := len(h.carrier.left) == 1; got != ready || len(h.carrier.hungUp) > 0 {
				t.Errorf("ready %t: left %v, hung up %v", ready, h.carrier.left, h.carrier.hungUp)
			}
		}
	})
}

// Ensure that who does not answer is rung again in another part of the day, and
// never soon.
func TestCalls_Retry(t *testing.T) {
	in(t, plan{people: 10, voice: true, speed: 120, steps: 2}, func(h *house) {
		h.carrier.answers(func(number int, _ dialer.Request) reply {
			return spoken([]dialer.CarrierStatus{dialer.StatusBusy, dialer.StatusNoAnswer}[number%2])
		})
		job := h.call("calls", "party-a")
		job.Retry = dialer.JobRetry{Maximum: 1, After: dialer.Duration(24 * time.Hour), On: []string{"busy", "no_answer"}}
		h.accept(job)
		h.run()
		h.awaitState(job.ID, "closed")
		log := h.carrier.requests()
		if len(log) != 20 {
			t.Fatalf("%d calls, want two to each", len(log))
		}
		first := map[contact.Number]time.Time{}
		for _, request := range log {
			before, again := first[request.To]
			if first[request.To] = request.at; again && dayPartOf(before) == dayPartOf(request.at) {
				t.Errorf("rung at %s and at %s", before, request.at)
			}
		}
	})
}

// Ensure that no more calls are under way at once than the carrier grants.
func TestCalls_InProgress(t *testing.T) {
	in(t, plan{people: 30, voice: true, options: func(h *house, _ *dialer.Options) {
		for i := range h.registry.Senders {
			h.registry.Senders[i].CallsInProgress = min(h.registry.Senders[i].CallsInProgress, 4)
		}
	}}, func(h *house) {
		var mu sync.Mutex
		underWay, most := 0, 0
		h.carrier.answers(func(int, dialer.Request) reply {
			mu.Lock()
			defer mu.Unlock()
			underWay++
			most = max(most, underWay)
			h.carrier.callbacks.Go(func() {
				h.pass(4 * time.Second) // as long as its statuses take
				mu.Lock()
				defer mu.Unlock()
				underWay--
			})
			return spoken(dialer.StatusCompleted)
		})
		job := h.accept(h.call("calls", "party-a"))
		h.run()
		h.awaitState(job.ID, "closed")
		if most < 3 || most > 4 {
			t.Errorf("%d calls were under way at once, 4 are granted", most)
		}
	})
}

// Ensure that each contact is called in the hours that they have agreed to, and that
// one whose hours are over holds up no neighbour.
func TestCalls_OwnHours(t *testing.T) {
	in(t, plan{people: 20, voice: true, speed: 120}, func(h *house) {
		slots := map[contact.Number]consent.Slot{}
		for i, p := range h.directory.people {
			grant := h.grantsOf(p.ID, "party-c", tuesday.AddDate(0, 0, -1))[1]
			if i%2 == 1 {
				grant.Slot = consent.Slot{Start: int32(9+i%8) * 3600, End: int32(10+i%8) * 3600}
				slots[p.number] = grant.Slot
			}
			if err := h.ledger.Commit(context.Background(), &dialer.RecordGrants{Grants: []dialer.Grant{grant}}); err != nil {
				t.Fatal(err)
			}
		}
		h.carrier.always(spoken(dialer.StatusCompleted))
		job := h.accept(h.call("calls", "party-c"))
		h.run()
		if b := h.awaitState(job.ID, "closed").Balance; b.Final["answered_human"] != 20 {
			t.Errorf("closed with %+v", b)
		}
		for _, request := range h.carrier.requests() {
			slot, own := slots[request.To]
			local := request.at.In(paris.Zones[0])
			second := int32(local.Hour()*3600 + local.Minute()*60 + local.Second())
			if own && (second < slot.Start || second >= slot.End) {
				t.Errorf("called at %s, agreed to %s", local.Format(time.TimeOnly), slot)
			}
			if !own && local.Hour() != 10 {
				t.Errorf("called at %s, although they have agreed to more", local.Format(time.TimeOnly))
			}
		}
	})
}
