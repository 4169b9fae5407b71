package daemon

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/hustings/hustings/queue"
)

// Ensure that a daemon which is told to stop while reports are due stops well:
// what it has drawn is entered, and is what the next life serves (I11).
func TestDaemon_StopsOverReports(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.start()
	h.importPeople(invent(20), "FR-75", "party-a")
	campaign := h.submit(orderFor("party-a", 500)).ID
	h.close(h.advance, campaign)
	h.stop()

	daemon, err := New(h.config, zerolog.New(h.log))
	if err != nil {
		t.Fatal(err)
	}
	dialling, stop := context.WithCancel(t.Context())
	over := make(chan error, 1)
	go func() { over <- daemon.dialer.Run(dialling) }()
	eventually(t, "the ledger is trusted", daemon.dialer.Trusted)
	stop()
	if err := <-over; err != nil {
		t.Fatal(err)
	}
	if err := daemon.carrier.inner.AdvanceClock(50 * time.Hour); err != nil {
		t.Fatal(err)
	}
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	if err := daemon.releaseReports(stopped); err != nil {
		t.Errorf("told to stop over a report: %v", err)
	}
	if err := daemon.Close(); err != nil {
		t.Fatal(err)
	}
	drawn, err := os.ReadFile(h.file("reports/" + campaign + "/report.json"))
	if err != nil {
		t.Fatal(err)
	}
	h.start()
	var served []byte
	eventually(t, "the report is released", func() bool {
		return h.client.Call(t.Context(), queue.VerbReportGet, queue.ReportRequest{Campaign: campaign, Format: "json"}, &served) == nil
	})
	if string(served) != string(drawn) {
		t.Error("another report is served than was drawn")
	}
}
