package daemon

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/dialer/twilio/sandbox"
	"github.com/hustings/hustings/queue"
)

// slowHouse is a house whose carrier takes its time, so that much can happen in
// the middle of a campaign.
func slowHouse(t *testing.T) *house {
	t.Helper()
	h := newHouse(t)
	h.config.Carrier.Sandbox.Latency = 30 * time.Millisecond
	h.config.Carrier.Sandbox.StopFraction = 0
	h.config.Pacing.InFlight = 12
	return h
}

// notDialled returns some whom no request has begun for yet.
func (h *house) notDialled(numbers []string, count int) []string {
	h.t.Helper()
	known := dialled(h.t, h.carrierLog())
	var some []string
	for i := len(numbers) - 1; i >= 0 && len(some) < count; i-- {
		if !known[numbers[i]] {
			some = append(some, numbers[i])
		}
	}
	if len(some) < count {
		h.t.Fatal("nearly everybody was dialled already: the test shows nothing")
	}
	return some
}

// Ensure that no request to a contact begins once their opt-out was answered
// with "effective", and that their recipients are excluded as opted out.
func TestDaemon_OptOutWhileDialling(t *testing.T) {
	t.Parallel()
	h := slowHouse(t)
	h.start()
	numbers := invent(600)
	h.importPeople(numbers, "FR-75", "party-a")
	job := h.submit(orderFor("party-a", 600))
	eventually(t, "dialling is under way", func() bool { return requests(t, h.carrierLog()) > 50 })

	acknowledged := map[string]time.Time{}
	for _, number := range h.notDialled(numbers, 60) {
		answer, err := h.client.OptOut(t.Context(), queue.OptOut{Number: number, Way: "phone", Operator: "op-anne"})
		if err != nil {
			t.Fatal(err)
		}
		if answer.Effect != string(dialer.Effective) || !answer.Known {
			t.Errorf("the opt-out is %s, known %v", answer.Effect, answer.Known)
		}
		acknowledged[number] = time.Now()
	}
	if before := requests(t, h.carrierLog()); before == len(numbers) {
		t.Fatal("the opt-outs came after the last request: the test shows nothing")
	}
	view := h.close(h.advance, job.ID)[0]
	judge(t, h.carrierLog(), acknowledged)

	spared := 0
	everybody := dialled(t, h.carrierLog())
	for number := range acknowledged {
		if !everybody[number] {
			spared++
		}
	}
	if n := view.Balance.ExcludedLater[consent.OptedOut.String()]; n != uint64(spared) || spared == 0 {
		t.Errorf("%d were never dialled, but %d are excluded as opted out", spared, n)
	}
	h.stop()
	mustBeSound(t, h.config.DataDirectory)
}

// Ensure that a STOP that a contact sends holds from the moment at which the
// carrier was told that it was heard, for the campaigns of every party.
func TestDaemon_StopByText(t *testing.T) {
	t.Parallel()
	h := slowHouse(t)
	h.start()
	numbers := invent(600)
	h.importPeople(numbers, "FR-75", "party-a", "party-b")
	first := h.submit(orderFor("party-a", 500))
	eventually(t, "dialling is under way", func() bool { return requests(t, h.carrierLog()) > 50 })
	stopped := h.notDialled(numbers, 40)
	for i, number := range stopped {
		text := []string{"STOP", "arrêt", "Ne m'appelez plus !", "stop svp"}[i%4]
		if _, err := h.daemon.carrier.inner.Reply(number, "TILLEULS", text); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "every STOP is answered", func() bool {
		answered := 0
		for _, record := range readCarrier(t, h.carrierLog()) {
			if record.Kind == sandbox.KindInboundAnswered && record.HTTP/100 == 2 {
				answered++
			}
		}
		return answered == len(stopped)
	})
	known := dialled(t, h.carrierLog())
	second := h.submit(orderFor("party-b", 500))
	h.close(h.advance, first.ID, second.ID)
	judge(t, h.carrierLog(), nil)
	for number := range dialled(t, h.carrierLog()) {
		for _, one := range stopped {
			if number == one && !known[number] {
				t.Error("a contact was dialled after their STOP had been answered")
			}
		}
	}
	if n := h.show(second.ID).Balance.ExcludedAtPlanning[consent.OptedOut.String()]; n != uint64(len(stopped)) {
		t.Errorf("the next campaign excludes %d as opted out, want %d", n, len(stopped))
	}
}

// atRest waits until what had been granted before is over, and returns how many
// requests have begun by then.
func (h *house) atRest() int {
	h.t.Helper()
	return atRest(h.t, h.carrierLog())
}

// atRest is the same by a carrier's log, which has what began last a moment later.
func atRest(tb testing.TB, log string) int {
	tb.Helper()
	began, since := -1, time.Now()
	eventually(tb, "the last requests have begun", func() bool {
		if now := requests(tb, log); now != began {
			began, since = now, time.Now()
		}
		return time.Since(since) > 200*time.Millisecond
	})
	return began
}

// Ensure that the file STOP halts all dialling while it is there, and that
// dialling goes on by itself once it is gone.
func TestDaemon_StopFile(t *testing.T) {
	t.Parallel()
	h := slowHouse(t)
	h.start()
	h.importPeople(invent(600), "FR-75", "party-a")
	job := h.submit(orderFor("party-a", 600))
	eventually(t, "dialling is under way", func() bool { return requests(t, h.carrierLog()) > 50 })
	if err := os.WriteFile(h.file(stopFileName), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the daemon has seen the file", func() bool { return strings.Contains(h.log.all(), dialer.EventHalted) })
	if status := h.status(); status.Ready || len(status.Waiting) == 0 || !strings.Contains(status.Waiting[0], stopFileName) {
		t.Errorf("the daemon is ready: %v, it waits for: %v", status.Ready, status.Waiting)
	}
	halted := h.atRest()
	steadily(t, time.Second, "no request begins", func() bool { return requests(t, h.carrierLog()) == halted })
	if view := h.show(job.ID); view.Balance.Planned == 0 || view.State != "running" {
		t.Errorf("the campaign is %s with %d planned: the test shows nothing", view.State, view.Balance.Planned)
	}
	if err := os.Remove(h.file(stopFileName)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "dialling goes on", func() bool { return requests(t, h.carrierLog()) > halted })
	if view := h.close(h.advance, job.ID)[0]; view.Ending != "completed" {
		t.Errorf("the campaign ended as %q", view.Ending)
	}
	judge(t, h.carrierLog(), nil)
}
