package daemon

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/hustings/hustings/dialer/twilio/sandbox"
	"github.com/hustings/hustings/queue"
)

// Ensure that nothing is dialled and no job decided on while the carrier's clock
// is not ours, that operators are told so, and that all goes on by itself once
// the clocks agree.
func TestDaemon_ClocksApart(t *testing.T) {
	t.Parallel()
	h, server := twilioHouse(t, func(o *sandbox.Options) { o.Start = time.Now().Add(-time.Hour) })
	h.start()
	h.importPeopleAt(time.Now().AddDate(0, -2, 0), invent(600), openTerritory(t), "party-a")
	job := orderNow("party-a", 600)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	if _, err := h.client.Submit(ctx, job); queue.CodeOf(err) != queue.CodeTimeout {
		t.Errorf("a job was decided on: %v", err)
	}
	status := h.status()
	if told := strings.Join(status.Waiting, "\n"); status.Ready || !strings.Contains(told, "the clock is in doubt: the carrier's is at least") {
		t.Errorf("ready %v, waiting for %q", status.Ready, told)
	}
	if n := requests(t, h.carrierLog()); n != 0 {
		t.Errorf("%d requests have begun", n)
	}
	if err := server.AdvanceClock(time.Hour); err != nil {
		t.Fatal(err)
	}
	h.submit(job)
	if view := h.closeNow(job.ID); view.Balance.Final["delivered"] != 600 {
		t.Errorf("%+v", view.Balance)
	}
	judge(t, h.carrierLog(), nil)
}
