package dialer_test

import (
	"errors"
	"testing"
	"time"

	"github.com/hustings/hustings/dialer"
)

// Ensure that an invoice is flat for each ordered contact, whoever was reached, at
// the price of the day of the order; and that it has what was reported in its span,
// of its party alone, and nothing that was cancelled before it began.
func TestDialer_Invoice(t *testing.T) {
	in(t, plan{people: 40, speed: 600}, func(h *house) {
		h.registry.Tariff.OrderedContact = 35 * dialer.Unit / 100
		short, whole, never := h.job("short", "party-a"), h.job("whole", "party-b"), h.tomorrow("never", "party-a")
		short.Size, whole.Size = 700, 500
		for _, job := range []*dialer.Job{short, never, whole} {
			h.accept(job)
		}
		h.carrier.always(ends(dialer.StatusUndelivered))
		h.run()
		h.give("never", cancel)
		closed := h.awaitState("short", "closed")
		h.awaitState("whole", "closed")
		h.awaitState("never", "closed")
		h.registry.Tariff.OrderedContact *= 2
		invoice := func(party string, from, to time.Time) *dialer.Invoice {
			t.Helper()
			invoice, err := h.dialer().Invoice(party, from, to)
			if err != nil {
				t.Fatal(err)
			}
			return invoice
		}
		due := dialer.ReportDue(closed.Closed)
		got := invoice("party-a", due, due.Add(time.Second))
		if len(got.Lines) != 1 || got.Lines[0].Campaign != "short" || got.Lines[0].Ordered != 700 || got.Total != 245*dialer.Unit {
			t.Errorf("party-a owes %+v", got)
		}
		if got := invoice("party-b", due, due.Add(time.Second)); got.Total != 175*dialer.Unit {
			t.Errorf("party-b owes %+v", got)
		}
		for _, span := range [][2]time.Time{{due.Add(-time.Hour), due}, {due.Add(time.Second), due.Add(time.Hour)}} {
			if got := invoice("party-a", span[0], span[1]); len(got.Lines) != 0 || got.Total != 0 {
				t.Errorf("from %s to %s party-a owes %+v", span[0], span[1], got)
			}
		}
		if _, err := h.dialer().Invoice("party-z", due, due.Add(time.Hour)); !errors.Is(err, dialer.ErrNoParty) {
			t.Errorf("nobody owes: %v", err)
		}
	})
}
