package consent_test

import (
	"slices"
	"testing"
	"time"

	"github.com/hustings/hustings/consent"
)

// Ensure that a pack names the lists that it asks for, and those that it does
// not, with the rule that says so.
func TestPack_Lists(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for _, test := range []struct {
		pack, rule string
		want       consent.List
	}{
		{"UK", "UK-L1", consent.List{Name: "TPS", Applied: true, MaxAge: 28 * day, UnlessGrant: true}},
		{"US", "US-N1", consent.List{Name: "RND", Holds: consent.ListOfAnswers, Applied: true}},
		{"US", "US-L1", consent.List{Name: "DNC"}},
		{"FR", "FR-L2", consent.List{Name: "bloctel"}},
		{"FR", "FR-L1", consent.List{Name: "internal", Applied: true, MaxAge: day}},
		{"FR-FEED", "FR-SF1", consent.List{Name: "short-code", Holds: consent.ListOfObjections, Applied: true, MaxAge: 2 * day}},
	} {
		lists := shipped(t)[test.pack].Lists()
		at := slices.IndexFunc(lists, func(l consent.List) bool { return l.Rule.ID == test.rule })
		if at < 0 {
			t.Errorf("%s: no list by rule %s", test.pack, test.rule)
			continue
		}
		got := lists[at]
		got.Rule = consent.Rule{}
		if got.Name != test.want.Name || got.Holds != test.want.Holds || got.Applied != test.want.Applied ||
			got.MaxAge != test.want.MaxAge || got.UnlessGrant != test.want.UnlessGrant {
			t.Errorf("%s: got %+v, want %+v", test.rule, got, test.want)
		}
	}
}
