package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hustings/hustings/dialer"
)

// Ensure that a glance at campaigns in all sorts of states fits 80 columns, and is
// the one that was approved.
func TestGlance_Golden(t *testing.T) {
	t.Parallel()
	sheet := func(audience, planned, doubt, stops uint64) dialer.BalanceSheet {
		return dialer.BalanceSheet{Audience: audience, Planned: planned, InDoubt: doubt, OptOuts: stops}
	}
	now := time.Date(2027, 3, 9, 9, 0, 0, 0, time.UTC)
	views := []dialer.CampaignView{
		{ID: "first-of-all", State: "closed", Ending: "completed", Balance: sheet(1500, 0, 0, 21)},
		{ID: "seniors-in-the-south-and-elsewhere", State: "running", Rate: 212.4, Remaining: dialer.Duration(68 * time.Minute), Balance: sheet(1_250_000, 404_000, 12, 3201)},
		{ID: "canal", State: "running", Rate: 70.6, Remaining: dialer.Duration(95 * time.Second), Balance: sheet(20_000, 6_700, 0, 40)},
		{
			ID: "young", State: "trial", Detail: "the trial of 50 is over, an operator must release the rest",
			Trial: &dialer.TrialView{Size: 50, Tried: 50, Over: true}, Balance: sheet(500, 450, 0, 1),
		},
		{
			ID: "phares", State: "held", Hold: dialer.HoldOptOuts, Detail: "opt-out rate: 31 of 512 messages within 1h0m0s, 6.1 %, and the limit is 5.0 %",
			Balance: sheet(9000, 8488, 1, 31),
		},
		{
			ID: "seconds", State: "trial", Trial: &dialer.TrialView{Size: 50, Tried: 50, Over: true}, Balance: sheet(700, 650, 0, 0),
			Pending: &dialer.PendingOrder{Order: dialer.Order{Verb: dialer.OrderRelease, Operator: "op-anne"}},
		},
		{ID: "evening", State: "running", Balance: sheet(800, 800, 0, 0), Now: now, Parked: []dialer.ParkedZone{
			{Zones: "Europe/Paris", Until: now.Add(time.Hour), Reason: "CALLING_WINDOW"},
		}},
		{ID: "thinking", State: "paused", Detail: "paused by op-bruno: a question from the party", Balance: sheet(500, 500, 0, 0)},
	}
	lines := glanceTexts(views, false, usualWidth)
	for _, line := range lines {
		if n := len([]rune(line)); n > usualWidth {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	const path = "testdata/glance.golden"
	got := strings.Join(lines, "\n") + "\n"
	if os.Getenv("HUSTINGS_UPDATE") != "" {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the glance is\n%s\nwant\n%s", got, want)
	}
	if only := glanceTexts(nil, false, usualWidth); len(only) != 1 || only[0] != "no campaigns yet" {
		t.Errorf("no campaigns look like %q", only)
	}
}
