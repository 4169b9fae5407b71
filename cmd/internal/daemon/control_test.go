package daemon

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/dialer/twilio/sandbox"
	"github.com/hustings/hustings/queue"
)

// stopsWithin is how soon after the answer to an order nothing begins any more.
const stopsWithin = time.Second

// createdAfter counts the messages that the carrier created later than the instant.
func (h *house) createdAfter(at time.Time) (n int) {
	for _, record := range readCarrier(h.t, h.carrierLog()) {
		if record.Kind == sandbox.KindCreated && record.Real > at.UnixNano() {
			n++
		}
	}
	return n
}

// Ensure that the audit log names who did it and what, whatever was done: lists,
// the sandbox's time, a backup, the stop file, a campaign's orders.
func TestDaemon_AuditsEveryControl(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.start()
	h.importPeople(invent(600), "FR-75", "party-a")
	if err := h.client.Call(t.Context(), queue.VerbSandboxClock, queue.SandboxClock{Speed: 300, Operator: "op-anne"}, nil); err != nil {
		t.Fatal(err)
	}
	job := h.submit(orderFor("party-a", 600))
	eventually(t, "the campaign is planned", func() bool { return h.show(job.ID).State != "accepted" })
	for _, verb := range []queue.Verb{queue.VerbCampaignPause, queue.VerbCampaignCancel} {
		if err := h.client.Call(t.Context(), verb, queue.CampaignRequest{Campaign: job.ID, Operator: "op-bruno", Reason: "wrong text"}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(h.file("STOP"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var log []string
	read := func(tx dialer.Tx) error {
		log = log[:0]
		for _, body := range tx.Rows(dialer.BucketAuditBody, nil) {
			log = append(log, string(body))
		}
		return nil
	}
	has := func(texts ...string) bool {
		return slices.ContainsFunc(log, func(entry string) bool {
			return !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(entry, text) })
		})
	}
	eventually(t, "the stop file is on record", func() bool {
		if err := h.daemon.ledger.View(read); err != nil {
			t.Fatal(err)
		}
		return has("all dialling halted: the stop file is there")
	})
	for _, want := range [][]string{
		{"contacts import (intake.done)", "600 rows", "from test", "by op-anne"},
		{"grants import (intake.done)", "by op-anne"},
		{"SANDBOX clock moved", "speed 300", "by op-anne"},
		{job.ID, "paused by op-bruno: wrong text"},
		{job.ID, "cancelled by op-bruno: wrong text"},
	} {
		if !has(want...) {
			t.Errorf("nothing on record says %q:\n%s", want, strings.Join(log, "\n"))
		}
	}
}

// Ensure that a pause and a cancel at full speed stop all within a second of their
// answer, by the carrier's own log; and that the cancelled campaign closes with its
// books in order and its report drawn.
func TestDaemon_StopsAtFullSpeed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.atFastCarrier()
	h.start()
	numbers := invent(10_000)
	h.importPeople(numbers, "FR-75", "party-a")
	job := h.submit(orderFor("party-a", len(numbers)))
	stop := func(verb queue.Verb) {
		t.Helper()
		before := requests(t, h.carrierLog())
		eventually(t, "dialling is at full speed", func() bool { return requests(t, h.carrierLog()) > before+300 })
		if err := h.client.Call(t.Context(), verb, queue.CampaignRequest{Campaign: job.ID, Operator: "op-anne", Reason: "stop"}, nil); err != nil {
			t.Fatal(err)
		}
		answered := time.Now()
		settled := func() bool { return time.Since(answered) > stopsWithin*13/10 }
		eventually(t, "more than a second has passed", settled)
		if n := h.createdAfter(answered.Add(stopsWithin)); n != 0 {
			t.Errorf("%d messages were created later than %s after %s was answered", n, stopsWithin, verb)
		}
		if n := h.createdAfter(answered); n > h.config.Pacing.InFlight {
			t.Errorf("%d messages were created after %s was answered, more than were in flight", n, verb)
		}
	}
	stop(queue.VerbCampaignPause)
	if err := h.client.Call(t.Context(), queue.VerbCampaignResume, dialer.NewOrder(dialer.OrderResume, job.ID, "op-anne", ""), nil); err != nil {
		t.Fatal(err)
	}
	stop(queue.VerbCampaignCancel)
	view := h.show(job.ID)
	if view.State != "closed" || view.Ending != "cancelled" || !view.Balance.Balances || view.Balance.ExcludedLater["CANCELLED"] == 0 ||
		view.Balance.Planned+view.Balance.Waiting+view.Balance.Intended+view.Balance.InDoubt+view.Balance.Placed != 0 || view.ReportDue.IsZero() {
		t.Errorf("the cancelled campaign is %s (%s): %+v", view.State, view.Ending, view.Balance)
	}
	h.advanceCarrier(view.ReportDue.Sub(h.status().Now) + time.Minute)
	eventually(t, "the cancelled campaign's report is drawn", func() bool {
		var reports []queue.ReportInfo
		if err := h.client.Call(t.Context(), queue.VerbReportList, nil, &reports); err != nil {
			t.Fatal(err)
		}
		return len(reports) == 1 && reports[0].Campaign == job.ID
	})
}
