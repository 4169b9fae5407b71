package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/hustings/hustings/dialer"
)

func soundView() *dialer.CampaignView {
	return &dialer.CampaignView{
		ID: "party-a-seniors", State: stateClosed, Ending: "completed",
		Balance: dialer.BalanceSheet{
			Considered: 2843, ExcludedAtPlanning: map[string]uint64{"CLAIMED": 900, "OPTED_OUT": 81}, NotDrawn: 362,
			Size: 1500, Audience: 1500, ExcludedLater: map[string]uint64{"OPTED_OUT": 12},
			Final: map[string]uint64{"delivered": 1400, "undelivered": 88}, Attempts: 1488, Balances: true,
		},
	}
}

func TestEquations(t *testing.T) {
	t.Parallel()
	v := soundView()
	if lines := strings.Join(equations(v), ""); !balances(v) || strings.Count(lines, ": balances\n") != 3 {
		t.Errorf("sound books:\n%s", lines)
	}
}

// Ensure the figures are added up here: books that the daemon calls sound can
// be wrong, and the other way round.
func TestEquations_Broken(t *testing.T) {
	t.Parallel()
	v := soundView()
	v.Balance.Final["delivered"]++
	if lines := equations(v); balances(v) || !strings.HasSuffix(lines[2], "DOES NOT BALANCE\n") {
		t.Errorf("one too many delivered: %s", lines[2])
	}
	v = soundView()
	v.Balance.Shortfall = 1
	if lines := equations(v); balances(v) || !strings.Contains(lines[1], "ordered 1,500 = audience 1,500 + shortfall 1: DOES NOT") {
		t.Errorf("a shortfall that is none: %s", lines[1])
	}
	v = soundView()
	v.Balance.Balances, v.Balance.Fault = false, "the audience is one short"
	if lines := strings.Join(equations(v), ""); balances(v) || !strings.Contains(lines, "the daemon finds a fault: the audience is one short") {
		t.Errorf("a fault of the daemon's:\n%s", lines)
	}
}

func TestPrintSheets_SideBySide(t *testing.T) {
	t.Parallel()
	a, b := soundView(), soundView()
	b.ID, b.Balance.Final = "party-b-seniors", map[string]uint64{"delivered": 7, "unknown": 1}
	var text strings.Builder
	if err := printSheets(&text, []*dialer.CampaignView{a, b}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`(?m)^ +party-a-seniors  party-b-seniors$`,
		`(?m)^considered +2,843 +2,843$`,
		`(?m)^    delivered +1,400 +7$`,
		`(?m)^    unknown +0 +1$`,
	} {
		if !regexp.MustCompile(want).MatchString(text.String()) {
			t.Errorf("%s is missing in:\n%s", want, text.String())
		}
	}
}

func TestReached(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		state, until string
		want         bool
	}{
		{"running", "running", true},
		{"running", "closed", false},
		{"closing", "running", true},
		{"paused", "running", false},
		{"paused", "paused", true},
		{"running", "held", false},
		{"closed", "held", true},
	} {
		if got := reached(c.state, c.until); got != c.want {
			t.Errorf("%s, waiting for %s: %t, want %t", c.state, c.until, got, c.want)
		}
	}
}
