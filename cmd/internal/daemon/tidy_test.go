package daemon

import (
	"testing"
	"time"

	"github.com/hustings/hustings/dialer/twilio/sandbox"
)

// Ensure that a week after a campaign the carrier keeps nothing of us, neither what
// was sent nor what came in, and that nothing was deleted before it had been over
// for a week.
func TestDaemon_Tidies(t *testing.T) {
	t.Parallel()
	const week = 7 * 24 * time.Hour
	h := newHouse(t)
	h.config.Carrier.Sandbox.StopFraction, h.config.Carrier.Sandbox.Undelivered = 0.2, 0.2
	h.start()
	h.importPeople(invent(60), "FR-75", "party-a")
	job := h.submit(orderFor("party-a", 500))
	h.close(h.advance, job.ID)
	h.advance(time.Hour) // the last replies
	eventually(t, "all replies were heard", func() bool {
		verdict := judge(t, h.carrierLog(), nil)
		return verdict.Inbound > 0 && verdict.InboundAnswered == verdict.Inbound
	})
	h.advance(week - 4*time.Hour)
	steadily(t, time.Second, "nothing is deleted early", func() bool { return len(deletions(t, h.carrierLog())) == 0 })
	h.advance(6 * time.Hour)
	eventually(t, "the carrier keeps nothing", func() bool {
		sent, received := h.copies()
		return sent+received == 0
	})
	over, deleted := map[string]time.Time{}, 0
	for _, record := range readCarrier(t, h.carrierLog()) {
		switch record.Kind {
		case sandbox.KindStatus, sandbox.KindInbound:
			over[record.Sid] = record.At
		case sandbox.KindDeleted:
			if deleted++; record.At.Sub(over[record.Sid]) < week {
				t.Errorf("a copy was deleted %s after it was over", record.At.Sub(over[record.Sid]))
			}
		default:
		}
	}
	t.Logf("%d copies were deleted", deleted)
}

func deletions(t *testing.T, path string) (deleted []sandbox.Record) {
	t.Helper()
	for _, record := range readCarrier(t, path) {
		if record.Kind == sandbox.KindDeleted {
			deleted = append(deleted, record)
		}
	}
	return deleted
}

// copies asks the carrier for its lists.
func (h *house) copies() (sent, received int) {
	h.t.Helper()
	var start time.Time
	for page, err := range h.daemon.carrier.client.Outbound(h.t.Context(), start) {
		if err != nil {
			h.t.Fatal(err)
		}
		sent += len(page)
	}
	texts, err := h.daemon.carrier.client.Inbound(h.t.Context(), time.Date(2027, time.March, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		h.t.Fatal(err)
	}
	return sent, len(texts)
}
