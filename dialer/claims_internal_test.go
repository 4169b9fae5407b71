package dialer

import (
	"slices"
	"testing"

	"github.com/hustings/hustings/consent/contact"
)

// Ensure that a contact whom parties have reached by messages that no campaign
// stands for is the one's that has, and nobody's where there are two (I3); and that
// no campaign gives that claim up.
func TestBooks_Bind(t *testing.T) {
	const dialled, withdrawn, planned, unknown = 1, 5, 6, 9
	for name, test := range map[string]struct {
		contact byte
		reached []string
		want    string
	}{
		"of no plan":                {unknown, []string{"party-b"}, "party-b"},
		"in its party's plan":       {planned, []string{"party-a"}, "party-a"},
		"in another's plan":         {planned, []string{"party-b"}, "party-b"},
		"withdrawn by another":      {withdrawn, []string{"party-b"}, "party-b"},
		"dialled by its party":      {dialled, []string{"party-a"}, "party-a"},
		"dialled by another":        {dialled, []string{"party-b"}, nobodysParty},
		"reached twice":             {unknown, []string{"party-b", "party-b"}, "party-b"},
		"reached by two":            {unknown, []string{"party-b", "party-a"}, nobodysParty},
		"reached by two, and again": {unknown, []string{"party-b", "party-a", "party-a"}, nobodysParty},
		"reached by whom":           {planned, []string{nobodysParty}, nobodysParty},
	} {
		t.Run(name, func(t *testing.T) {
			b, id := books{soundBooks()}, contact.ID{test.contact}
			for _, party := range test.reached {
				b.bind("R1", id, party, slices.Collect(b.campaigns()))
			}
			b.giveUp(id, 1, &Job{Round: "R1", Party: "party-a"}, nil)
			if got := string(b.claimedBy("R1", id)); got != test.want {
				t.Errorf("claimed by %q, want %q", got, test.want)
			}
			if faults := CheckBooks(b); len(faults) > 0 {
				t.Error(faults)
			}
		})
	}
}
