package dialer_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// recipientModel is where each recipient must be: the states are those of the
// design, and what leads from one to another is written out here once more.
type recipientModel struct {
	*house
	job     *dialer.Job
	states  map[contact.ID]dialer.RecipientState
	outcome map[contact.ID]dialer.Outcome
	asked   map[contact.ID]dialer.Asked
	// tries are those that were not withdrawn.
	tries map[contact.ID]int
	// objected are those who may not be intended any more; closing is set once
	// the campaign was cancelled.
	objected map[contact.ID]bool
	closing  bool
}

// Ensure that a recipient moves only along the states of the design, whatever
// the rules, the gate, the carrier, its callbacks, its lists, a restart and an
// operator do, in whatever order.
func TestRecipient_Model(t *testing.T) {
	modelled(t, plan{people: 3, parties: []string{"party-a"}}, func(h *house) map[string]func(*rapid.T) {
		m := &recipientModel{
			house: h, job: h.job("only", "party-a"), states: map[contact.ID]dialer.RecipientState{}, asked: map[contact.ID]dialer.Asked{},
			outcome: map[contact.ID]dialer.Outcome{}, tries: map[contact.ID]int{}, objected: map[contact.ID]bool{},
		}
		m.job.Retry = dialer.JobRetry{Maximum: 1, After: dialer.Duration(time.Hour), On: []string{"undelivered"}}
		h.accept(m.job)
		if err := h.dialer().StartNow(context.Background(), m.job.ID); err != nil {
			h.t.Fatal(err)
		}
		for _, id := range h.ids() {
			m.states[id] = dialer.RecipientPlanned
		}
		return map[string]func(*rapid.T){
			"ask": m.ask, "gate": m.gate, "answer": m.answer, "status": m.status, "look": m.look, "forget": m.forget,
			"day": m.day, "object": m.object, "restart": m.start, "cancel": m.cancel, "": m.check,
		}
	})
}

// any one who is in one of the states.
func (m *recipientModel) in(rt *rapid.T, states ...dialer.RecipientState) contact.ID {
	var who []contact.ID
	for _, id := range m.ids() {
		if slices.Contains(states, m.states[id]) {
			who = append(who, id)
		}
	}
	if len(who) == 0 {
		rt.Skip("nobody is there")
	}
	return drawn(rt, "who", who)
}

func (m *recipientModel) ask(rt *rapid.T) {
	id := m.in(rt, dialer.RecipientPlanned, dialer.RecipientWaiting, dialer.RecipientPlaced, dialer.RecipientFinal)
	row := m.recipients(m.job.ID)[id]
	asked, err := m.dialer().Ask(context.Background(), m.job.ID, id)
	must(rt, err)
	free := (m.states[id] == dialer.RecipientPlanned || m.states[id] == dialer.RecipientWaiting) && !row.Until.After(m.clock.Now()) && !m.closing
	switch {
	case !free:
		if asked.Granted() {
			rt.Fatalf("granted to one who is %s until %s", m.states[id], row.Until)
		}
	case m.objected[id]:
		m.states[id] = dialer.RecipientExcluded
	case asked.Granted():
		m.states[id], m.asked[id] = dialer.RecipientIntended, asked
		m.tries[id]++
	default: // the cap of today
		m.states[id] = dialer.RecipientWaiting
	}
}

// gate has the gate refuse: the contact objected, or the permit has lapsed.
func (m *recipientModel) gate(rt *rapid.T) {
	id := m.in(rt, dialer.RecipientIntended)
	must(rt, m.dialer().StoppedAtTheGate(context.Background(), m.asked[id], m.objected[id]))
	if m.objected[id] {
		m.states[id] = dialer.RecipientExcluded
		return
	}
	m.states[id] = dialer.RecipientPlanned
	m.tries[id]--
}

// answer brings the carrier's answer, to an attempt that was settled meanwhile,
// too.
func (m *recipientModel) answer(rt *rapid.T) {
	id := m.in(rt, dialer.RecipientIntended, dialer.RecipientPlaced, dialer.RecipientFinal)
	if !m.asked[id].Granted() {
		rt.Skip("the answer was lost with its process")
	}
	kind := drawn(rt, "kind", []dialer.AnswerKind{dialer.Accepted, dialer.Unclear, dialer.Refused, dialer.Withdrawn})
	early := m.states[id] != dialer.RecipientIntended
	if early && kind != dialer.Accepted && kind != dialer.Unclear {
		rt.Skip("a message of which a status came was created")
	}
	must(rt, m.dialer().Answered(context.Background(), m.asked[id], m.said(m.asked[id].Attempt(), kind)))
	if early {
		return // the status was faster, and knew more
	}
	switch kind {
	case dialer.Accepted:
		m.states[id] = dialer.RecipientPlaced
	case dialer.Unclear:
		m.states[id] = dialer.RecipientInDoubt
	case dialer.Refused:
		m.states[id] = dialer.RecipientExcluded
	case dialer.Withdrawn:
		m.states[id] = dialer.RecipientPlanned
		m.tries[id]--
	}
}

// status brings a callback, at any time after the intent.
func (m *recipientModel) status(rt *rapid.T) {
	id := m.in(rt, dialer.RecipientIntended, dialer.RecipientInDoubt, dialer.RecipientPlaced, dialer.RecipientFinal)
	status := drawn(rt, "status", []dialer.CarrierStatus{dialer.StatusQueued, dialer.StatusSent, dialer.StatusDelivered, dialer.StatusUndelivered})
	attempt := m.recipients(m.job.ID)[id].Attempt
	must(rt, m.dialer().Status(context.Background(), dialer.StatusUpdate{Attempt: attempt, SID: sidOf(attempt), Status: status}))
	m.becomes(id, status)
}

// becomes is what a status makes of a recipient.
func (m *recipientModel) becomes(id contact.ID, status dialer.CarrierStatus) {
	switch {
	case m.states[id] == dialer.RecipientFinal:
	case !status.Final():
		m.states[id] = dialer.RecipientPlaced
	case status == dialer.StatusUndelivered && m.tries[id] == 1 && !m.closing:
		m.states[id] = dialer.RecipientWaiting // for its next step
	default:
		m.states[id], m.outcome[id] = dialer.RecipientFinal, status.Outcome()
	}
}

// look has the carrier's list know what is due to be looked up.
func (m *recipientModel) look(rt *rapid.T) {
	id := m.in(rt, dialer.RecipientInDoubt)
	status := drawn(rt, "status", []dialer.CarrierStatus{dialer.StatusSent, dialer.StatusDelivered, dialer.StatusUndelivered})
	row := m.recipients(m.job.ID)[id]
	number := m.directory.byID[id].number
	m.carrier.records[number] = []*dialer.Record{{
		SID: sidOf(row.Attempt), From: m.job.Sender, Body: m.job.Message.Body, CreatedAt: m.clock.Now(), Status: status,
	}}
	defer delete(m.carrier.records, number)
	m.clock.moved += 2 * time.Minute
	must(rt, m.dialer().LookUpNow(context.Background()))
	for _, other := range m.ids() { // the list knows nothing of them, and a third look was their last
		open := m.states[other] == dialer.RecipientInDoubt || m.states[other] == dialer.RecipientPlaced
		if row := m.recipients(m.job.ID)[other]; other != id && open && row.State == dialer.RecipientFinal && row.Looks == 3 {
			m.states[other], m.outcome[other] = dialer.RecipientFinal, dialer.OutcomeUnknown
		}
	}
	if m.recipients(m.job.ID)[id].State != dialer.RecipientInDoubt { // else it was not due yet
		m.becomes(id, status)
	}
}

// forget lets so much time pass that all that is open is unknown.
func (m *recipientModel) forget(rt *rapid.T) {
	_ = m.in(rt, dialer.RecipientInDoubt, dialer.RecipientPlaced)
	m.clock.moved += forever
	for range 3 {
		must(rt, m.dialer().LookUpNow(context.Background()))
	}
	for _, id := range m.ids() {
		if m.states[id] == dialer.RecipientInDoubt || m.states[id] == dialer.RecipientPlaced {
			m.states[id], m.outcome[id] = dialer.RecipientFinal, dialer.OutcomeUnknown
		}
	}
	m.day(rt)
}

// day is tomorrow at ten, when texts may be sent.
func (m *recipientModel) day(rt *rapid.T) {
	now := m.clock.Now().In(paris.Zones[0])
	if m.clock.moved > 15*24*time.Hour {
		rt.Skip("the campaign is about to end")
	}
	m.clock.moved += time.Date(now.Year(), now.Month(), now.Day()+1, 10, 0, 0, 0, paris.Zones[0]).Sub(now)
}

func (m *recipientModel) object(rt *rapid.T) {
	id := drawn(rt, "who", m.ids())
	m.house.object(id)
	m.objected[id] = true
}

func (m *recipientModel) start(rt *rapid.T) {
	m.restart()
	must(rt, m.dialer().DoubtNow(context.Background()))
	clear(m.asked)
	for _, id := range m.ids() {
		if m.states[id] == dialer.RecipientIntended {
			m.states[id] = dialer.RecipientInDoubt
		}
	}
}

// cancel ends the campaign: who is not under way is excluded.
func (m *recipientModel) cancel(rt *rapid.T) {
	if rapid.IntRange(0, 4).Draw(rt, "meant") > 0 {
		rt.Skip("thought better of it")
	}
	if !m.closing {
		must(rt, cancel(m.house, m.job.ID))
	}
	m.closing = true
	must(rt, m.dialer().SweepNow(context.Background(), m.job.ID))
	for _, id := range m.ids() {
		if m.states[id] == dialer.RecipientPlanned || m.states[id] == dialer.RecipientWaiting {
			m.states[id] = dialer.RecipientExcluded
		}
	}
}

func (m *recipientModel) check(rt *rapid.T) {
	rows := m.recipients(m.job.ID)
	for _, id := range m.ids() {
		if rows[id].State != m.states[id] || rows[id].Outcome != m.outcome[id] || int(rows[id].Step) != m.tries[id] {
			rt.Errorf("recipient %+v, want %s with outcome %s at step %d", rows[id], m.states[id], m.outcome[id], m.tries[id])
		}
	}
	m.view(func(tx dialer.Tx) {
		for _, fault := range dialer.CheckBooks(tx) {
			rt.Error(fault)
		}
	})
}
