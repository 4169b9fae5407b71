package dialer_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// capsModel is what was tried with each contact: an attempt counts from its
// intent on, whatever comes of it, unless it provably was never created.
type capsModel struct {
	*house
	tried map[contact.ID][]*tried
}

type tried struct {
	asked    dialer.Asked
	campaign string
	party    string
	day      int
	state    string // intended, open or over
}

// Ensure that nobody is dialled more than once a day, by one party more than
// four times in thirty days, or while another attempt is open, over all parties
// and campaigns; that an unknown attempt counts as one, and that only one which
// provably was never created does not (I8, I9).
func TestCaps_Model(t *testing.T) {
	p := plan{people: 2, places: []string{"FR-971", "FR-974"}, start: time.Date(2027, 1, 4, 18, 0, 0, 0, paris.Zones[0]), parties: []string{"party-a", "party-b"}}
	modelled(t, p, func(h *house) map[string]func(*rapid.T) {
		m := &capsModel{house: h, tried: map[contact.ID][]*tried{}}
		for i := range 10 {
			job := h.job(fmt.Sprintf("order-%d", i), h.plan.parties[i%2])
			job.Round = fmt.Sprintf("FR-PRES-2027-R%d", 1+i%2) // so that no claim stands in the way
			job.Schedule.End = p.start.AddDate(0, 3, 0)
			h.accept(job)
			if err := h.dialer().StartNow(context.Background(), job.ID); err != nil {
				h.t.Fatal(err)
			}
		}
		return map[string]func(*rapid.T){
			"ask": m.ask, "ask another": m.ask, "answer": m.answer, "end": m.end, "forget": m.forget, "day": m.day, "restart": m.start, "": m.check,
		}
	})
}

// want is the reason that the rules must give.
func (m *capsModel) want(id contact.ID, party string) consent.Reason {
	today := civilDay(m.clock.Now().In(m.directory.byID[id].zones()[0]))
	reason, month := consent.OK, 0
	for _, t := range m.tried[id] {
		if t.state != "over" && reason == consent.OK {
			reason = consent.InFlight
		}
		if t.day == today {
			return consent.FrequencyCap
		}
		if t.party == party && today-t.day < capDays {
			month++
		}
	}
	if month >= capMonth {
		return consent.FrequencyCap
	}
	return reason
}

func (m *capsModel) check(rt *rapid.T) {
	for _, job := range m.jobs {
		for _, id := range m.ids() {
			got, err := m.dialer().DecisionOn(job.ID, id)
			if want := m.want(id, job.Party); err != nil || got.Reason != want {
				rt.Errorf("%s: %s, %v, want %s", job.ID, got, err, want)
			}
		}
	}
}

func (m *capsModel) ask(rt *rapid.T) {
	job, id := drawn(rt, "job", m.jobs), drawn(rt, "who", m.ids())
	row := m.recipients(job.ID)[id]
	free := (row.State == dialer.RecipientPlanned || row.State == dialer.RecipientWaiting) && !row.Until.After(m.clock.Now())
	want := free && m.want(id, job.Party) == consent.OK
	asked, err := m.dialer().Ask(context.Background(), job.ID, id)
	must(rt, err)
	if asked.Granted() != want {
		rt.Fatalf("%s: granted %t, want %t", job.ID, asked.Granted(), want)
	}
	if want {
		day := civilDay(m.clock.Now().In(m.directory.byID[id].zones()[0]))
		m.tried[id] = append(m.tried[id], &tried{asked, job.ID, job.Party, day, "intended"})
	}
}

// in returns an attempt in that state, and who it is to.
func (m *capsModel) in(rt *rapid.T, state string) (contact.ID, *tried) {
	for _, id := range m.ids() {
		for _, t := range m.tried[id] {
			if t.state == state {
				return id, t
			}
		}
	}
	rt.Skip("no attempt is " + state)
	return contact.ID{}, nil
}

func (m *capsModel) answer(rt *rapid.T) {
	id, t := m.in(rt, "intended")
	kind := drawn(rt, "kind", []dialer.AnswerKind{dialer.Accepted, dialer.Unclear, dialer.Refused, dialer.Withdrawn})
	must(rt, m.dialer().Answered(context.Background(), t.asked, m.said(t.asked.Attempt(), kind)))
	t.state = "open"
	if kind == dialer.Refused || kind == dialer.Withdrawn {
		m.tried[id] = deleted(m.tried[id], t) // never created: it never was
	}
}

func deleted(list []*tried, gone *tried) (kept []*tried) {
	for _, t := range list {
		if t != gone {
			kept = append(kept, t)
		}
	}
	return kept
}

// end brings an attempt's final status.
func (m *capsModel) end(rt *rapid.T) {
	_, t := m.in(rt, "open")
	status := drawn(rt, "status", []dialer.CarrierStatus{dialer.StatusDelivered, dialer.StatusUndelivered, dialer.StatusFailed})
	must(rt, m.dialer().Status(context.Background(), dialer.StatusUpdate{Attempt: t.asked.Attempt(), SID: sidOf(t.asked.Attempt()), Status: status}))
	t.state = "over"
}

// forget lets so much time pass that what is open becomes unknown. It counts.
func (m *capsModel) forget(rt *rapid.T) {
	_, _ = m.in(rt, "open")
	m.leave(rt)
	m.clock.moved += forever
	for range 3 {
		must(rt, m.dialer().LookUpNow(context.Background()))
	}
	for _, id := range m.ids() {
		for _, t := range m.tried[id] {
			if t.state == "open" {
				t.state = "over"
			}
		}
	}
	m.tomorrow(1)
}

// tomorrow is six in the evening in Paris, when texts may be sent in every place
// of the model, so many days later.
func (m *capsModel) tomorrow(days int) {
	now := m.clock.Now().In(paris.Zones[0])
	m.clock.moved += time.Date(now.Year(), now.Month(), now.Day()+days, 18, 0, 0, 0, paris.Zones[0]).Sub(now)
}

// leave ends the passing of time while all campaigns run.
func (m *capsModel) leave(rt *rapid.T) {
	if m.clock.moved > 70*24*time.Hour {
		rt.Skip("the campaigns are about to end")
	}
}

func (m *capsModel) day(rt *rapid.T) {
	m.leave(rt)
	m.tomorrow(rapid.IntRange(1, 9).Draw(rt, "days"))
}

// start is a restart: what was intended is in doubt then.
func (m *capsModel) start(rt *rapid.T) {
	m.restart()
	must(rt, m.dialer().DoubtNow(context.Background()))
	for _, id := range m.ids() {
		for _, t := range m.tried[id] {
			if t.state == "intended" {
				t.state = "open"
			}
		}
	}
}
