package dialer

import (
	"testing"

	"pgregory.net/rapid"
)

// Ensure that the bound finds what an account takes, though nobody tells it and
// others come and go: most of it is used, and few requests are denied.
func TestConcurrency_FindsTheAccountsLimit(t *testing.T) {
	c := newConcurrency(64)
	underWay, denied, began := 0, 0, 0
	used := map[int]int{}
	for step, limit := range []int{100, 20, 5, 1, 40} {
		for range 20_000 {
			for c.allows(underWay) {
				underWay++
				began++
			}
			// The one that has waited longest comes back.
			over := underWay > limit
			underWay--
			used[step] += min(underWay+1, limit)
			if over {
				denied++
				c.denied(underWay, 0)
			} else {
				c.answered()
			}
		}
		if mean, want := float64(used[step])/20_000, 0.7*float64(min(limit, 64)); mean < want {
			t.Errorf("of %d that the account takes %.1f are used", limit, mean)
		}
	}
	// Only an account that takes a single one is felt for with every other request.
	if share := float64(denied) / float64(began); share > 0.15 {
		t.Errorf("%.1f %% of the requests were denied", 100*share)
	}
}

// Ensure that a volley of denials counts once, that the carrier's own count is
// believed where it is lower, and that the bound never leaves its limits.
func TestConcurrency_Denied(t *testing.T) {
	c := newConcurrency(64)
	for underWay := 63; underWay >= 0; underWay-- {
		c.denied(underWay, 0)
	}
	if !c.allows(31) || c.allows(32) {
		t.Errorf("64 denials at once: the bound is %.1f, want 32", c.bound)
	}
	if c.denied(20, 8); !c.allows(3) || c.allows(4) {
		t.Errorf("the carrier counts 8: the bound is %.1f, want 4", c.bound)
	}
	rapid.Check(t, func(t *rapid.T) {
		c := newConcurrency(rapid.IntRange(1, 200).Draw(t, "most"))
		for range rapid.IntRange(1, 300).Draw(t, "answers") {
			if underWay := rapid.IntRange(0, c.most-1).Draw(t, "under way"); rapid.Bool().Draw(t, "denied") {
				c.denied(underWay, rapid.IntRange(0, 500).Draw(t, "counted"))
			} else {
				c.answered()
			}
			if !c.allows(0) || c.allows(c.most) {
				t.Fatalf("the bound is %.2f of %d", c.bound, c.most)
			}
		}
	})
}
