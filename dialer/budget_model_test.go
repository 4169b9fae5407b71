package dialer_test

import (
	"context"
	"testing"

	"pgregory.net/rapid"

	"github.com/hustings/hustings/dialer"
)

// budgetModel is a campaign that can pay for some messages: what may have been
// sent is paid for, and what provably was not gives its money back.
type budgetModel struct {
	*house
	job   *dialer.Job
	price dialer.Money
	// intended wait for their answer; sent were, or may have been, created.
	intended []dialer.Asked
	sent     int
}

// Ensure that not a cent more is reserved than the budget, with what is still
// under way counted, that withdrawn money can be spent again, and that the
// campaign is told that its money is spent only when none can come back (I7).
func TestBudget_Model(t *testing.T) {
	modelled(t, plan{people: 12, parties: []string{"party-a"}}, func(h *house) map[string]func(*rapid.T) {
		m := &budgetModel{house: h, job: h.job("poor", "party-a")}
		m.price = h.registry.Tariff.Segment * dialer.Money(dialer.MeasureText(m.job.Message.Body).Segments)
		m.job.Budget = 12 * m.price
		h.accept(m.job)
		if err := h.dialer().StartNow(context.Background(), m.job.ID); err != nil {
			h.t.Fatal(err)
		}
		// Everybody could be paid for, had the tariff not been raised since.
		h.registry.Tariff.Segment = h.registry.Tariff.Segment * 8 / 3
		m.price = h.registry.Tariff.Segment * dialer.Money(dialer.MeasureText(m.job.Message.Body).Segments)
		h.restart()
		return map[string]func(*rapid.T){"ask": m.ask, "answer": m.answer, "restart": m.start, "": m.check}
	})
}

func (m *budgetModel) reserved() dialer.Money { return m.price * dialer.Money(len(m.intended)+m.sent) }

func (m *budgetModel) ask(rt *rapid.T) {
	id := drawn(rt, "who", m.ids())
	row := m.recipients(m.job.ID)[id]
	if row.State != dialer.RecipientPlanned || row.Until.After(m.clock.Now()) {
		rt.Skip("this one is dealt with")
	}
	asked, err := m.dialer().Ask(context.Background(), m.job.ID, id)
	must(rt, err)
	enough := m.reserved()+m.price <= m.job.Budget
	if over := !enough && len(m.intended) == 0; asked.Granted() != enough || asked.OverBudget != over || asked.Undecided != (!enough && !over) {
		rt.Fatalf("with %s of %s reserved: %+v", m.reserved(), m.job.Budget, asked)
	}
	if enough {
		m.intended = append(m.intended, asked)
	}
}

func (m *budgetModel) answer(rt *rapid.T) {
	if len(m.intended) == 0 {
		rt.Skip("nothing is under way")
	}
	asked := m.intended[0]
	m.intended = m.intended[1:]
	switch kind := drawn(rt, "kind", []dialer.AnswerKind{dialer.Accepted, dialer.Unclear, dialer.Refused, dialer.Withdrawn}); {
	case rapid.Bool().Draw(rt, "at the gate"):
		must(rt, m.dialer().StoppedAtTheGate(context.Background(), asked, rapid.Bool().Draw(rt, "objected")))
	default:
		must(rt, m.dialer().Answered(context.Background(), asked, m.said(asked.Attempt(), kind)))
		if kind == dialer.Accepted || kind == dialer.Unclear {
			m.sent++
		}
	}
	m.clock.moved += resend
}

func (m *budgetModel) start(rt *rapid.T) {
	m.restart()
	must(rt, m.dialer().DoubtNow(context.Background()))
	m.sent += len(m.intended)
	m.intended = nil
}

func (m *budgetModel) check(rt *rapid.T) {
	b := m.show(m.job.ID).Balance
	if b.Reserved != m.reserved() || b.Reserved > m.job.Budget || b.Attempts != uint64(len(m.intended)+m.sent) || !b.Balances {
		rt.Errorf("%s reserved for %d attempts, want %s for %d: %s", b.Reserved, b.Attempts, m.reserved(), len(m.intended)+m.sent, b.Fault)
	}
}
