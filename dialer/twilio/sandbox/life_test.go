package sandbox

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func number(index int) string { return fmt.Sprintf("+33639980%03d", index) }

func TestPlanLife_Shares(t *testing.T) {
	t.Parallel()
	options := Options{Seed: 3}.withDefaults()
	count, replied := map[string]int{}, 0
	const people = 40_000
	for index := range people {
		plan := options.planLife(fmt.Sprintf("+3363998%07d", index), statusQueued, maximumValidity)
		count[plan.steps[len(plan.steps)-1].status]++
		if plan.reply != "" {
			replied++
		}
	}
	share := func(name string, got int, want float64) {
		if found := float64(got) / people; math.Abs(found-want) > 0.004 {
			t.Errorf("%s: share %.4f, want about %.4f", name, found, want)
		}
	}
	share("undelivered", count[statusUndelivered], DefaultUndelivered)
	share("failed", count[statusFailed], DefaultFailed)
	share("silent", count[statusSent], DefaultSilent)
	share("delivered", count[statusDelivered], 0.93)
	share("replies", replied, 0.93*DefaultStopFraction)
}

// Ensure that a life is plausible, and the same for the same number and seed.
func TestPlanLife_Steps(t *testing.T) {
	t.Parallel()
	options, other := Options{Seed: 3}.withDefaults(), Options{Seed: 4}.withDefaults()
	different := 0
	for index := range 300 {
		to := number(index)
		plan := options.planLife(to, statusAccepted, maximumValidity)
		again := options.planLife(to, statusAccepted, maximumValidity)
		if diff := cmp.Diff(plan, again, cmp.AllowUnexported(life{}, step{})); diff != "" {
			t.Fatal(diff)
		}
		if !cmp.Equal(plan, other.planLife(to, statusAccepted, maximumValidity), cmp.AllowUnexported(life{}, step{})) {
			different++
		}
		before := step{status: statusAccepted}
		for _, now := range plan.steps {
			if rank(now.status) <= rank(before.status) || now.after <= before.after || now.after > 20*time.Minute {
				t.Errorf("%s: %+v after %+v", to, now, before)
			}
			if failed := now.status == statusFailed || now.status == statusUndelivered; failed != (failures[now.code] != "") {
				t.Errorf("%s: status %s with code %d", to, now.status, now.code)
			}
			before = now
		}
	}
	if different < 290 {
		t.Errorf("only %d of 300 lives depend on the seed", different)
	}
}

func TestPlanLife_Special(t *testing.T) {
	t.Parallel()
	options := Options{Seed: 3}.withDefaults()
	instant := Options{Seed: 3, Instant: true}.withDefaults()
	last := func(plan life) step { return plan.steps[len(plan.steps)-1] }
	for _, fixed := range []string{"+33199000001", "+33261910001", "+33353010001", "+33465710001", "+33536490001"} {
		if got := last(options.planLife(fixed, statusQueued, maximumValidity)); got.status != statusUndelivered || got.code != codeLandline {
			t.Errorf("landline %s ends with %+v", fixed, got)
		}
	}
	expired := 0
	for index := range 1000 {
		plan := options.planLife(number(index), statusQueued, 1)
		if got := last(plan); got.code == codeValidityExpired {
			expired++
			if got.status != statusFailed || len(plan.steps) != 1 {
				t.Errorf("expired life %+v", plan)
			}
		}
	}
	if expired == 0 || expired == 1000 {
		t.Errorf("%d of 1000 messages expired within a second", expired)
	}
	if plan := instant.planLife(testTo, statusQueued, 1); len(plan.steps) != 1 || plan.steps[0] != (step{status: statusDelivered}) || plan.reply != "" {
		t.Errorf("instant life %+v", plan)
	}
}

func TestIsOptOut(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text          string
		want, carrier bool
	}{
		{"STOP", true, true},
		{" stop\n", true, true},
		{"Stop!", true, false},
		{"stop svp", true, false},
		{"ARRET", true, true},
		{"Arrêt", true, false},
		{"ne m'appelez plus", true, false},
		{"Ne m’appelez plus !", true, false},
		{"merci", false, false},
		{"C'est qui ?", false, false},
		{"je ne stoppe pas", false, false},
		{"", false, false},
	} {
		if got := IsOptOut(test.text); got != test.want {
			t.Errorf("IsOptOut(%q) = %v", test.text, got)
		}
		if got := isCarrierKeyword(test.text); got != test.carrier {
			t.Errorf("isCarrierKeyword(%q) = %v", test.text, got)
		}
	}
}

func TestMint(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for sequence := range uint64(10_000) {
		for seed := range uint64(2) {
			sid := mint(seed, sequence)
			if len(sid) != 34 || sid[:2] != "SM" || seen[sid] {
				t.Fatalf("sid %q of %d, seed %d", sid, sequence, seed)
			}
			seen[sid] = true
		}
	}
}
